/** Numeric ids on the command line, read strictly: half a number, or a name, must never become root (CVE-2026-30892, CVE-2016-3697). */
import { TsruncError } from '../errors.ts';

/** The kernel keeps 2^32 - 1 to itself: as an id it means "do not change". */
const largestId = 2 ** 32 - 2;

/**
 * @param option that the text was given to, for the message
 * @throws TsruncError USAGE for anything but decimal digits up to 2^32 - 2
 */
export function parseId(text: string, option: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (id <= largestId) return id;
  throw new TsruncError('USAGE', `${option} takes numeric ids from 0 to ${largestId}, not "${text}"`, {
    hint: 'Names are not looked up: the files of the container cannot be trusted to say who is root.',
  });
}

/** "UID" or "UID:GID". @throws TsruncError USAGE */
export function parseUser(text: string): { readonly uid: number; readonly gid: number | undefined } {
  const [uid = '', gid, ...surplus] = text.split(':');
  if (surplus.length > 0) throw new TsruncError('USAGE', `--user takes UID or UID:GID, not "${text}"`);
  return { uid: parseId(uid, '--user'), gid: gid === undefined ? undefined : parseId(gid, '--user') };
}

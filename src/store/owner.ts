/** Whose word counts: a state directory is believed when it is the caller's own. */
import type { Stats } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { inUserNamespace } from '../host/probe.ts';

const rootUid = 0;
const writableByOthers = 0o022;
/** What stat(2) says of an owner that our user namespace does not map (/proc/sys/kernel/overflowuid). */
const unmappedUid = 65_534;

/**
 * Refuse what belongs to another ordinary user. Root's directories (/run, /tmp) are everybody's: what can be made there is
 * decided by their permissions.
 * @throws TsruncError SYSTEM
 */
export function requireOwn(path: string, { uid }: Pick<Stats, 'uid'>, euid = process.geteuid?.() ?? rootUid): void {
  if (uid === euid || uid === rootUid || (uid === unmappedUid && inUserNamespace())) return;
  throw new TsruncError('SYSTEM', `The state directory "${path}" belongs to uid ${uid}, and this is uid ${euid}`, {
    hint: `Its owner could have written anything there. Run tsrunc as that user: sudo -u '#${uid}' tsrunc ...`,
  });
}

/**
 * As requireOwn(), for the directory of one container, which nobody else has any business in.
 * @throws TsruncError SYSTEM
 */
export function requirePrivate(path: string, status: Pick<Stats, 'uid' | 'mode'>): void {
  requireOwn(path, status);
  if ((status.mode & writableByOthers) === 0) return;
  throw new TsruncError('SYSTEM', `The state directory "${path}" can be written to by other users`, {
    hint: `They could have written anything there. If you know that nobody did: chmod go-w "${path}"`,
  });
}

/** What newuidmap and newgidmap say when they fail, with the way out; loaded only then. */
import { TsruncError } from '../errors.ts';
import { type IdRange, subordinateIds } from '../host/subids.ts';
import type { ProgramEnd, SystemCallError } from '../native/native.ts';

/** @param program newuidmap or newgidmap */
export function mapperFailed(program: string, kind: 'uid' | 'gid', end: ProgramEnd | SystemCallError): TsruncError {
  const place = { file: 'config.json', pointer: `/linux/${kind}Mappings` };
  if (end instanceof Error && end.code === 'ENOENT') {
    const hint = 'Install the package uidmap (Debian) or shadow-utils, or map your own id alone.';
    const message = `${program} is not installed, and the ${kind} mappings map more than your own id`;
    return new TsruncError('UNSUPPORTED', message, { cause: new Error(`${program} is not installed`), place, hint });
  }
  const words = wordsOf(program, end);
  const message = `${program} refused the ${kind} mappings: ${words}`;
  return new TsruncError('SYSTEM', message, { cause: new Error(words), place, hint: hintFor(program, kind, words) });
}

/** The program's own words without its name, which some versions repeat. */
function wordsOf(program: string, end: ProgramEnd | SystemCallError): string {
  if (end instanceof Error) return `it could not be started: ${end.code}`;
  const words = end.stderr.trim().replaceAll(`${program}: `, '').replaceAll('\n', '; ');
  return words || (end.timedOut ? 'it did not end in time' : `exit status ${end.code}`);
}

function hintFor(program: string, kind: 'uid' | 'gid', words: string): string {
  const uid = process.geteuid?.() ?? 0;
  if (words.includes('Cannot determine your user name'))
    return `uid ${uid} has no account in /etc/passwd, and ${program} serves only accounts: map your own id alone.`;
  if (words.includes('Operation not permitted'))
    return `${program} must be set-user-ID root (chmod u+s) or have the file capability cap_set${kind}, and not lie on a file system mounted nosuid; no_new_privs must not be set.`;
  const file = `/etc/sub${kind}`;
  return `Your own id and your ranges in ${file} can be mapped: ${ranges(subordinateIds(kind, uid))} (root adds some: usermod --add-sub${kind}s).`;
}

const ranges = (found: readonly IdRange[]): string =>
  found.map(({ first, count }) => `${first}-${first + count - 1}`).join(', ') || 'there are none';

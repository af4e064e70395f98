/** Whose word counts: a state directory is believed when it is the caller's own. */
import type { Stats } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { inUserNamespace } from '../host/probe.ts';

const rootUid = 0;
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

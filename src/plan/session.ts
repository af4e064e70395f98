import type { Context } from './context.ts';
import { planKeyringLabel } from './labels.ts';
import type { Op } from './ops.ts';

/** A session and, unless the caller's is to stay, a session keyring of its own. */
export function planSession({ spec, options }: Context): readonly Op[] {
  const session: Op = { op: 'startSession', from: '' };
  const keyring: Op = { op: 'joinKeyring', name: `_ses.${options.id}`, from: '' };
  return options.newKeyring ? [session, ...planKeyringLabel(spec), keyring] : [session];
}

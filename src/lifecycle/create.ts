import { closeSync } from 'node:fs';
import type { CreateOptions } from './options.ts';
import { prepare } from './prepare.ts';
import { undoing } from './undo.ts';

/**
 * Make the container up to the point where its program could run: it waits for `start`.
 *
 * @throws TsruncError of any kind; nothing is left behind then.
 */
export async function create(options: CreateOptions): Promise<void> {
  const prepared = await undoing((undo) => prepare(options, { hasListener: true, detached: true }, undo));
  prepared.conversation.close();
  closeSync(prepared.conversation.pidfd);
  prepared.release();
}

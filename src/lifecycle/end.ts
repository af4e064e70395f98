import { closeSync } from 'node:fs';
import type { Native } from '../native/native.ts';
import type { Conversation } from './conversation.ts';

const SIGKILL = 9;
const KILL_DEADLINE_MS = 10_000;

/** End a helper, or the program that it has become, reap it, and close its pidfd. */
export async function end(native: Native, conversation: Pick<Conversation, 'close' | 'pidfd'>): Promise<void> {
  conversation.close();
  native.pidfdSendSignal(conversation.pidfd, SIGKILL);
  await native.waitPidfd(conversation.pidfd, KILL_DEADLINE_MS);
  native.reap(conversation.pidfd);
  closeSync(conversation.pidfd);
}

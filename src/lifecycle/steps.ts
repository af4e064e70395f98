import { TsruncError } from '../errors.ts';
import type { Native } from '../native/native.ts';
import type { Fragment } from '../plan/context.ts';
import { stepFailure } from '../plan/failure.ts';
import { type Answers, Conversation } from './conversation.ts';
import { end } from './end.ts';
import { type FdSources, PlanFds } from './fds.ts';
import { spawning } from './spawn.ts';
import { undoing } from './undo.ts';

/**
 * Run steps in a helper of their own that ends after them; the last of them is `ready`.
 * @throws TsruncError STEP_FAILED
 */
export async function runSteps(native: Native, plan: Fragment, sources: FdSources): Promise<void> {
  const helper = spawning(() => native.spawn({ cloneFlags: 0, cgroupFd: -1, stdio: [0, 1, 2], extraFds: [] }));
  const conversation = new Conversation(native, helper, answersFor(sources));
  try {
    await undoing(async (undo) => {
      const fds = new PlanFds(plan.fds, sources, undo);
      await conversation.send(plan.ops, fds.byName);
      fds.closeAll();
      await conversation.untilReady();
    });
  } finally {
    await end(native, conversation);
  }
}

/** Also for the steps on the way to criu. */
export const answersFor = ({ locate }: Pick<FdSources, 'locate'>): Answers => ({
  ask: unforeseen,
  console: unforeseen,
  notify: unforeseen,
  failure: async (op, message) => stepFailure(op, message, locate),
  died: async () => new TsruncError('INIT_DIED', 'The helper ended without a report: something killed it'),
});

const unforeseen = (): Promise<never> => Promise.reject(new Error('these steps have nothing to ask'));

import { TsruncError } from '../errors.ts';
import type { Native } from '../native/native.ts';
import type { ContainerRecord } from '../store/record.ts';
import { openProcess } from './process.ts';

const SIGKILL = 9;
const KILL_DEADLINE_MS = 10_000;

/** runtime.md "Start": without `process` that is an error. */
export const nothingToStart = (): TsruncError =>
  new TsruncError('CONFIG_INVALID', 'There is nothing to start: the configuration of the container has no process', {
    hint: 'Add "process" with its "args" and "cwd" to config.json, and make the container anew.',
  });

/**
 * End a created container that has no program: as where a program cannot be executed, it is stopped after the start that failed.
 * @throws TsruncError CONFIG_INVALID always
 */
export async function endUnstarted(native: Native, record: ContainerRecord): Promise<never> {
  using init = openProcess(native, record);
  if (init !== undefined) {
    native.pidfdSendSignal(init.pidfd, SIGKILL);
    await native.waitPidfd(init.pidfd, KILL_DEADLINE_MS);
  }
  throw nothingToStart();
}

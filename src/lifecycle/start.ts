import { closeSync, rmSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { loadNative } from '../native/load.ts';
import type { Message, Native, SystemCallError } from '../native/native.ts';
import type { ContainerRecord } from '../store/record.ts';
import { type ContainerDir, START_SOCKET } from '../store/store.ts';
import { unlessGone } from './conversation.ts';
import { destroy } from './delete.ts';
import { frozenSpec } from './frozen.ts';
import { runHooks } from './hooks.ts';
import type { TargetOptions } from './options.ts';
import { hookState } from './state.ts';
import { statusOf } from './status.ts';

/** startContainer hooks run before the helper answers; a hook without a time-out may take this long. */
const START_DEADLINE_MS = 600_000;

/**
 * Let a created container run its program.
 *
 * @throws TsruncError CONTAINER_UNKNOWN, CONTAINER_WRONG_STATE, STEP_FAILED when execve or a startContainer hook fails,
 *   HOOK_FAILED of poststart: the container is destroyed then (runtime.md "Lifecycle" 9).
 */
export async function start({ store, id, log }: TargetOptions): Promise<void> {
  const native = loadNative();
  const directory = store.open(id);
  const unlock = await directory.lock(native);
  try {
    const record = directory.read();
    const status = statusOf(directory, record);
    if (status !== 'created') throw (await import('./not-created.ts')).notCreated(status, id);
    if (!record.hasProgram) await (await import('./nothing-to-start.ts')).endUnstarted(native, record);
    await giveTheWord(native, directory, record);
    await poststart(native, directory, record).catch(async (error: unknown) => {
      await destroy(native, directory, record, log);
      throw error;
    });
  } finally {
    unlock();
    directory.close();
  }
}

async function giveTheWord(native: Native, directory: ContainerDir, record: ContainerRecord): Promise<void> {
  const connection = await connect(native, directory);
  try {
    // The socket's going is what turns "created" into "running" (status.ts).
    rmSync(directory.file(START_SOCKET));
    native.sendGo(connection);
    const isThere = !record.startHooks || unlessGone(() => native.sendGo(connection));
    const answer = await native.receive(connection, START_DEADLINE_MS);
    if (answer.kind === 'failed') throw await failedAfterStart(answer, directory, record);
    if (answer.kind === 'closed' && (answer.unread || !isThere)) throw endedBefore(record);
  } finally {
    closeSync(connection);
  }
}

async function connect(native: Native, directory: ContainerDir): Promise<number> {
  try {
    return native.connect(directory.fd, START_SOCKET);
  } catch (cause) {
    if ((cause as SystemCallError).code !== 'ECONNREFUSED') throw cause;
    throw (await import('./not-created.ts')).notCreated('stopped', directory.id);
  }
}

/** runtime.md "Lifecycle" 8: a container whose startContainer hooks did not all succeed is not started. */
function endedBefore({ startHooks }: ContainerRecord): TsruncError {
  const what = startHooks ? 'while a startContainer hook ran' : 'before its program';
  return new TsruncError('INIT_DIED', `The container ended ${what}: something killed it`, {
    hint: 'Was it killed or deleted meanwhile? Or look for it in the kernel log (dmesg): the hook counts for the memory limit of the container.',
  });
}

/**
 * What failed after the word was given: a startContainer hook or execve. The plan is not stored; its tail depends on the
 * frozen configuration alone, so it is compiled again, only now that something has gone wrong.
 */
async function failedAfterStart(
  answer: Extract<Message, { kind: 'failed' }>,
  directory: ContainerDir,
  record: ContainerRecord,
): Promise<TsruncError> {
  const { stepFailure } = await import('../plan/failure.ts');
  const { planAfterStart } = await import('../plan/compile.ts');
  const planned = planAfterStart(frozenSpec(directory), { prefix: '', suffix: '' });
  // Versions whose records do not know startHooks planned none.
  const tail = record.startHooks ? planned : planned.filter(({ op }) => op !== 'takeGo');
  const op = tail[tail.length - (record.steps - answer.step)];
  if (op !== undefined) return stepFailure(op, answer);
  return new TsruncError('INIT_DIED', `The container could not be started: ${answer.call}: ${answer.detail}`);
}

const poststart = (native: Native, directory: ContainerDir, record: ContainerRecord): Promise<void> =>
  record.hooks
    ? runHooks(native, 'poststart', frozenSpec(directory).hooks?.poststart, hookState(record, 'running', record.pid))
    : Promise.resolve();

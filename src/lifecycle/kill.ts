import { openCgroup } from '../cgroup/choose.ts';
import { TsruncError } from '../errors.ts';
import { loadNative } from '../native/load.ts';
import type { Native, SystemCallError } from '../native/native.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { KillOptions } from './options.ts';
import { holdProcess, openProcess } from './process.ts';
import { cgroupOf, hidesOthers, namespaceOf, othersMayRun, processesOf } from './processes.ts';
import { statusOf } from './status.ts';

const SIGKILL = 9;

/**
 * Send a signal to the container's first process, or to all of them. Where the others are not known, `all` is an error after
 * the first one was signalled; KILL without it, and `all` when the first has ended, is a warning.
 *
 * @throws TsruncError CONTAINER_UNKNOWN; CONTAINER_WRONG_STATE "container not running" (engines match the text); UNSUPPORTED
 */
export async function kill({ store, id, signal, all, log }: KillOptions): Promise<void> {
  const directory = store.open(id);
  try {
    const record = directory.read();
    const hidden = hidesOthers(directory, record);
    if (all && !hidden) return await killAll(record, signal);
    const isStopped = statusOf(directory, record) === 'stopped';
    if (all) return isStopped ? log.warn(othersMayRun(record)) : killKnown(record, signal);
    if (isStopped) throw notRunning();
    await killFirst(loadNative(), record, signal);
    if (hidden && signal === SIGKILL) log.warn(othersMayRun(record));
  } finally {
    directory.close();
  }
}

async function killFirst(native: Native, record: ContainerRecord, signal: number): Promise<void> {
  using init = openProcess(native, record);
  if (init === undefined) throw notRunning();
  // Without a pid namespace of its own, ending the first process leaves the others, and KILL means the container. Which
  // cgroup is theirs is asked while the first process lives: one that is ending is in none any more.
  const others = signal === SIGKILL && !record.ownPidNamespace ? cgroupOf(record) : undefined;
  try {
    native.pidfdSendSignal(init.pidfd, signal);
  } catch (cause) {
    if ((cause as SystemCallError).code === 'ESRCH') throw notRunning();
    throw new TsruncError(
      'SYSTEM',
      `cannot send signal ${signal} to container ${record.id}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  await others?.kill(SIGKILL);
  if (signal === SIGKILL && record.cgroup !== undefined) openCgroup(record.cgroup).thaw();
}

async function killAll(record: ContainerRecord, signal: number): Promise<void> {
  const cgroup = cgroupOf(record);
  if (cgroup !== undefined) return await cgroup.kill(signal);
  // Its program does not run yet, so there are no others.
  if (!record.ownPidNamespace) return signalFirst(record, signal);
  for (const pid of processesOf(record)) signalInside(record, pid, signal);
}

/** @throws TsruncError UNSUPPORTED always: whoever is told of success takes all for signalled */
function killKnown(record: ContainerRecord, signal: number): never {
  signalFirst(record, signal);
  throw new TsruncError('UNSUPPORTED', othersMayRun(record), {
    hint: 'The first one was signalled. End the others by hand; the next time, give it a cgroup or a pid namespace.',
  });
}

function signalFirst(record: ContainerRecord, signal: number): void {
  const native = loadNative();
  using init = openProcess(native, record);
  if (init !== undefined) unlessEnded(() => native.pidfdSendSignal(init.pidfd, signal));
}

/** The number may be another process's by now: what is held is looked at again before it is signalled. */
function signalInside(record: ContainerRecord, pid: number, signal: number): void {
  const native = loadNative();
  using found = holdProcess(native, pid);
  const isInside = found !== undefined && namespaceOf(pid) === namespaceOf(record.pid);
  if (isInside) unlessEnded(() => native.pidfdSendSignal(found.pidfd, signal));
}

function unlessEnded(send: () => void): void {
  try {
    send();
  } catch (error) {
    if ((error as SystemCallError).code !== 'ESRCH') throw error;
  }
}

const notRunning = (): TsruncError =>
  new TsruncError('CONTAINER_WRONG_STATE', 'container not running', {
    hint: 'Its process has ended; `tsrunc delete` removes what is left of it.',
  });

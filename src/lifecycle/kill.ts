import { openCgroup } from '../cgroup/choose.ts';
import { TsruncError } from '../errors.ts';
import { loadNative } from '../native/load.ts';
import type { Native, SystemCallError } from '../native/native.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { KillOptions } from './options.ts';
import { holdProcess, openProcess } from './process.ts';
import { cgroupOf, namespaceOf, processesOf } from './processes.ts';
import { statusOf } from './status.ts';

const SIGKILL = 9;

/**
 * Send a signal to the container's first process, or to all of them.
 *
 * @throws TsruncError CONTAINER_UNKNOWN; CONTAINER_WRONG_STATE "container not running" (engines match the text)
 */
export async function kill({ store, id, signal, all }: KillOptions): Promise<void> {
  const directory = store.open(id);
  try {
    const record = directory.read();
    if (all) return await killAll(record, signal);
    if (statusOf(directory, record) === 'stopped') throw notRunning();
    await killFirst(loadNative(), record, signal);
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
  if (!record.ownPidNamespace) return await killOnly(record, signal);
  for (const pid of processesOf(record)) signalInside(record, pid, signal);
}

/** Without a cgroup and a pid namespace only the first process is known to be the container's. */
async function killOnly(record: ContainerRecord, signal: number): Promise<void> {
  const native = loadNative();
  using init = openProcess(native, record);
  if (init !== undefined) native.pidfdSendSignal(init.pidfd, signal);
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

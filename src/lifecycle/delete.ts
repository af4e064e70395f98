import { openCgroup } from '../cgroup/choose.ts';
import { TsruncError } from '../errors.ts';
import { tracerOf } from '../host/process.ts';
import type { Logger } from '../log/logger.ts';
import { loadNative } from '../native/load.ts';
import type { Native } from '../native/native.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { ContainerDir } from '../store/store.ts';
import { frozenSpec } from './frozen.ts';
import { runAllHooks } from './hooks.ts';
import { detachMountsBelow } from './mounts.ts';
import type { DeleteOptions } from './options.ts';
import { openProcess } from './process.ts';
import { hidesOthers, othersMayRun } from './processes.ts';
import { removeRdtGroups } from './rdt.ts';
import { hookState } from './state.ts';
import { statusOf } from './status.ts';

/** How long a killed process may take to end: past this it hangs in the kernel (a dead NFS server, a frozen cgroup). */
const KILL_DEADLINE_MS = 10_000;
/** How soon it is thawed once more: another of its processes may have been freezing it at that moment (cgroup v1). */
const THAW_AGAIN_MS = 100;
/** After so long the others are killed too: a first process ends only when all of its pid namespace has been reaped. */
const ALONE_MS = 1000;
const SIGKILL = 9;

/**
 * Remove everything that create made: processes, cgroups, state; then run the poststop hooks, whose failures are warnings
 * (runtime.md "Lifecycle" 13). Engines delete containers that were created and never started, so that is allowed as well.
 *
 * @throws TsruncError CONTAINER_UNKNOWN, CONTAINER_WRONG_STATE, CGROUP_FAILED, TIMEOUT
 */
export async function deleteContainer({ store, id, force, log }: DeleteOptions): Promise<void> {
  try {
    const directory = store.open(id);
    await deleteLocked(directory, force, log).finally(() => directory.close());
  } catch (error) {
    if (!isGone(error, force)) throw error;
  }
}

async function deleteLocked(directory: ContainerDir, force: boolean, log: Logger): Promise<void> {
  const native = loadNative();
  const unlock = await directory.lock(native, force ? () => killNow(native, directory) : undefined);
  try {
    const record = readForDelete(directory, force, log);
    if (record === undefined) return directory.remove();
    refuseIfRunning(directory, record, force);
    await destroy(native, directory, record, log);
  } finally {
    unlock();
  }
}

/**
 * Whoever has the lock may be waiting for the container itself: for a hook in it that does not end, at start or before its first
 * process is on record. A state that cannot be read yet, or no longer, is judged when the lock is ours.
 */
async function killNow(native: Native, directory: ContainerDir): Promise<void> {
  try {
    const record = directory.read();
    await killInit(native, record);
    if (record.cgroup !== undefined) await openCgroup(record.cgroup).kill(SIGKILL);
  } catch (error) {
    if (!(error instanceof TsruncError) || error.code !== 'STATE_UNREADABLE') throw error;
  }
}

/** Kill, remove, run poststop. The caller holds the lock and has decided that the container goes. */
export async function destroy(
  native: Native,
  directory: ContainerDir,
  record: ContainerRecord,
  log: Logger,
): Promise<void> {
  const spec = record.hooks ? frozenSpec(directory) : undefined;
  const hidden = hidesOthers(directory, record);
  await killInit(native, record);
  if (record.cgroup !== undefined) {
    const cgroup = openCgroup(record.cgroup);
    // Without a pid namespace of its own the container's other processes outlive its first one.
    await cgroup.kill(SIGKILL);
    await cgroup.remove();
  }
  await removeRdtGroups(record);
  if (record.sharesMounts) detachMountsBelow(native, record.rootfs);
  directory.remove();
  if (hidden) log.warn(othersMayRun(record));
  for (const failure of await runAllHooks(native, 'poststop', spec?.hooks?.poststop, hookState(record, 'stopped', 0))) {
    log.warn(failure.message);
  }
}

/** Whoever wants a container gone is content when it is. */
const isGone = (error: unknown, force: boolean): boolean =>
  force && error instanceof TsruncError && error.code === 'CONTAINER_UNKNOWN';

/** A damaged state file must not make a container immortal: with --force its directory goes, with a warning. */
function readForDelete(directory: ContainerDir, force: boolean, log: Logger): ContainerRecord | undefined {
  try {
    return directory.read();
  } catch (error) {
    if (!force || !(error instanceof TsruncError) || error.code !== 'STATE_UNREADABLE') throw error;
    log.warn(`${error.message}; only its state directory is removed`);
    return undefined;
  }
}

function refuseIfRunning(directory: ContainerDir, record: ContainerRecord, force: boolean): void {
  const status = statusOf(directory, record);
  if (force || status === 'stopped' || status === 'created') return;
  throw new TsruncError(
    'CONTAINER_WRONG_STATE',
    `cannot delete container ${record.id} that is not stopped: ${status}`,
    {
      hint: `Stop it first (tsrunc kill ${record.id} KILL), or use --force.`,
    },
  );
}

async function killInit(native: Native, record: ContainerRecord): Promise<void> {
  using init = openProcess(native, record);
  if (init === undefined) return;
  native.pidfdSendSignal(init.pidfd, SIGKILL);
  const cgroup = record.cgroup && openCgroup(record.cgroup);
  const begin = performance.now();
  for (let waited = 0; waited < KILL_DEADLINE_MS; waited = performance.now() - begin) {
    // A criu that was left alone in the middle of a restore traces processes of the container: nobody else can reap them.
    if (waited > ALONE_MS) await cgroup?.kill(SIGKILL);
    cgroup?.thaw();
    if (await native.waitPidfd(init.pidfd, THAW_AGAIN_MS)) return;
  }
  throw new TsruncError(
    'TIMEOUT',
    `container ${record.id} does not end: process ${record.pid} is still there 10 s after SIGKILL`,
    { hint: whyAlive(record.pid) },
  );
}

/** What is traced is reaped by its tracer first: a criu that served memory keeps all processes when its checkpoint was killed. */
function whyAlive(pid: number): string {
  const tracer = tracerOf(pid);
  if (tracer === undefined) return `See what it waits for: cat /proc/${pid}/stack /proc/${pid}/wchan`;
  return `Process ${tracer} traces it and has to end first: see /proc/${tracer}/cmdline, then kill ${tracer}.`;
}

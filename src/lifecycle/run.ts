import { join } from 'node:path';
import { directoryOf } from '../cgroup/record.ts';
import { loadNative } from '../native/load.ts';
import type { Native } from '../native/native.ts';
import type { Op } from '../plan/ops.ts';
import type { ContainerRecord } from '../store/record.ts';
import { type ContainerDir, STATE_FILES } from '../store/store.ts';
import { destroy } from './delete.ts';
import { runHooks } from './hooks.ts';
import { becomeMonitor } from './monitor.ts';
import type { RunOptions } from './options.ts';
import { type Prepared, prepare } from './prepare.ts';
import { selfCommand } from './self.ts';
import { hookState } from './state.ts';
import { undoing } from './undo.ts';

/** How long the monitor tries to remove a cgroup that is still busy, before it leaves that to `delete`. */
const CGROUP_GRACE_MS = 200;

/**
 * Create and start in one go. In the foreground this process then becomes a small native monitor (an idle engine would cost
 * 30 MB a container): it forwards signals, relays the terminal, removes the container and ends with the program's status,
 * so in the foreground this returns only by throwing. Detached, it resolves to 0 once the program runs.
 */
export async function run(options: RunOptions): Promise<number> {
  const native = loadNative();
  // Before the container exists: orphans of the container must never be handed to somebody else.
  if (!options.detach && !options.noSubreaper) native.setChildSubreaper();
  const prepared = await undoing(async (undo) => {
    const made = await prepare(options, { hasListener: false, detached: options.detach }, undo);
    // From here on the program may run, and signals are meant for it.
    if (!options.detach) native.keepSignals();
    await made.conversation.start();
    return made;
  });
  await afterStart(native, prepared, options);
  return 0;
}

/**
 * The program runs: poststart hooks, then this process's own role changes. A failing poststart hook destroys the container
 * (runtime-spec 1.3, runtime.md "Lifecycle" 9), and so does a monitor that cannot be had.
 */
async function afterStart(native: Native, prepared: Prepared, options: RunOptions): Promise<void> {
  const { conversation, directory, record, spec, listUnapplied } = prepared;
  try {
    await runHooks(native, 'poststart', spec.hooks?.poststart, hookState(record, 'running', record.pid));
    await listUnapplied();
    conversation.close();
    if (!options.detach) attend(native, prepared, conversation, options);
  } catch (error) {
    await destroy(native, directory, record, options.global.log);
    throw error;
  } finally {
    prepared.release();
  }
}

/** Become the monitor of a container that runs. Returns only by throwing. */
export function attend(
  native: Native,
  { directory, record, terminal }: Pick<Prepared, 'directory' | 'record' | 'terminal'>,
  { pid, pidfd }: { readonly pid: number; readonly pidfd: number },
  { keep, global }: Pick<RunOptions, 'keep' | 'global'>,
): never {
  const afterwards = keep ? [] : [cleanUp(directory, record, global.root)];
  return becomeMonitor(native, { pid, pidfd, terminal }, afterwards);
}

/** The container's own directories, and those above them that were made for it. */
function cgroupsOf({ cgroup }: ContainerRecord): { cgroups: readonly string[]; parents: readonly string[] } {
  const own = new Set(cgroup?.places.map(directoryOf));
  const made = cgroup?.directories.toReversed() ?? [];
  return { cgroups: made.filter((path) => own.has(path)), parents: made.filter((path) => !own.has(path)) };
}

/** Removes the container without an engine: what hooks are for is left to `delete`. */
function cleanUp(directory: ContainerDir, record: ContainerRecord, root: string): Op {
  return {
    op: 'cleanUp',
    from: '',
    ...cgroupsOf(record),
    files: STATE_FILES.map((name) => join(directory.path, name)),
    directories: [directory.path],
    graceMilliseconds: CGROUP_GRACE_MS,
    fallback: [...selfCommand(), '--root', root, 'delete', '--force', record.id],
    // Hooks, resctrl and systemd are beyond the monitor.
    always: record.hooks || record.rdt !== undefined || record.cgroup?.unit !== undefined ? 1 : 0,
  };
}

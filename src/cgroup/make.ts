/** Making and removing the directories of a cgroup. */
import { existsSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { cgroupFailed } from './failure.ts';
import { makeDirectory, readControlIfThere, removeIfIdle } from './files.ts';
import { ancestry } from './paths.ts';
import type { CgroupPlace } from './record.ts';
import { visitTree } from './tree.ts';
import { until } from './wait.ts';

/** How long ended processes may take to leave their cgroup: the kernel lets go of them asynchronously. */
const removalMs = 2000;
/** How often a parent may vanish under us, removed together with another container, before that is an error. */
const attempts = 10;

/** The directories of a place that do not exist yet, parents first. */
export function missingDirectories(place: CgroupPlace): string[] {
  const all = ancestry(place);
  // From the leaf upwards: usually nothing but the leaf is missing.
  const existing = all.findLastIndex((directory) => existsSync(directory));
  return all.slice(existing + 1);
}

/**
 * Make all directories of a place, calling `onLevel` for each, new or not, parents first.
 * @throws the system call's error
 */
export function makeDirectories(place: CgroupPlace, onLevel: (directory: string, isNew: boolean) => void): void {
  for (let attempt = 1; ; attempt++) {
    try {
      for (const directory of ancestry(place)) onLevel(directory, makeDirectory(directory));
      return;
    } catch (error) {
      if (errnoName(error) !== 'ENOENT' || attempt === attempts) throw error;
    }
  }
}

/**
 * A cgroup that was there before must be idle: delete would kill and limits would hit processes that are not the container's,
 * and in a frozen one the container would never start.
 * @throws TsruncError CGROUP_FAILED
 */
export function refuseInUse(directory: string, pids: readonly number[], frozen: boolean): void {
  if (frozen) {
    const hint = 'Thaw it, or choose another linux.cgroupsPath.';
    throw new TsruncError('CGROUP_FAILED', `container's cgroup unexpectedly frozen: ${directory}`, { hint });
  }
  if (pids.length === 0) return;
  const hint = `Choose another linux.cgroupsPath. In ${directory}: ${pids.slice(0, 10).join(', ')}`;
  throw new TsruncError('CGROUP_FAILED', `container's cgroup is not empty: ${pids.length} process(es) found`, { hint });
}

/**
 * Remove directories that the runtime made, parents first in the list, with all cgroups that were made inside the container's
 * own. Parents in which somebody else's cgroup is by now stay.
 * @param leaves the container's own cgroups
 * @throws TsruncError CGROUP_FAILED when a leaf is still in use after two seconds
 */
export async function removeDirectories(directories: readonly string[], leaves: readonly string[]): Promise<void> {
  const failures: TsruncError[] = [];
  for (const directory of directories.toReversed()) {
    try {
      if (!removeIfIdle(directory) && leaves.includes(directory)) await removeBusy(directory);
    } catch (error) {
      failures.push(error instanceof TsruncError ? error : cgroupFailed('remove', directory, error));
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return;
  // One container's cgroup is busy in many hierarchies for one reason.
  throw others.length === 0
    ? first
    : new TsruncError('CGROUP_FAILED', first.message, {
        cause: new AggregateError(failures),
        ...(first.hint === undefined ? {} : { hint: first.hint }),
      });
}

async function removeBusy(directory: string): Promise<void> {
  const events = `${directory}/cgroup.events`;
  if (await until(() => removeTree(directory), removalMs, existsSync(events) ? events : undefined)) return;
  const pids = readControlIfThere(`${directory}/cgroup.procs`)?.split('\n').filter(Boolean) ?? [];
  const hint =
    pids.length > 0
      ? `These processes are still in it: ${pids.slice(0, 10).join(', ')}`
      : 'Some of its child cgroups are in use.';
  throw new TsruncError('CGROUP_FAILED', `Cannot remove the cgroup ${directory}: it is in use`, { hint });
}

/** Children before parents. @returns whether the directory is gone */
function removeTree(directory: string): boolean {
  visitTree(directory, { leave: removeIfIdle });
  return removeIfIdle(directory);
}

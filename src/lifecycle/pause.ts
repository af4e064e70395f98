import { openCgroup } from '../cgroup/choose.ts';
import type { CgroupDriver } from '../cgroup/driver.ts';
import { TsruncError } from '../errors.ts';
import { loadNative } from '../native/load.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { ContainerStatus, TargetOptions } from './options.ts';
import { statusOf } from './status.ts';

type Target = Pick<TargetOptions, 'store' | 'id'>;

/**
 * Stop all processes of a container where they are; `state` says "paused" then.
 *
 * @throws TsruncError CONTAINER_UNKNOWN; CONTAINER_WRONG_STATE "container not running"; CGROUP_FAILED when a process does not
 *   stop (all run on then); UNSUPPORTED without a cgroup
 */
export function pause(target: Target): Promise<void> {
  return withCgroup(target, async (cgroup, status) => {
    if (status !== 'running' && status !== 'created') throw notRunning(status);
    await cgroup().freeze(true);
  });
}

/**
 * Let the processes of a paused container go on.
 *
 * @throws TsruncError CONTAINER_UNKNOWN; CONTAINER_WRONG_STATE "container not paused"; CGROUP_FAILED when a parent cgroup is
 *   frozen as well
 */
export function resume(target: Target): Promise<void> {
  return withCgroup(target, async (cgroup, status) => {
    if (status !== 'paused') throw new TsruncError('CONTAINER_WRONG_STATE', 'container not paused');
    await cgroup().freeze(false);
    if (cgroup().frozen()) throw parentFrozen();
  });
}

/** Under the lock: a container that delete has killed must not be frozen again before its processes have gone. */
async function withCgroup(
  { store, id }: Target,
  work: (cgroup: () => CgroupDriver, status: ContainerStatus) => Promise<void>,
): Promise<void> {
  const directory = store.open(id);
  const unlock = await directory.lock(loadNative());
  try {
    const record = directory.read();
    await work(() => cgroupOf(record), statusOf(directory, record));
  } finally {
    unlock();
    directory.close();
  }
}

function cgroupOf({ id, cgroup, withoutCgroup }: ContainerRecord): CgroupDriver {
  if (cgroup !== undefined) return openCgroup(cgroup);
  const why = withoutCgroup === undefined ? '' : ` (${withoutCgroup})`;
  throw new TsruncError('UNSUPPORTED', `container ${id} cannot be paused: it has no cgroup${why}`);
}

/** Engines match the sentence, so what is special about the status goes into the hint. */
function notRunning(status: ContainerStatus): TsruncError {
  const hint = status === 'paused' ? { hint: 'It is paused already.' } : {};
  return new TsruncError('CONTAINER_WRONG_STATE', 'container not running', hint);
}

const parentFrozen = (): TsruncError =>
  new TsruncError('CGROUP_FAILED', 'the container stays paused: a cgroup above its own is frozen', {
    hint: 'Whoever froze that one has to thaw it.',
  });

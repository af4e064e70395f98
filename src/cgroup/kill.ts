/** Killing everything in a cgroup although it may fork faster than we can read. */
import type { CgroupDriver } from './driver.ts';
import { signalAll } from './processes.ts';
import { until } from './wait.ts';

const SIGKILL = 9;
const endMs = 2000;

/**
 * Stop all, signal all, let all run: a stopped process cannot fork a child that the signal misses. Where stopping fails or there
 * is no freezer, the kill is repeated until nobody is left.
 */
export async function killFrozen(
  cgroup: Pick<CgroupDriver, 'pids' | 'freeze' | 'frozen' | 'thaw'>,
  signal: number,
): Promise<void> {
  if (cgroup.pids().length === 0) return;
  const wasFrozen = cgroup.frozen();
  if (!wasFrozen) await cgroup.freeze(true).catch(() => cgroup.freeze(false));
  try {
    signalAll(cgroup.pids(), signal);
  } finally {
    // Any other signal waits for the user's resume.
    if (signal === SIGKILL) cgroup.thaw();
    else if (!wasFrozen) await cgroup.freeze(false);
  }
  if (signal === SIGKILL) await until(() => killRest(cgroup), endMs);
}

/** Whoever is left may have been freezing others when the signal came. */
function killRest(cgroup: Pick<CgroupDriver, 'pids' | 'thaw'>): boolean {
  const left = cgroup.pids();
  signalAll(left, SIGKILL);
  if (left.length > 0) cgroup.thaw();
  return left.length === 0;
}

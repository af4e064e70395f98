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
  cgroup: Pick<CgroupDriver, 'pids' | 'freeze' | 'frozen'>,
  signal: number,
): Promise<void> {
  if (cgroup.pids().length === 0) return;
  const wasFrozen = cgroup.frozen();
  if (!wasFrozen) await cgroup.freeze(true).catch(() => cgroup.freeze(false));
  try {
    signalAll(cgroup.pids(), signal);
  } finally {
    // On v1 not even SIGKILL reaches a frozen process; any other signal waits for the user's resume.
    if (!wasFrozen || signal === SIGKILL) await cgroup.freeze(false);
  }
  if (signal === SIGKILL) await until(() => killRest(cgroup), endMs);
}

function killRest(cgroup: Pick<CgroupDriver, 'pids'>): boolean {
  const left = cgroup.pids();
  signalAll(left, SIGKILL);
  return left.length === 0;
}

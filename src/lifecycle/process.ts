import { closeSync } from 'node:fs';
import { startTime } from '../host/process.ts';
import type { Native, SystemCallError } from '../native/native.ts';
import type { ContainerRecord } from '../store/record.ts';

/** A pidfd of the container's first process. */
export interface OpenProcess extends Disposable {
  readonly pidfd: number;
}

/**
 * Open the container's first process; undefined when it is gone. The identity is checked after the pidfd is held: a pid
 * that the kernel has given to another process meanwhile has another start time.
 */
export function openProcess(native: Native, record: ContainerRecord): OpenProcess | undefined {
  if (record.pid === 0) return undefined;
  const held = holdProcess(native, record.pid);
  if (held === undefined || startTime(record.pid) === record.startTime) return held;
  held[Symbol.dispose]();
  return undefined;
}

/** Open whatever process has this number now; undefined when there is none. */
export function holdProcess(native: Native, pid: number): OpenProcess | undefined {
  try {
    const pidfd = native.pidfdOpen(pid);
    return { pidfd, [Symbol.dispose]: () => closeSync(pidfd) };
  } catch (error) {
    // EINVAL: no process, but its number lives on as that of a group or session (before Linux 6.15, which says ESRCH).
    if (['ESRCH', 'EINVAL'].includes((error as SystemCallError).code)) return undefined;
    throw error;
  }
}

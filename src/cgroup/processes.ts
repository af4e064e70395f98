/** The processes of a cgroup and of all below it. */
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { readControlIfThere } from './files.ts';
import { visitTree } from './tree.ts';

/** Process ids, each once; a process of another pid namespace that cannot be named from here (0) is left out. */
export function processesOf(directory: string): number[] {
  const found = new Set<number>();
  visitTree(directory, {
    enter: (path) => {
      for (const pid of ownProcesses(path)) found.add(pid);
    },
  });
  found.delete(0);
  return [...found];
}

function ownProcesses(directory: string): number[] {
  return readPids(directory).split('\n').filter(Boolean).map(Number);
}

function readPids(directory: string): string {
  try {
    return readControlIfThere(`${directory}/cgroup.procs`) ?? '';
  } catch (error) {
    // A threaded cgroup has no list of processes; theirs is in the domain above, and killing a thread kills its process.
    if (errnoName(error) === 'EOPNOTSUPP') return readControlIfThere(`${directory}/cgroup.threads`) ?? '';
    throw error;
  }
}

/** Send a signal to each; those that ended meanwhile are no error. @throws TsruncError SYSTEM */
export function signalAll(pids: readonly number[], signal: number): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (cause) {
      if (errnoName(cause) === 'ESRCH') continue;
      throw new TsruncError('SYSTEM', `Cannot send signal ${signal} to process ${pid}`, { cause });
    }
  }
}

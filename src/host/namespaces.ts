import { fstatSync, readlinkSync, statSync } from 'node:fs';
import { errnoName } from './errno.ts';

/** What /proc/PID/ns calls the namespace types that config.json has another name for. */
const fileNames: ReadonlyMap<string, string> = new Map([
  ['mount', 'mnt'],
  ['network', 'net'],
]);

/**
 * Those of the namespace types in which a process is elsewhere than we are. A type that this kernel does not have is none.
 * @param pid of the process; the caller makes sure that it stays the same one
 * @throws Error of readlink(2): EACCES where this user may not look, ENOENT when the process has ended
 */
export function otherNamespaces<T extends string>(pid: number, types: readonly T[]): T[] {
  return types.filter((type) => {
    const name = fileNames.get(type) ?? type;
    const own = ownNamespace(name);
    return own !== undefined && own !== readlinkSync(`/proc/${pid}/ns/${name}`);
  });
}

/** Whether an open namespace is the one of this process. */
export function isOwnNamespace(fd: number, type: string): boolean {
  const [given, own] = [fstatSync(fd), statSync(`/proc/self/ns/${fileNames.get(type) ?? type}`)];
  return given.ino === own.ino && given.dev === own.dev;
}

function ownNamespace(name: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/ns/${name}`);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
}

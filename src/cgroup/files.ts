/** Reading and writing the kernel's control files. */
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import { errnoName } from '../host/errno.ts';

/** One write(2) of the whole value: the kernel takes each write as one command. Never creates a file. */
export function writeControl(path: string, value: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  try {
    writeSync(fd, value);
  } finally {
    closeSync(fd);
  }
}

/** The file by which a process enters a cgroup of v2. @throws the system call's error */
export const openProcesses = (directory: string): number => openSync(`${directory}/cgroup.procs`, constants.O_WRONLY);

/** The file by which a thread enters a cgroup of v1. @throws the system call's error */
export const openTasks = (directory: string): number => openSync(`${directory}/tasks`, constants.O_WRONLY);

/** Nothing happens when the file or its cgroup does not exist. */
export function writeControlIfThere(path: string, value: string): void {
  orUndefined(['ENOENT', 'ENODEV'], () => writeControl(path, value));
}

export function readControl(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

/** undefined when the file or its cgroup does not exist. */
export function readControlIfThere(path: string): string | undefined {
  return orUndefined(['ENOENT', 'ENODEV'], () => readControl(path));
}

/** The number behind a key of a flat keyed file ("populated 1"); undefined without such a file or key. */
export function readKey(path: string, key: string): number | undefined {
  const line = readControlIfThere(path)
    ?.split('\n')
    .find((candidate) => candidate.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}

/** @returns false when it was there already */
export function makeDirectory(path: string): boolean {
  return orUndefined(['EEXIST'], () => mkdirSync(path, { mode: 0o755 }) ?? true) ?? false;
}

/** @returns false when processes or child cgroups keep it; true when it is gone */
export function removeIfIdle(path: string | Buffer): boolean {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return true;
    // On a read-only mount the kernel says so before it looks whether the directory is there (those found in a walk are).
    if (errnoName(error) === 'EROFS' && typeof path === 'string' && !existsSync(path)) return true;
    if (errnoName(error) === 'EBUSY' || errnoName(error) === 'ENOTEMPTY') return false;
    throw error;
  }
  return true;
}

/** What `run` returns; undefined when it fails with one of these errors, "ENOENT". */
export function orUndefined<T>(answers: readonly string[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    const name = errnoName(error);
    if (name !== undefined && answers.includes(name)) return undefined;
    throw error;
  }
}

import { accessSync, constants, existsSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { TsruncError } from '../errors.ts';
import { errnoName, isFull } from '../host/errno.ts';
import type { Native } from '../native/native.ts';

/**
 * Before anything runs: whoever waits for the file must not be left with a process that no file tells of.
 * @throws TsruncError SYSTEM
 */
export function checkPidFile(path: string | undefined): void {
  if (path === undefined) return;
  try {
    // With the dot a file in the folder's place is found, too.
    accessSync(`${dirname(path)}/.`, constants.W_OK);
  } catch (cause) {
    throw notWritten(path, cause);
  }
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new TsruncError('SYSTEM', `Cannot write the pid file "${path}": it is a directory`, {
      hint: 'Name a file in it.',
    });
}

/** Write the pid, digits only, all at once: engines take the file's appearance as the sign of success. */
export function writePidFile(path: string, pid: number): void {
  // "wx" is O_EXCL: the folder may be everybody's (/tmp), and a link that waits there under the name must not be written through.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${crypto.randomUUID()}`);
  try {
    writeFileSync(temporary, String(pid), { mode: 0o644, flag: 'wx' });
    renameSync(temporary, path);
  } catch (cause) {
    if (errnoName(cause) !== 'EEXIST') rmSync(temporary, { force: true });
    throw notWritten(path, cause);
  }
}

function notWritten(path: string, cause: unknown): TsruncError {
  const errno = errnoName(cause);
  const hint = isFull(cause) ? 'Its file system is full: make room there.' : 'Its folder must exist and be writable.';
  const what = `Cannot write the pid file "${path}"`;
  return (errno === 'ENOENT' && !existsSync(dirname(path))) || errno === 'ENOTDIR'
    ? new TsruncError('SYSTEM', `${what}: there is no folder "${dirname(path)}"`, { hint })
    : new TsruncError('SYSTEM', `${what}: ${errno}`, { cause, hint });
}

/** Send a pidfd of the container's first process over --pidfd-socket. */
export function sendPidfd(native: Native, path: string, pidfd: number): void {
  try {
    native.sendFd(path, pidfd, 'pidfd');
  } catch (cause) {
    throw new TsruncError('SYSTEM', `Cannot send the pidfd to the socket "${path}"`, {
      cause,
      hint: 'Somebody must listen on it (SOCK_STREAM) before the container is created.',
    });
  }
}

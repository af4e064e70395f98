import { chmodSync, chownSync, closeSync, constants, mkdirSync, openSync, readlinkSync } from 'node:fs';
import { errorsOf, hintFor } from '../criu/log.ts';
import type { CriuResponse } from '../criu/messages.ts';
import type { Directories } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { tailOf } from '../host/tail.ts';

export interface ImagePaths {
  /** Absolute path of the directory of the images. */
  readonly imagePath: string;
  /** Absolute path of the directory for logs; by default that of the images. */
  readonly workPath: string | undefined;
}

/** File descriptors of directories that close with their scope. */
export interface OpenDirectories extends Directories, Disposable {}

/** The directories of a checkpoint, open. */
export class Images implements OpenDirectories {
  readonly images: number;
  readonly work: number | undefined;
  readonly #logs: string;

  /**
   * @param make make the directory of the images where it is missing; that for logs always is
   * @param reader group that has to find the images, besides root: the processes of a container in a user namespace read them
   *   themselves
   * @throws TsruncError SYSTEM
   */
  constructor({ imagePath, workPath }: ImagePaths, make: boolean, reader?: number) {
    this.images = open(imagePath, make, reader);
    try {
      this.work = workPath === undefined ? undefined : open(workPath, true);
    } catch (error) {
      closeSync(this.images);
      throw error;
    }
    this.#logs = workPath ?? imagePath;
  }

  /** Path of a file beside the images; valid until they are closed. */
  file(name: string): string {
    return `/proc/self/fd/${this.images}/${name}`;
  }

  /**
   * The same directories as a process with a mount namespace of its own sees them: criu mounts in its working directory, which
   * the kernel allows only in one's own namespace.
   */
  seenBy(pid: number): OpenDirectories {
    const open = (fd: number): number => openDirectory(`/proc/${pid}/root${readlinkSync(`/proc/self/fd/${fd}`)}`);
    const images = open(this.images);
    const work = this.work === undefined ? undefined : open(this.work);
    return { images, work, [Symbol.dispose]: () => close(images, work) };
  }

  /**
   * The sentence for what criu could not do, with the errors of its log.
   * @param response undefined when criu has died
   * @param printed what criu wrote to its standard error
   */
  failure(what: string, log: string, response: CriuResponse | undefined, printed = ''): TsruncError {
    const path = `${this.#logs}/${log}`;
    const { text, state } = endOfLog(`/proc/self/fd/${this.work ?? this.images}/${log}`);
    const errors = errorsOf(text ?? printed);
    const end = response === undefined ? 'criu died' : `criu failed: errno ${response.cr_errno ?? 0}`;
    const excerpt = errors.map((line) => `\n  ${line}`).join('');
    const whole = state === 'missing' ? 'It wrote no log.' : `The whole log is ${path}${state}.`;
    const hint = [hintFor(errors), whole].filter((part) => part !== undefined).join(' ');
    return new TsruncError('CRIU_FAILED', `Cannot ${what}: ${end}${excerpt}`, { hint });
  }

  [Symbol.dispose](): void {
    close(this.images, this.work);
  }
}

function close(images: number, work: number | undefined): void {
  closeSync(images);
  if (work !== undefined) closeSync(work);
}

const openDirectory = (path: string): number => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);

function open(path: string, make: boolean, reader?: number): number {
  try {
    // Images hold the memory of the container.
    const isNew = make && mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
    const fd = openDirectory(path);
    if (isNew && reader !== undefined) {
      chownSync(`/proc/self/fd/${fd}`, 0, reader);
      chmodSync(`/proc/self/fd/${fd}`, 0o710);
    }
    return fd;
  } catch (cause) {
    throw new TsruncError(
      'SYSTEM',
      `Cannot open the directory "${path}" of the checkpoint: ${errnoName(cause) ?? ''}`,
      {
        cause,
      },
    );
  }
}

/** Its errors are at the end; a container that makes criu write much must not hide them, nor a log that cannot be read the rest. */
function endOfLog(path: string): { readonly text?: string; readonly state: string } {
  try {
    const fd = openSync(path, 'r');
    try {
      return { text: tailOf(fd), state: '' };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const errno = errnoName(error);
    return { state: errno === 'ENOENT' ? 'missing' : ` (which cannot be read: ${errno ?? String(error)})` };
  }
}

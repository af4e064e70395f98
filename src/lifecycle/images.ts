import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
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

  /** Write a file of our own beside the images, anew: whoever can write there may have put anything in its place. @throws the system call's error */
  write(name: string, text: string): void {
    rmSync(this.#file(name), { force: true });
    const fd = openSync(this.#file(name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  }

  /** @throws the system call's error, also for a link */
  read(name: string): string {
    const fd = openSync(this.#file(name), asItIs);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  }

  /** Whether an image of a process (core-PID.img) is such. */
  someProcess(isSuch: (image: string) => boolean): boolean {
    const names = readdirSync(this.#file('')).filter((name) => /^core-\d+\.img$/.test(name));
    return names.some((name) => isSuch(this.read(name)));
  }

  #file(name: string): string {
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
   * @param response undefined when criu has died, "stuck" when it had to be ended
   * @param printed what criu wrote to its standard error
   */
  failure(what: string, log: string, response: CriuResponse | 'stuck' | undefined, printed = ''): TsruncError {
    const path = `${this.#logs}/${log}`;
    const { text, remark } = endOfLog(`/proc/self/fd/${this.work ?? this.images}/${log}`, path);
    const errors = errorsOf(text ?? printed);
    const excerpt = errors.map((line) => `\n  ${line}`).join('');
    const hint = [hintFor(errors), remark].filter((part) => part !== undefined).join(' ');
    return new TsruncError('CRIU_FAILED', `Cannot ${what}: ${endOf(response)}${excerpt}`, { hint });
  }

  [Symbol.dispose](): void {
    close(this.images, this.work);
  }
}

function close(images: number, work: number | undefined): void {
  closeSync(images);
  if (work !== undefined) closeSync(work);
}

function endOf(response: CriuResponse | 'stuck' | undefined): string {
  if (response === 'stuck') return 'criu waited for processes that have ended';
  return response === undefined ? 'criu died' : `criu failed: errno ${response.cr_errno ?? 0}`;
}

const openDirectory = (path: string, flags = 0): number =>
  openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | flags);

/** No link, and nothing that makes us wait. */
const asItIs = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

const missingHint = '--image-path names the directory that "tsrunc checkpoint" wrote (default: ./checkpoint).';

function open(path: string, make: boolean, reader?: number): number {
  try {
    // Images hold the memory of the container.
    const isNew = make && mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
    return opened(path, isNew ? reader : undefined);
  } catch (cause) {
    const errno = errnoName(cause);
    throw new TsruncError('SYSTEM', `Cannot open the directory "${path}" of the checkpoint: ${errno ?? ''}`, {
      cause,
      ...(errno === 'ENOENT' ? { hint: missingHint } : {}),
    });
  }
}

/** @param reader group that may pass through it, undefined: nobody but root */
function opened(path: string, reader: number | undefined): number {
  if (reader === undefined) return openDirectory(path);
  const fd = openDirectory(path, constants.O_NOFOLLOW);
  try {
    fchownSync(fd, 0, reader);
    fchmodSync(fd, 0o710);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** What a log tells, and where the whole of it is. */
interface Log {
  readonly text?: string;
  readonly remark: string;
}

/**
 * Its errors are at the end; a container that makes criu write much must not hide them, nor a log that cannot be read the rest.
 * @param name what the user calls it
 */
function endOfLog(path: string, name: string): Log {
  try {
    return { text: tailOfFile(path), remark: `The whole log is ${name}.` };
  } catch (error) {
    const errno = errnoName(error);
    if (errno === 'ENOENT')
      return { remark: `It wrote no ${name}: a log-file in a configuration of criu's own sends the log elsewhere.` };
    return { remark: `The whole log is ${name} (which cannot be read: ${errno ?? String(error)}).` };
  }
}

/** Whoever can write to the directory may have put anything in the log's place. */
function tailOfFile(path: string): string {
  const fd = openSync(path, asItIs);
  try {
    return tailOf(fd);
  } finally {
    closeSync(fd);
  }
}

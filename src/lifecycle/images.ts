import {
  accessSync,
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
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errorsOf, hintFor } from '../criu/log.ts';
import type { CriuResponse } from '../criu/messages.ts';
import type { Directories } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import { errnoName, hintToRead, isFull } from '../host/errno.ts';
import { tailOf } from '../host/tail.ts';

export interface ImagePaths {
  /** Absolute path of the directory of the images. */
  readonly imagePath: string;
  /** Absolute path of the directory for logs; by default that of the images. */
  readonly workPath: string | undefined;
}

/** What the directories are for. */
export interface ImagesUse {
  /** Images are to be written: make their directory where it is missing; that for logs always is. */
  readonly make: boolean;
  /**
   * Group that has to find the images, besides root: the processes of a container in a user namespace read them themselves.
   */
  readonly reader?: number | undefined;
  /** File to which criu's own configuration sends the log, so that nothing has to be written to the directory for logs. */
  readonly log?: string | undefined;
}

/** File descriptors of directories that close with their scope. */
export interface OpenDirectories extends Directories, Disposable {}

/** The directories of a checkpoint, open. */
export class Images implements OpenDirectories {
  readonly images: number;
  readonly work: number | undefined;
  readonly #path: string;
  readonly #logs: string;
  readonly #log: string | undefined;

  /** @throws TsruncError SYSTEM */
  constructor({ imagePath, workPath }: ImagePaths, { make, reader, log }: ImagesUse) {
    this.#path = imagePath;
    this.#logs = workPath ?? imagePath;
    this.#log = log;
    this.images = open(imagePath, make, reader);
    let work: number | undefined;
    try {
      work = workPath === undefined ? undefined : open(workPath, true);
      this.work = work;
      if (make) requireWritable(this.images, imagePath, 'the images');
      if (log === undefined) requireWritable(work ?? this.images, this.#logs, "criu's log");
    } catch (error) {
      close(this.images, work);
      throw error;
    }
  }

  /**
   * Write a file of our own beside the images, anew: whoever can write there may have put anything in its place.
   * @throws TsruncError SYSTEM
   */
  write(name: string, text: string): void {
    try {
      rmSync(this.#file(name), { force: true });
      writeNew(this.#file(name), text);
    } catch (cause) {
      throw notWritten(`${this.#path}/${name}`, cause);
    }
  }

  /**
   * What a former checkpoint left of its images is not to be taken for one with those of this: without its inventory, which
   * criu writes last, none is restored.
   * @throws TsruncError SYSTEM
   */
  invalidate(): void {
    try {
      rmSync(this.#file(inventory), { force: true });
    } catch (cause) {
      throw notWritten(`${this.#path}/${inventory}`, cause);
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
    const directory = this.#log === undefined ? `/proc/self/fd/${this.work ?? this.images}` : dirname(this.#log);
    const { text, remark } = endOfLog(this.#log ?? `${directory}/${log}`, this.#log ?? `${this.#logs}/${log}`);
    const errors = errorsOf(text ?? printed);
    const excerpt = errors.map((line) => `\n  ${line}`).join('');
    const full = hasRoom(directory) ? undefined : 'Its file system is full, so it may lack the end: make room there.';
    const hint = [hintFor(errors), remark, full].filter((part) => part !== undefined).join(' ');
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

/** The first of a checkpoint that restore reads. */
const inventory = 'inventory.img';

const elsewhere = '--image-path DIR and --work-path DIR (for logs) name other directories.';

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
      ...(errno === 'ENOENT' ? { hint: missingHint } : hintForAccess(cause)),
    });
  }
}

/** Before the container is touched. @param what "the images" */
function requireWritable(fd: number, path: string, what: string): void {
  try {
    accessSync(`/proc/self/fd/${fd}`, constants.W_OK);
  } catch (cause) {
    throw new TsruncError('SYSTEM', `Cannot write ${what} to the directory "${path}": ${errnoName(cause)}`, {
      cause,
      ...hintForAccess(cause),
    });
  }
}

const notWritten = (path: string, cause: unknown): TsruncError =>
  new TsruncError('SYSTEM', `Cannot write "${path}" of the checkpoint: ${errnoName(cause)}`, {
    cause,
    ...hintForAccess(cause),
  });

function hintForAccess(cause: unknown): { readonly hint?: string } {
  if (isFull(cause)) return { hint: `Its file system is full: make room there. ${elsewhere}` };
  if (errnoName(cause) === 'EROFS') return { hint: `Its file system is read-only. ${elsewhere}` };
  return hintToRead(cause);
}

/** All of it or nothing. */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (errnoName(error) !== 'EEXIST') rmSync(path, { force: true });
    throw error;
  }
}

/** A log on a full disk does not tell that the disk is full. */
function hasRoom(directory: string): boolean {
  const path = `${directory}/.tsrunc-${crypto.randomUUID()}`;
  try {
    writeNew(path, ' '.repeat(pageBytes));
    rmSync(path);
    return true;
  } catch (error) {
    return !isFull(error);
  }
}

const pageBytes = 4096;

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

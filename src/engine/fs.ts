/** node:fs, as far as the program uses it: the synchronous functions, with Node's errors and results. */
import { EngineBuffer } from './buffer.ts';
import { natives } from './natives.ts';

/** asm-generic/fcntl.h, unistd.h */
export const constants = Object.freeze({
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_DIRECTORY: 0o200000,
  O_NOFOLLOW: 0o400000,
  F_OK: 0,
  X_OK: 1,
  W_OK: 2,
  R_OK: 4,
});

const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = constants;

const flagsByName: Readonly<Record<string, number>> = {
  r: constants.O_RDONLY,
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND,
};

const typeMask = 0o170000;
const typeOf = { directory: 0o040000, file: 0o100000, link: 0o120000, socket: 0o140000, pipe: 0o010000 } as const;

export class Stats {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly nlink: number;
  readonly mtimeMs: number;

  constructor(numbers: readonly number[]) {
    const [dev = 0, ino = 0, mode = 0, uid = 0, gid = 0, rdev = 0, size = 0, nlink = 0, mtimeMs = 0] = numbers;
    this.dev = dev;
    this.ino = ino;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.rdev = rdev;
    this.size = size;
    this.nlink = nlink;
    this.mtimeMs = mtimeMs;
  }

  isDirectory = (): boolean => (this.mode & typeMask) === typeOf.directory;
  isFile = (): boolean => (this.mode & typeMask) === typeOf.file;
  isSymbolicLink = (): boolean => (this.mode & typeMask) === typeOf.link;
  isSocket = (): boolean => (this.mode & typeMask) === typeOf.socket;
  isFIFO = (): boolean => (this.mode & typeMask) === typeOf.pipe;
}

/** dirent.h: DT_DIR, DT_REG, DT_LNK; every file system that state or cgroups live on knows them. */
const entryType = { directory: 4, file: 8, link: 10 } as const;

export class Dirent {
  readonly name: string;
  readonly #type: number;

  constructor(name: string, type: number) {
    this.name = name;
    this.#type = type;
  }

  isDirectory = (): boolean => this.#type === entryType.directory;
  isFile = (): boolean => this.#type === entryType.file;
  isSymbolicLink = (): boolean => this.#type === entryType.link;
}

type Encoding = 'utf8' | 'utf-8' | 'latin1';
type EncodingOption = Encoding | { readonly encoding?: Encoding | null } | null | undefined;
type WriteOptions = { readonly mode?: number; readonly flag?: string } | undefined;
type Data = string | Uint8Array;

const permissions = 0o666;

export const openSync = (path: string | Uint8Array, flags: number | string = 'r', mode = permissions): number =>
  natives.open(path, typeof flags === 'number' ? flags : (flagsByName[flags] ?? unknownFlags(flags)), mode);

function unknownFlags(flags: string): never {
  throw new TypeError(`fs.openSync: unknown flags ${flags}`);
}

export const closeSync = (fd: number): void => natives.close(fd);

export function readFileSync(file: string | number, option?: EncodingOption): EngineBuffer | string {
  const content = EngineBuffer.over(typeof file === 'number' ? natives.readFd(file) : natives.readFile(file));
  const encoding = typeof option === 'object' ? option?.encoding : option;
  return encoding === undefined || encoding === null ? content : content.toString(encoding);
}

export function writeFileSync(file: string | number, data: Data, options?: WriteOptions): void {
  if (typeof file === 'number') {
    writeAll(file, data);
    return;
  }
  const fd = openSync(file, options?.flag ?? 'w', options?.mode ?? permissions);
  try {
    writeAll(fd, data);
  } finally {
    natives.close(fd);
  }
}

function writeAll(fd: number, data: Data): void {
  let rest = typeof data === 'string' ? EngineBuffer.from(data) : data;
  do rest = rest.subarray(writeSync(fd, rest));
  while (rest.length > 0);
}

export const writeSync = (fd: number, data: Data): number =>
  typeof data === 'string'
    ? natives.writeText(fd, data)
    : natives.writeBytes(fd, data.buffer, data.byteOffset, data.length);

/** For natives.readBytes: where the file stands. */
const here = -1;

export const readSync = (fd: number, bytes: Uint8Array, { position = here }: { position?: number } = {}): number =>
  natives.readBytes(fd, bytes.buffer, bytes.byteOffset, bytes.length, position);

export const existsSync = (path: string): boolean => natives.exists(path);
export const accessSync = (path: string, mode: number = constants.F_OK): void => natives.access(path, mode);
export const chmodSync = (path: string, mode: number): void => natives.chmod(path, mode);
export const chownSync = (path: string, uid: number, gid: number): void => natives.chown(path, uid, gid);
export const fchmodSync = (fd: number, mode: number): void => natives.fchmod(fd, mode);
export const fchownSync = (fd: number, uid: number, gid: number): void => natives.fchown(fd, uid, gid);
export const renameSync = (from: string, to: string): void => natives.rename(from, to);
export const readlinkSync = (path: string): string => natives.readlink(path);
export const realpathSync = (path: string): string => natives.realpath(path);
export const mkdtempSync = (prefix: string): string => natives.mkdtemp(prefix);
export const rmdirSync = (path: string | Uint8Array): void => natives.rmdir(path);
export const unlinkSync = (path: string): void => natives.unlink(path);

type StatOptions = { readonly throwIfNoEntry?: boolean } | undefined;

export const statSync = (path: string, options?: StatOptions): Stats | undefined => status(path, true, options);
export const lstatSync = (path: string, options?: StatOptions): Stats | undefined => status(path, false, options);
export const fstatSync = (fd: number): Stats => new Stats(natives.fstat(fd));

function status(path: string, follow: boolean, options: StatOptions): Stats | undefined {
  try {
    return new Stats(natives.stat(path, follow));
  } catch (error) {
    if (options?.throwIfNoEntry === false && isCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code));

type MakeOptions = { readonly mode?: number; readonly recursive?: boolean } | undefined;
const directoryPermissions = 0o777;

/** @returns with `recursive` the first directory that was made, as Node does */
export function mkdirSync(path: string, options?: MakeOptions): string | undefined {
  const mode = options?.mode ?? directoryPermissions;
  if (options?.recursive === true) return makeAll(path, mode);
  natives.mkdir(path, mode);
  return undefined;
}

function makeAll(path: string, mode: number): string | undefined {
  if (isDirectory(path)) return undefined;
  const slash = path.replace(/\/+$/, '').lastIndexOf('/');
  const first = slash > 0 ? makeAll(path.slice(0, slash), mode) : undefined;
  try {
    natives.mkdir(path, mode);
  } catch (error) {
    // Another process was faster.
    if (isCode(error, 'EEXIST') && isDirectory(path)) return first;
    throw error;
  }
  return first ?? path;
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

export function readdirSync(
  path: string,
  options?: { readonly withFileTypes?: boolean; readonly encoding?: Encoding },
): string[] | Dirent[] {
  const pairs = natives.readdir(path, options?.encoding === 'latin1');
  const names = pairs.filter((_, index) => index % 2 === 0).map(String);
  if (options?.withFileTypes !== true) return names;
  return names.map((name, index) => new Dirent(name, Number(pairs[2 * index + 1])));
}

type RemoveOptions = { readonly recursive?: boolean; readonly force?: boolean } | undefined;

export function rmSync(path: string, options?: RemoveOptions): void {
  try {
    if (options?.recursive === true && status(path, false, undefined)?.isDirectory() === true)
      removeTree(path, options);
    else natives.unlink(path);
  } catch (error) {
    if (options?.force !== true || !isCode(error, 'ENOENT')) throw error;
  }
}

/** With `force` what disappears meanwhile is no error, at any depth: the rest still goes. */
function removeTree(path: string, options: RemoveOptions): void {
  for (const name of readdirSync(path) as string[]) rmSync(`${path}/${name}`, options);
  natives.rmdir(path);
}

export class FSWatcher {
  #fd: number;
  #isOpen = true;
  #isAwaited = false;

  constructor(path: string, listener: () => void) {
    this.#fd = natives.watch(path);
    this.#await(listener);
  }

  /** Errors of a watch that stands are none. */
  on(): this {
    return this;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // Else it is the listener that closes, and the descriptor goes after it.
    if (this.#isAwaited) natives.endWaits(this.#fd);
  }

  #await(listener: () => void): void {
    this.#isAwaited = true;
    natives.onReadable(this.#fd, () => {
      this.#isAwaited = false;
      if (this.#isOpen) {
        natives.readBytes(this.#fd, events.buffer, 0, events.length, here);
        listener();
      }
      if (this.#isOpen) this.#await(listener);
      else natives.close(this.#fd);
    });
  }
}

/** Room for what has happened; only that something has counts. */
const events = new Uint8Array(4096);

export const watch = (path: string, listener: () => void): FSWatcher => new FSWatcher(path, listener);

export default {
  constants,
  accessSync,
  chmodSync,
  chownSync,
  fchmodSync,
  fchownSync,
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  unlinkSync,
  watch,
  writeFileSync,
  writeSync,
};

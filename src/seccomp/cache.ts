/**
 * Programs of filters that were compiled before, in a directory of the state root. The container's limits depend on them, so
 * the directory and each file must belong to this user alone. An entry holds the whole text that it was made from: the
 * fingerprint in its name finds it, the comparison decides.
 *
 *   root/@seccomp/<fingerprint>     u32 length of the text, little endian · the text · the program
 *
 * No container is called "@seccomp": the character is not one of ids.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Native } from '../native/native.ts';
import { INSTRUCTION_BYTES } from './bpf.ts';

const DIRECTORY = '@seccomp';
const MOST_ENTRIES = 64;
const LENGTH_BYTES = 4;

export interface FilterCache {
  /** The state root: its directory is made where it is missing. */
  readonly root: string;
  readonly native: Pick<Native, 'fingerprint'>;
}

/** The cache may not be used as it is; the caller says so and compiles. */
class Untrusted extends Error {}

const isOurs = (status: Stats): boolean => status.uid === process.geteuid?.() && (status.mode & 0o022) === 0;

/** The open directory, named by descriptor: whoever may rename in the root cannot put another one in its place any more. */
function withDirectory<T>(root: string, use: (path: string) => T): T {
  const path = join(root, DIRECTORY);
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (!isOurs(fstatSync(fd))) throw new Untrusted(`"${path}" belongs to another user or can be written by others`);
    return use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/**
 * The program that was compiled from this text.
 * @returns undefined where there is none
 * @throws Error where the cache cannot be read or trusted
 */
export function cachedFilter({ root, native }: FilterCache, text: string): Uint8Array | undefined {
  const key = Buffer.from(text);
  try {
    return withDirectory(root, (directory) => programFor(key, readOwn(`${directory}/${native.fingerprint(key)}`)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readOwn(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const status = fstatSync(fd);
    if (!status.isFile() || !isOurs(status)) throw new Untrusted(`the cached filter "${path}" is not a file of ours`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function programFor(key: Buffer, entry: Buffer): Uint8Array | undefined {
  if (entry.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + entry.readUInt32LE(0);
  const program = entry.subarray(end);
  const whole = program.length > 0 && program.length % INSTRUCTION_BYTES === 0;
  return whole && entry.subarray(LENGTH_BYTES, end).equals(key) ? program : undefined;
}

/** Keep a program for the next container. @throws Error where it cannot be written; nothing half-written stays */
export function storeFilter({ root, native }: FilterCache, text: string, program: Uint8Array): void {
  const key = Buffer.from(text);
  mkdirSync(join(root, DIRECTORY), { recursive: true, mode: 0o700 });
  withDirectory(root, (directory) => {
    const path = `${directory}/${native.fingerprint(key)}`;
    const fresh = `${path}.${process.pid}`;
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(key.length);
    try {
      writeFileSync(fresh, Buffer.concat([length, key, program]), { mode: 0o600, flag: 'wx' });
      renameSync(fresh, path);
    } catch (error) {
      rmSync(fresh, { force: true });
      throw error;
    }
    dropOldest(directory);
  });
}

function dropOldest(directory: string): void {
  const names = readdirSync(directory);
  if (names.length <= MOST_ENTRIES) return;
  const ages = names.map((name) => {
    const path = `${directory}/${name}`;
    // Another process may have dropped it meanwhile.
    return { path, time: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
  });
  ages.sort((one, other) => one.time - other.time);
  for (const { path } of ages.slice(0, names.length - MOST_ENTRIES)) rmSync(path, { force: true });
}

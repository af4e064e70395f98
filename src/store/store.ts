/**
 * The state of containers on disk: one directory per container below the root, for its owner only, with
 *
 *   state.json    the record (record.ts), replaced atomically
 *   config.json   the configuration as it was at create
 *   start.sock    the socket that the container waits on, until start
 *
 * A SIGKILL between any two steps leaves a directory that `delete --force` can remove: with a state.json, which names
 * everything else that exists, or without one, when nothing else existed yet or anything else is already gone.
 *
 * A record says whom to kill and what to remove, so only one's own is believed: root does not act on a directory of somebody
 * else, who could have written anything there (owner.ts). And since whoever owns a directory above can exchange what a path
 * leads to at any moment, files are reached through the descriptor of the directory that was checked.
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
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ErrorDetails, TsruncError } from '../errors.ts';
import { errnoName, isFull } from '../host/errno.ts';
import type { Native } from '../native/native.ts';
import { checkContainerId, isContainerId } from './ids.ts';
import { requireOwn, requirePrivate } from './owner.ts';
import { type ContainerRecord, parseRecord } from './record.ts';
import { otherRootHint, prepareRoot } from './root.ts';

const recordFile = 'state.json';
const newRecordFile = 'state.json.new';
const configFile = 'config.json';
/** The socket on which a created container waits for `start`: its presence means that it was not started yet. */
export const START_SOCKET = 'start.sock';

/**
 * Everything that a container's directory may hold, in the order of removal: the record goes last, because it alone says
 * what else has to be removed.
 */
export const STATE_FILES: readonly string[] = [START_SOCKET, configFile, newRecordFile, recordFile];

/** Longer than any verb holds the lock, hooks apart. */
const lockDeadlineMs = 60_000;

export type Unlock = () => void;

/** All containers below one root directory. */
export class Store {
  readonly root: string;

  /** @param root absolute path; made when the first container is */
  constructor(root: string) {
    this.root = root;
  }

  /**
   * Make the directory of a new container.
   * @throws TsruncError CONTAINER_ID_INVALID; CONTAINER_EXISTS "container with given ID already exists"; SYSTEM
   */
  async reserve(id: string): Promise<ContainerDir> {
    checkContainerId(id);
    prepareRoot(this.root);
    requireOwn(this.root, statSync(this.root));
    const path = join(this.root, id);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (cause) {
      if (errnoName(cause) === 'EEXIST') throw alreadyExists(id, this.root);
      throw new TsruncError('SYSTEM', `Cannot make the state directory "${path}"`, { cause, ...hintFor(cause, path) });
    }
    return new ContainerDir(id, path);
  }

  /**
   * Open the directory of an existing container.
   * @throws TsruncError CONTAINER_ID_INVALID; CONTAINER_UNKNOWN "container does not exist"; SYSTEM, also when it is
   *   somebody else's
   */
  open(id: string): ContainerDir {
    checkContainerId(id);
    return new ContainerDir(id, join(this.root, id));
  }

  /** Ids of all containers, sorted. Other entries of the root directory are not containers. */
  list(): string[] {
    try {
      requireOwn(this.root, statSync(this.root));
      const entries = readdirSync(this.root, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && isContainerId(entry.name))
        .map((entry) => entry.name)
        .sort();
    } catch (cause) {
      if (errnoName(cause) === 'ENOENT') return [];
      if (cause instanceof TsruncError) throw cause;
      const details = { cause, ...hintFor(cause, this.root) };
      throw new TsruncError('SYSTEM', `Cannot list the containers in "${this.root}"`, details);
    }
  }
}

/** The state directory of one container. Writing and removing are for the holder of the lock. */
export class ContainerDir {
  readonly id: string;
  readonly path: string;
  /** The directory, open for the `*at` calls; close() it. */
  readonly fd: number;
  #closed = false;

  /** @throws TsruncError CONTAINER_UNKNOWN, SYSTEM */
  constructor(id: string, path: string) {
    this.id = id;
    this.path = path;
    this.fd = openDirectory(id, path);
  }

  /** Path of a file in this very directory, wherever it has been moved meanwhile; valid until close(). */
  file(name: string): string {
    if (this.#closed) throw new Error(`the state directory of "${this.id}" is closed already`);
    return `/proc/self/fd/${this.fd}/${name}`;
  }

  /** @throws TsruncError STATE_UNREADABLE when state.json is missing, damaged, or not ours */
  read(): ContainerRecord {
    const path = join(this.path, recordFile);
    try {
      return this.#check(parseRecord(readOwnFile(this.file(recordFile))));
    } catch (cause) {
      if (errnoName(cause) === 'ENOENT')
        throw this.#unreadable(`The container's state file "${path}" is missing`, cause);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw this.#unreadable(`Cannot read the container's state file "${path}": ${reason}`, cause);
    }
  }

  /**
   * Replace state.json: readers see the old record or the new one, and a full disk leaves the old one. No fsync: the state
   * lives on a tmpfs, and no container outlives a reboot.
   * @throws TsruncError SYSTEM
   */
  write(record: ContainerRecord): void {
    const fresh = this.file(newRecordFile);
    try {
      writeFileSync(fresh, JSON.stringify(record), { mode: 0o600 });
      renameSync(fresh, this.file(recordFile));
    } catch (cause) {
      discard(fresh);
      throw new TsruncError('SYSTEM', `Cannot write the state of container "${this.id}" to "${this.path}"`, {
        cause,
        ...hintFor(cause, this.path),
      });
    }
  }

  /** Keep the configuration as it is now: later edits of the bundle have no effect (runtime.md "Lifecycle"). */
  freezeConfig(bytes: Uint8Array | string): void {
    try {
      writeFileSync(this.file(configFile), bytes, { mode: 0o600 });
    } catch (cause) {
      throw new TsruncError('SYSTEM', `Cannot keep the configuration of container "${this.id}" in "${this.path}"`, {
        cause,
        ...hintFor(cause, this.path),
      });
    }
  }

  /** The configuration that was frozen. @throws TsruncError STATE_UNREADABLE */
  frozenConfig(): string {
    const path = join(this.path, configFile);
    try {
      return readFileSync(this.file(configFile), 'utf8');
    } catch (cause) {
      throw this.#unreadable(`Cannot read the container's configuration "${path}"`, cause);
    }
  }

  /**
   * Exclude all other writers, waiting for them. The lock is on the directory itself, so it needs no file that could be
   * removed or forged; whoever held it before may have removed the directory, and even made a new one of the same name,
   * so what was locked is compared with what the path leads to.
   * @param whenBusy done before waiting, where somebody else has the lock
   * @throws TsruncError CONTAINER_UNKNOWN when the container was removed meanwhile; TIMEOUT after a minute
   */
  async lock(native: Pick<Native, 'lock'>, whenBusy?: () => Promise<void>): Promise<Unlock> {
    // An open file description of its own: flock belongs to it, so closing it is the release, whoever else has the directory open.
    const fd = openDirectory(this.id, this.path);
    const unlock = onlyOnce(() => closeSync(fd));
    try {
      const isFree = whenBusy !== undefined && (await native.lock(fd, 0));
      if (!isFree) await whenBusy?.();
      if (!isFree && !(await native.lock(fd, lockDeadlineMs))) throw busy(this.id);
      if (!sameDirectory(fd, this.fd) || !leadsTo(this.path, fd)) throw unknown(this.id, this.path);
      return unlock;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** Remove the directory and all in it; no error when it is gone. @throws TsruncError SYSTEM */
  remove(): void {
    try {
      for (const name of STATE_FILES) removeFile(this.file(name));
      removeDirectory(this.path, this.file('.'));
    } catch (cause) {
      throw new TsruncError('SYSTEM', `Cannot remove the state directory "${this.path}"`, { cause });
    }
  }

  close(): void {
    if (!this.#closed) closeSync(this.fd);
    this.#closed = true;
  }

  #check(record: ContainerRecord): ContainerRecord {
    if (record.id !== this.id) throw new Error(`it belongs to container "${record.id}"`);
    return record;
  }

  #unreadable(message: string, cause: unknown): TsruncError {
    const hint = `Another program or version may have written it, or its creation was interrupted; "tsrunc delete --force ${this.id}" removes it.`;
    return new TsruncError('STATE_UNREADABLE', message, { cause, hint });
  }
}

function openDirectory(id: string, path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    return ownOrClosed(fd, path);
  } catch (cause) {
    const code = errnoName(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') throw unknown(id, path);
    if (cause instanceof TsruncError) throw cause;
    throw new TsruncError('SYSTEM', `Cannot open the state directory "${path}"`, { cause, ...hintFor(cause, path) });
  }
}

function ownOrClosed(fd: number, path: string): number {
  try {
    requirePrivate(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** O_NONBLOCK: opening a FIFO would wait for its writer. */
function readOwnFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new Error('it is not a regular file');
    requireOwn(path, status);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function sameDirectory(a: number, b: number): boolean {
  const [first, second] = [fstatSync(a), fstatSync(b)];
  return first.dev === second.dev && first.ino === second.ino;
}

function leadsTo(path: string, fd: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  const held = fstatSync(fd);
  return found !== undefined && found.dev === held.dev && found.ino === held.ino;
}

/** Remove a file that is in nobody's way: the next write replaces it, delete removes it. On a read-only disk it stays. */
function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!['ENOENT', 'EROFS'].includes(errnoName(error) ?? '')) throw error;
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') throw error;
  }
}

function removeDirectory(path: string, content: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return;
    if (errnoName(error) !== 'ENOTEMPTY') throw error;
    for (const name of readdirSync(content)) rmSync(join(content, name), { recursive: true, force: true });
    rmdirSync(path);
  }
}

function onlyOnce(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

function hintFor(cause: unknown, path: string): Pick<ErrorDetails, 'hint'> {
  const code = errnoName(cause);
  if (code === 'EACCES') return { hint: otherRootHint() };
  if (code === 'EROFS') return { hint: `The file system of ${path} is read-only: give another --root.` };
  return isFull(cause) ? { hint: `The file system of ${path} is full: make room there, or give another --root.` } : {};
}

function unknown(id: string, path: string): TsruncError {
  return new TsruncError('CONTAINER_UNKNOWN', 'container does not exist', {
    hint: `There is no container "${id}" (${path}); "tsrunc list" shows those that there are.`,
  });
}

function alreadyExists(id: string, root: string): TsruncError {
  return new TsruncError('CONTAINER_EXISTS', 'container with given ID already exists', {
    hint: `"${id}" is taken in ${root}: choose another id, or remove it with "tsrunc delete ${id}".`,
  });
}

function busy(id: string): TsruncError {
  return new TsruncError(
    'TIMEOUT',
    `container ${id} is busy: another tsrunc has been working on it for ${lockDeadlineMs / 1000} s`,
    {
      hint: 'Look for a hook that does not end.',
    },
  );
}

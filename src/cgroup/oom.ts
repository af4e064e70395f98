/** Being told that a container ran out of memory. */
import { closeSync, existsSync, type FSWatcher, openSync, readSync, watch } from 'node:fs';
import { errnoName } from '../host/errno.ts';
import type { Native } from '../native/native.ts';
import { readKey, writeControl } from './files.ts';
import { controllerDirectory, type Source } from './stats/stats.ts';

export interface OomWatch {
  /** Whether memory ran out since the last call. */
  take(): boolean;
  close(): void;
}

type Waits = Pick<Native, 'openEventfd' | 'waitReadable' | 'endWaits'>;

/**
 * @param changed called when something may have happened; take() tells what. Never where nobody limits the container's memory
 */
export function watchOom(source: Source, native: Waits, changed: () => void): OomWatch {
  const directory = controllerDirectory(source, 'memory');
  if (directory === undefined) return silent;
  return source.placement.kind === 'v1' ? new OomV1(directory, native, changed) : new OomV2(directory, changed);
}

const silent: OomWatch = { take: () => false, close: () => {} };

/** memory.rst "OOM control": an eventfd that the kernel counts up when memory runs out, and once when the cgroup is removed. */
class OomV1 implements OomWatch {
  readonly #native: Waits;
  readonly #directory: string;
  readonly #changed: () => void;
  readonly #eventfd: number;
  #wait: Promise<void> = Promise.resolve();

  constructor(directory: string, native: Waits, changed: () => void) {
    this.#native = native;
    this.#directory = directory;
    this.#changed = changed;
    this.#eventfd = native.openEventfd();
    const oomControl = openSync(`${directory}/memory.oom_control`, 'r');
    try {
      writeControl(`${directory}/cgroup.event_control`, `${this.#eventfd} ${oomControl}`);
    } catch (error) {
      closeSync(this.#eventfd);
      throw error;
    } finally {
      closeSync(oomControl);
    }
    this.#listen();
  }

  #listen(): void {
    this.#wait = this.#native.waitReadable(this.#eventfd, -1).then(this.#changed);
  }

  take(): boolean {
    const count = this.#reset();
    if (count === 0) return false;
    this.#listen();
    return count > 1 || existsSync(this.#directory);
  }

  /** @returns the counter, which reading sets to 0 */
  #reset(): number {
    const counter = new BigUint64Array(1);
    try {
      readSync(this.#eventfd, new Uint8Array(counter.buffer));
    } catch (error) {
      if (errnoName(error) === 'EAGAIN') return 0;
      throw error;
    }
    return Number(counter[0]);
  }

  close(): void {
    this.#native.endWaits(this.#eventfd);
    void this.#wait.then(() => closeSync(this.#eventfd));
  }
}

/**
 * cgroup-v2.rst "memory.events": the kernel says that the file has changed, for other reasons as well, so the counter is
 * compared. Without a watch (inotify is used up) take() still finds what has happened.
 */
class OomV2 implements OomWatch {
  readonly #file: string;
  readonly #watcher: FSWatcher | undefined;
  #count: number;

  constructor(directory: string, changed: () => void) {
    this.#file = `${directory}/memory.events`;
    this.#count = this.#kills();
    this.#watcher = tryWatch(this.#file, changed);
  }

  take(): boolean {
    const before = this.#count;
    this.#count = this.#kills();
    return this.#count > before;
  }

  close(): void {
    this.#watcher?.close();
  }

  #kills(): number {
    return readKey(this.#file, 'oom_kill') ?? 0;
  }
}

function tryWatch(file: string, changed: () => void): FSWatcher | undefined {
  try {
    return watch(file, changed).on('error', changed);
  } catch (error) {
    if (errnoName(error) === undefined) throw error;
    return undefined;
  }
}

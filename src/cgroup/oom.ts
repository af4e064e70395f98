/** Being told that a container ran out of memory. */
import { closeSync, existsSync, type FSWatcher, openSync, readSync, watch, writeSync } from 'node:fs';
import { errnoName } from '../host/errno.ts';
import type { Native } from '../native/native.ts';
import { readKey, writeControl } from './files.ts';
import { controllerDirectory, type Source } from './stats/stats.ts';

export interface OomWatch {
  /** Resolves when something may have happened; take() tells what. */
  next(): Promise<void>;
  /** Whether memory ran out since the last call. */
  take(): boolean;
  close(): void;
}

type Waits = Pick<Native, 'openEventfd' | 'waitReadable'>;

/** @returns a watch that never wakes where nobody limits the container's memory */
export function watchOom(source: Source, native: Waits): OomWatch {
  const directory = controllerDirectory(source, 'memory');
  if (directory === undefined) return silent;
  return source.placement.kind === 'v1' ? new OomV1(directory, native) : new OomV2(directory);
}

const silent: OomWatch = { next: () => new Promise(() => {}), take: () => false, close: () => {} };

/** memory.rst "OOM control": an eventfd that the kernel counts up when memory runs out, and once when the cgroup is removed. */
class OomV1 implements OomWatch {
  readonly #native: Waits;
  readonly #directory: string;
  readonly #eventfd: number;
  #wake: Promise<unknown> | undefined;

  constructor(directory: string, native: Waits) {
    this.#native = native;
    this.#directory = directory;
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
  }

  async next(): Promise<void> {
    this.#wake ??= this.#native.waitReadable(this.#eventfd, -1);
    await this.#wake;
  }

  take(): boolean {
    const count = this.#reset();
    if (count === 0) return false;
    this.#wake = undefined;
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

  /** Closing a descriptor ends no wait for it, so a last event is made up. */
  close(): void {
    const close = (): void => closeSync(this.#eventfd);
    if (this.#wake === undefined) {
      close();
    } else {
      writeSync(this.#eventfd, new Uint8Array(new BigUint64Array([1n]).buffer));
      void this.#wake.then(close, close);
    }
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
  #changed: () => void = () => {};
  #wake: Promise<void> | undefined;

  constructor(directory: string) {
    this.#file = `${directory}/memory.events`;
    this.#count = this.#kills();
    this.#watcher = this.#tryWatch();
  }

  next(): Promise<void> {
    this.#wake ??= new Promise((resolve) => {
      this.#changed = resolve;
    });
    return this.#wake;
  }

  take(): boolean {
    this.#wake = undefined;
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

  #tryWatch(): FSWatcher | undefined {
    const wake = (): void => this.#changed();
    try {
      return watch(this.#file, wake).on('error', wake);
    } catch (error) {
      if (errnoName(error) === undefined) throw error;
      return undefined;
    }
  }
}

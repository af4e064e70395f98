import { closeSync, fstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Change } from './cgroup/driver.ts';
import type { Stats } from './cgroup/stats/types.ts';
import type { Resources } from './config/spec.ts';
import { TsruncError } from './errors.ts';
import { errnoName } from './host/errno.ts';
import { deleteContainer } from './lifecycle/delete.ts';
import { type ContainerEvent, events, stats } from './lifecycle/events.ts';
import { kill } from './lifecycle/kill.ts';
import type { ContainerState, CreateOptions } from './lifecycle/options.ts';
import { pause, resume } from './lifecycle/pause.ts';
import { prepare } from './lifecycle/prepare.ts';
import { openProcess } from './lifecycle/process.ts';
import { start } from './lifecycle/start.ts';
import { state } from './lifecycle/state.ts';
import { undoing } from './lifecycle/undo.ts';
import { update } from './lifecycle/update.ts';
import { type Logger, silentLogger } from './log/logger.ts';
import { loadNative } from './native/load.ts';
import type { ExitStatus } from './native/native.ts';
import { defaultRoot } from './store/root.ts';
import { Store } from './store/store.ts';

export interface ContainerOptions {
  readonly id: string;
  /** Directory of the bundle. */
  readonly bundle: string;
  /** Directory of the containers' state; by default the command line's, so that both see the same containers. */
  readonly root?: string;
  /** Path of a listening unix socket that receives the terminal, when the configuration asks for one. */
  readonly consoleSocket?: string;
  /** Descriptors of this process that become the container's standard streams; by default its own. They stay open here. */
  readonly stdio?: readonly [stdin: number, stdout: number, stderr: number];
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
  /** Hears warnings, such as limits that an ordinary user's container lacks; by default nobody does. */
  readonly log?: Logger;
}

/** One container, made by this process or found in the state directory. */
export class Container {
  readonly id: string;
  readonly #store: Store;
  readonly #log: Logger;
  /** Of the child that this object has made; undefined for a container that was opened. */
  readonly #pidfd: number | undefined;
  /** The end of that child, for all who wait: it is reaped once, and the descriptor closed. */
  #ended: Promise<ExitStatus | undefined> | undefined;

  private constructor(id: string, store: Store, log: Logger, pidfd?: number) {
    this.id = id;
    this.#store = store;
    this.#log = log;
    this.#pidfd = pidfd;
  }

  /**
   * Make a container; its program waits for start().
   * @throws TsruncError; nothing is left behind then
   */
  static async create(options: ContainerOptions): Promise<Container> {
    const { id, root = defaultRoot(), log = silentLogger } = options;
    if (options.stdio !== undefined) checkStreams(options.stdio);
    const mode = { hasListener: true, detached: true };
    const prepared = await undoing((undo) => prepare(completeOptions(options, root, log), mode, undo));
    prepared.conversation.close();
    prepared.release();
    return new Container(id, new Store(root), log, prepared.conversation.pidfd);
  }

  /**
   * A container that exists already.
   * @throws TsruncError CONTAINER_UNKNOWN
   */
  static open(
    id: string,
    { root = defaultRoot(), log = silentLogger }: { root?: string; log?: Logger } = {},
  ): Container {
    const store = new Store(root);
    state({ store, id });
    return new Container(id, store, log);
  }

  state(): ContainerState {
    return state({ store: this.#store, id: this.id });
  }

  start(): Promise<void> {
    return start({ store: this.#store, id: this.id, log: this.#log });
  }

  /** @param signal number; `all`: every process of the container, not only the first */
  kill(signal: number, { all = false } = {}): Promise<void> {
    return kill({ store: this.#store, id: this.id, signal, all, log: this.#log });
  }

  /** Stop all of its processes where they are. @throws TsruncError CONTAINER_WRONG_STATE, CGROUP_FAILED, UNSUPPORTED */
  pause(): Promise<void> {
    return pause({ store: this.#store, id: this.id });
  }

  /** Let them go on. @throws TsruncError CONTAINER_WRONG_STATE, CGROUP_FAILED */
  resume(): Promise<void> {
    return resume({ store: this.#store, id: this.id });
  }

  /**
   * Change limits: all that is asked for or nothing. Missing fields, and zeros that can be no limit, leave what is.
   * @returns what was written, file by file
   * @throws TsruncError CONTAINER_WRONG_STATE, CONFIG_INVALID, UNSUPPORTED, CGROUP_FAILED
   */
  update(resources: Resources): Promise<readonly Change[]> {
    return update({ store: this.#store, id: this.id, log: this.#log, resources });
  }

  /** What it uses now. @throws TsruncError CONTAINER_WRONG_STATE when it has stopped */
  stats(): Stats {
    return stats({ store: this.#store, id: this.id });
  }

  /**
   * Statistics after each interval, and each time that the container runs out of memory; ends when the container does, or at `signal`.
   * @throws TsruncError as stats()
   */
  events({
    intervalMs = 5000,
    signal,
  }: {
    intervalMs?: number;
    signal?: AbortSignal;
  } = {}): AsyncGenerator<ContainerEvent> {
    return events({ store: this.#store, id: this.id, intervalMs, signal });
  }

  /**
   * Wait for the end of the container's first process. Its exit status is known to the process that made the container
   * alone, so it is undefined for a container that was opened.
   */
  async wait(): Promise<ExitStatus | undefined> {
    return this.#pidfd === undefined ? await this.#waitForStranger() : await this.#reap(this.#pidfd);
  }

  /** @throws TsruncError CONTAINER_WRONG_STATE when it runs, unless `force` */
  async delete({ force = false } = {}): Promise<void> {
    await deleteContainer({ store: this.#store, id: this.id, force, log: this.#log });
    if (this.#pidfd !== undefined) await this.#reap(this.#pidfd);
  }

  #reap(pidfd: number): Promise<ExitStatus | undefined> {
    this.#ended ??= reapAtEnd(pidfd);
    return this.#ended;
  }

  async #waitForStranger(): Promise<undefined> {
    const native = loadNative();
    const directory = this.#store.open(this.id);
    try {
      using init = openProcess(native, directory.read());
      if (init !== undefined) await native.waitPidfd(init.pidfd, -1);
    } finally {
      directory.close();
    }
  }
}

async function reapAtEnd(pidfd: number): Promise<ExitStatus | undefined> {
  const native = loadNative();
  await native.waitPidfd(pidfd, -1);
  const status = native.reap(pidfd);
  closeSync(pidfd);
  return status;
}

/** @throws TsruncError USAGE */
function checkStreams(stdio: readonly unknown[]): void {
  if (stdio.length !== 3) throw new TsruncError('USAGE', `stdio has 3 descriptors, not ${stdio.length}`);
  for (const [index, fd] of stdio.entries()) {
    if (!isOpen(fd)) {
      throw new TsruncError('USAGE', `stdio[${index}] is no open descriptor of this process: ${String(fd)}`, {
        hint: 'Give numbers, as of openSync() or of a stream\'s "fd".',
      });
    }
  }
}

function isOpen(fd: unknown): boolean {
  if (typeof fd !== 'number' || !Number.isInteger(fd) || fd < 0 || fd >= 2 ** 31) return false;
  try {
    fstatSync(fd);
    return true;
  } catch (error) {
    if (errnoName(error) === 'EBADF') return false;
    throw error;
  }
}

function completeOptions(options: ContainerOptions, root: string, log: Logger): CreateOptions {
  return {
    global: { root, systemdCgroup: false, cgroupManager: 'cgroupfs', rootless: 'auto', log },
    id: options.id,
    bundle: options.bundle,
    bundlePath: resolve(options.bundle),
    configFile: undefined,
    consoleSocket: options.consoleSocket,
    ...(options.stdio === undefined ? {} : { stdio: options.stdio }),
    pidfdSocket: undefined,
    pidFile: undefined,
    noPivot: options.noPivot ?? false,
    noNewKeyring: options.noNewKeyring ?? false,
    preserveFds: 0,
    listenFds: 0,
  };
}

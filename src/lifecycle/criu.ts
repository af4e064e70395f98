/**
 * criu as a program that we start and talk to (criu(8), "swrk"): datagrams on one socket pair, each a message of criu's RPC.
 *
 *   tsrunc                                            criu swrk 3, from the same helper as a container's program
 *     request{type, opts} ────────────────────────────▶ dumps or restores
 *         ◀───────── notify{script, pid} + a descriptor   at each of its steps; it waits for the answer
 *     notify{success} ────────────────────────────────▶
 *         ◀──────────────────── {success, errno, ...}
 *     closes ─────────────────────────────────────────▶ ends
 */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CriuRequest, type CriuResponse, requestTable, requestTypes, responseTable } from '../criu/messages.ts';
import { decode, encode } from '../criu/protobuf.ts';
import type { Place } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { Native } from '../native/native.ts';
import type { Fragment } from '../plan/context.ts';
import type { FdName } from '../plan/ops.ts';
import { type Answers, Conversation, unlessGone } from './conversation.ts';
import { spawning } from './spawn.ts';
import { answersFor } from './steps.ts';

/** How long criu may take to end when it has been told to. */
const END_DEADLINE_MS = 10_000;
const SIGKILL = 9;
/** How long criu may say nothing before somebody has a look. */
const SILENCE_MS = 1000;

const locate = (pointer: string): Place => ({ file: 'config.json', pointer });

/** What criu reports at one of its steps. */
export interface Notification {
  /** "post-restore", ... */
  readonly script: string;
  /** The process that the step is about; 0 where there is none. */
  readonly pid: number;
  /** The descriptor that came along, -1 for none; ownership passes. */
  readonly fd: number;
}

export interface CriuStart {
  readonly native: Native;
  readonly cgroupFd?: number;
  readonly stdio: readonly [number, number, number];
  /** What it gets as 4, 5, ... */
  readonly extraFds?: readonly number[];
  /** For what the steps on the way to criu ask. */
  readonly ask?: Answers['ask'];
}

export class Criu {
  readonly #native: Native;
  readonly #conversation: Conversation;
  readonly #socket: number;
  #open = true;

  private constructor(native: Native, conversation: Conversation, socket: number) {
    this.#native = native;
    this.#conversation = conversation;
    this.#socket = socket;
  }

  /** Clone the process that will be criu; it waits for its plan. */
  static spawn({ native, cgroupFd = -1, stdio, extraFds = [], ask }: CriuStart): Criu {
    const { ours, theirs } = native.datagramPair();
    try {
      const spawned = spawning(() => native.spawn({ cloneFlags: 0, cgroupFd, stdio, extraFds: [theirs, ...extraFds] }));
      return new Criu(
        native,
        new Conversation(native, spawned, { ...answersFor({ locate }), ...(ask && { ask }) }),
        ours,
      );
    } catch (error) {
      closeSync(ours);
      throw error;
    } finally {
      closeSync(theirs);
    }
  }

  get pid(): number {
    return this.#conversation.pid;
  }

  /** Steps on the way to criu; the last of them waits for `begin`. */
  async send({ ops }: Fragment, fds: ReadonlyMap<FdName, number> = new Map()): Promise<void> {
    await this.#conversation.send(ops, fds);
  }

  /** Run criu, once all steps have been done. */
  async begin(): Promise<void> {
    await this.#conversation.untilReady();
    await this.#conversation.start();
    this.#conversation.close();
  }

  /**
   * One request. Work of any length: a dump takes as long as memory takes to be written, a lazy one until another host has
   * fetched all of it.
   *
   * @param silent called for each second in which criu says nothing
   * @returns criu's answer, also when it says that it failed; undefined when criu has died
   * @throws whatever `notified` throws; criu is told, undoes its work, and has answered then. Whatever `silent` throws, at once
   */
  async request(
    request: CriuRequest,
    notified: (notification: Notification) => Promise<void> = unexpected,
    silent?: () => Promise<void>,
  ): Promise<CriuResponse | undefined> {
    let failure: { readonly error: unknown } | undefined;
    this.#send(request);
    while (true) {
      const { bytes, fd } = await this.#receive(silent);
      const response = bytes.length === 0 ? undefined : decode(responseTable, bytes);
      if (response?.type !== requestTypes.notify) {
        if (failure !== undefined) throw failure.error;
        return response;
      }
      const { script = '', pid = 0 } = response.notify ?? {};
      const outcome = await notified({ script, pid, fd }).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      failure ??= outcome;
      this.#send({ type: requestTypes.notify, notify_success: outcome === undefined });
    }
  }

  async #receive(silent?: () => Promise<void>): Promise<{ readonly bytes: Uint8Array; readonly fd: number }> {
    if (silent === undefined) return this.#native.receiveDatagram(this.#socket, -1);
    while (true) {
      try {
        return await this.#native.receiveDatagram(this.#socket, SILENCE_MS);
      } catch (error) {
        if (errnoName(error) !== 'ETIMEDOUT') throw error;
      }
      await silent();
    }
  }

  #send(request: CriuRequest): void {
    unlessGone(() => this.#native.sendDatagram(this.#socket, encode(requestTable, request)));
  }

  kill(): void {
    this.#native.pidfdSendSignal(this.#conversation.pidfd, SIGKILL);
  }

  /** Close our end, upon which criu ends, and reap it. */
  async end(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#socket);
    this.#conversation.close();
    const { pidfd } = this.#conversation;
    if (!(await this.#native.waitPidfd(pidfd, END_DEADLINE_MS))) {
      this.kill();
      await this.#native.waitPidfd(pidfd, END_DEADLINE_MS);
    }
    this.#native.reap(pidfd);
    closeSync(pidfd);
  }
}

const unexpected = ({ script }: Notification): Promise<never> =>
  Promise.reject(new Error(`criu reports "${script}", which it was not asked for`));

/** A file that is in no directory, for what criu prints before it opens its log. */
export function hiddenFile(): number {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-criu-'));
  try {
    return openSync(join(directory, 'output'), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

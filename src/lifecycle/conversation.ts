import { closeSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { encodePart } from '../native/encode.ts';
import type { Message, Native, Spawned, SystemCallError } from '../native/native.ts';
import type { FdName, Op } from '../plan/ops.ts';
import { MAX_PART_FDS, type Part, splitParts } from './parts.ts';

/** What the runtime does when the helper asks, or hands something over; the protocol is drawn in native.ts. */
export interface Answers {
  /** Answer the question (its number is in plan/ops.ts `questions`) of the process `pid`. */
  readonly ask: (question: number, pid: number) => Promise<void>;
  /** Our end of the container's terminal; ownership passes. */
  readonly console: (fd: number) => Promise<void>;
  /** The seccomp listener of the process `pid`; ownership passes. */
  readonly notify: (fd: number, pid: number) => Promise<void>;
  /** Turn a failed step into the error that the user sees. */
  readonly failure: (op: Op, message: Extract<Message, { kind: 'failed' }>) => Promise<TsruncError>;
  /** The helper went away without a word. */
  readonly died: () => Promise<TsruncError>;
}

type Speaker = Pick<Native, 'sendPart' | 'sendGo' | 'receive' | 'waitPidfd' | 'reap'>;

/** Longest silence that the helper is granted; hooks have their own limit, so a healthy helper answers in milliseconds. */
const SILENCE_MS = 120_000;

/** One container's dialogue with its init helper, from clone to exec. */
export class Conversation {
  readonly #native: Speaker;
  readonly #answers: Answers;
  readonly #socket: number;
  readonly #silenceMs: number;
  readonly #sent: Op[] = [];
  /** What the operations that were sent make the helper say, each once. */
  readonly #due: string[] = [];
  #pid: number;
  #pidfd: number;
  #open = true;

  /** @param silenceMs longest silence that the helper is granted; -1: it may wait for ever (in a frozen cgroup) */
  constructor(native: Speaker, spawned: Spawned, answers: Answers, silenceMs = SILENCE_MS) {
    this.#silenceMs = silenceMs;
    this.#native = native;
    this.#answers = answers;
    this.#socket = spawned.socket;
    this.#pid = spawned.pid;
    this.#pidfd = spawned.pidfd;
  }

  /** The process that is, or will be, the container's program; changes when the helper forks. */
  get pid(): number {
    return this.#pid;
  }
  get pidfd(): number {
    return this.#pidfd;
  }
  get stepsSent(): number {
    return this.#sent.length;
  }

  /**
   * Send the next operations; `fds` tells the number of each name that they use. More file descriptors than one message
   * carries (many bind mounts in a user namespace) make several parts of them.
   */
  async send(ops: readonly Op[], fds: ReadonlyMap<FdName, number>): Promise<void> {
    if (fds.size <= MAX_PART_FDS) return this.#sendPart({ ops, names: [...fds.keys()] }, fds);
    let before: readonly Op[] = [];
    for (const part of splitParts(ops)) {
      await this.settle(before);
      this.#sendPart(part, fds);
      before = part.ops;
    }
  }

  #sendPart({ ops, names }: Part, fds: ReadonlyMap<FdName, number>): void {
    const part = encodePart(ops, lookUp(new Map(names.map((name, index) => [name, index]))));
    const numbers = names.map(lookUp(fds));
    this.#sent.push(...ops);
    this.#due.push(...ops.flatMap(announced));
    unlessGone(() => this.#native.sendPart(this.#socket, part, numbers));
  }

  /**
   * Answer what these operations ask for: questions and forks. A part that is sent while the helper waits for an answer
   * would be taken for the answer, so the next part must wait for this.
   */
  async settle(ops: readonly Op[]): Promise<void> {
    for (const { op } of ops) if (op === 'ask' || op === 'fork') await this.#until(op === 'ask' ? 'ask' : 'forked');
  }

  /** Go on until the helper is ready for start. */
  async untilReady(): Promise<void> {
    await this.#until('ready');
  }

  /** Let the program start, and return when execve has succeeded. */
  async start(): Promise<void> {
    this.#native.sendGo(this.#socket);
    const hasHooks = this.#sent.some(({ op }) => op === 'takeGo');
    const isThere = !hasHooks || unlessGone(() => this.#native.sendGo(this.#socket));
    while (true) {
      const message = await this.#native.receive(this.#socket, this.#silenceMs);
      if (message.kind === 'closed' && (message.unread || !isThere)) throw await this.#answers.died();
      if (message.kind === 'closed') return;
      await this.#handle(message);
    }
  }

  /** Close our end: a helper that is not ready yet ends itself. The pidfd stays the caller's. */
  close(): void {
    if (this.#open) closeSync(this.#socket);
    this.#open = false;
  }

  async #until(kind: Message['kind']): Promise<void> {
    while ((await this.#next()) !== kind);
  }

  async #next(): Promise<Message['kind']> {
    const message = await this.#native.receive(this.#socket, this.#silenceMs);
    if (message.kind === 'closed') throw await this.#answers.died();
    await this.#handle(message);
    return message.kind;
  }

  /**
   * A process of the container that may trace the helper could speak in its place, and have hooks run once more or devices of the
   * host moved.
   */
  #expect(message: Message): void {
    if (message.kind === 'ready' || message.kind === 'failed' || message.kind === 'closed') return;
    const said = message.kind === 'ask' ? question(message.question) : message.kind;
    const index = this.#due.indexOf(said);
    if (index >= 0) {
      this.#due.splice(index, 1);
      return;
    }
    if (message.kind !== 'ask') closeSync(message.kind === 'forked' ? message.pidfd : message.fd);
    throw new TsruncError('INIT_DIED', `The init helper says what no operation of its plan does: ${said}`);
  }

  async #handle(message: Message): Promise<void> {
    this.#expect(message);
    switch (message.kind) {
      case 'ask':
        await this.#answers.ask(message.question, this.#pid);
        unlessGone(() => this.#native.sendGo(this.#socket));
        return;
      case 'forked':
        return this.#follow(message.pid, message.pidfd);
      case 'console':
        return await this.#answers.console(message.fd);
      case 'notify':
        return await this.#answers.notify(message.fd, this.#pid);
      case 'failed':
        throw await this.#failed(message);
      case 'ready':
      case 'closed':
        return;
    }
  }

  /** The helper went on in a child: the process it leaves behind has ended or is about to, and is ours to reap. */
  async #follow(pid: number, pidfd: number): Promise<void> {
    await this.#native.waitPidfd(this.#pidfd, this.#silenceMs);
    this.#native.reap(this.#pidfd);
    closeSync(this.#pidfd);
    this.#pid = pid;
    this.#pidfd = pidfd;
  }

  async #failed(message: Extract<Message, { kind: 'failed' }>): Promise<TsruncError> {
    const op = this.#sent[message.step];
    if (op !== undefined) return await this.#answers.failure(op, message);
    return new TsruncError(
      'INIT_DIED',
      `The init helper failed before its first step: ${message.call}: ${message.detail}`,
    );
  }
}

const question = (number: number): string => `ask ${number}`;

/** What the helper says when it runs the operation, apart from its failure. */
function announced(op: Op): string[] {
  if (op.op === 'ask') return [question(op.question)];
  if (op.op === 'fork') return ['forked'];
  if (op.op === 'openConsole') return ['console'];
  return op.op === 'loadSeccomp' && op.notify !== 0 ? ['notify'] : [];
}

/**
 * A helper that has ended takes nothing more; what it said before that is still to be received, and tells why.
 * @returns whether it was sent
 */
export function unlessGone(send: () => void): boolean {
  try {
    send();
    return true;
  } catch (error) {
    if (!['EPIPE', 'ECONNRESET'].includes((error as SystemCallError).code)) throw error;
    return false;
  }
}

const lookUp =
  (numbers: ReadonlyMap<FdName, number>) =>
  (name: FdName): number => {
    const number = numbers.get(name);
    if (number === undefined) throw new Error(`the plan names the file descriptor "${name}" but does not ask for it`);
    return number;
  };

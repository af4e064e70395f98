/** The init helper by itself: parts of a plan are sent to it and its messages read, without a container around it. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePart } from '../../src/native/encode.ts';
import { loadNative } from '../../src/native/load.ts';
import type { ExitStatus, Message, Spawned } from '../../src/native/native.ts';
import type { Op } from '../../src/plan/ops.ts';
import { make } from './fs-lab.ts';

export const native = loadNative();
const patience = 10_000;

export interface HelperOptions {
  readonly cloneFlags?: number;
  readonly extraFds?: readonly number[];
  /** What the program finds on fd 0 (nothing). */
  readonly stdin?: string;
}

/** A running helper. Dispose of it with `await using`: it is killed and reaped, and its files are removed. */
export class Helper {
  readonly directory = fs.mkdtempSync(join(tmpdir(), 'tsrunc-helper-'));
  readonly #outputPath = join(this.directory, 'output');
  #process: Spawned;
  #closed = false;

  constructor(options: HelperOptions = {}) {
    const inputPath = join(this.directory, 'input');
    fs.writeFileSync(inputPath, options.stdin ?? '');
    const input = fs.openSync(inputPath, 'r');
    const output = fs.openSync(this.#outputPath, 'a');
    const { cloneFlags = 0, extraFds = [] } = options;
    this.#process = native.spawn({ cloneFlags, cgroupFd: -1, stdio: [input, output, output], extraFds });
    fs.closeSync(input);
    fs.closeSync(output);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** fds: what the ops name, in order. */
  send(ops: readonly Op[], fds: Readonly<Record<string, number>> = {}): void {
    const names = Object.keys(fds);
    native.sendPart(
      this.#process.socket,
      encodePart(ops, (name) => names.indexOf(name)),
      Object.values(fds),
    );
  }

  async next(): Promise<Message> {
    const message = await native.receive(this.#process.socket, patience);
    // The process that was forked takes the place of the one that forked it.
    if (message.kind === 'forked') {
      await this.#bury();
      this.#process = { pid: message.pid, pidfd: message.pidfd, socket: this.#process.socket };
    }
    return message;
  }

  go(): void {
    native.sendGo(this.#process.socket);
  }

  /** Our end of the conversation is no more. */
  close(): void {
    if (!this.#closed) fs.closeSync(this.#process.socket);
    this.#closed = true;
  }

  async ended(): Promise<ExitStatus | undefined> {
    await native.waitPidfd(this.#process.pidfd, patience);
    return native.reap(this.#process.pidfd);
  }

  output(): string {
    return fs.readFileSync(this.#outputPath, 'utf8');
  }

  /** Run the ops, then `script` in a shell; answers what it printed. @throws the helper's message where an op fails. */
  async shell(ops: readonly Op[], script: string, fds: Readonly<Record<string, number>> = {}): Promise<string> {
    const program = [
      make('findProgram', { name: '/bin/sh' }),
      make('exec', { args: ['sh', '-c', script], env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] }),
    ];
    this.send([...ops, ...program], fds);
    const message = await this.next();
    if (message.kind !== 'closed') throw new Error(JSON.stringify(message));
    await this.ended();
    return this.output();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      native.pidfdSendSignal(this.#process.pidfd, 9);
    } catch {
      // It has ended and was reaped.
    }
    await this.#bury();
    this.close();
    fs.rmSync(this.directory, { recursive: true });
  }

  async #bury(): Promise<void> {
    await this.ended().catch(() => undefined);
    fs.closeSync(this.#process.pidfd);
  }
}

/** The helper's answer to a part that fails. */
export async function failureOf(ops: readonly Op[], options: HelperOptions = {}): Promise<Message> {
  await using helper = new Helper(options);
  helper.send(ops);
  return await helper.next();
}

/** A message bus for unit tests: it answers by a table, and remembers what it was asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMessage, encodeMessage, type Message, messageSize } from './message.ts';
import type { Value } from './values.ts';

/** What one method does: its reply, an error, signals before or after; nothing at all leaves the caller waiting. */
export interface Answer {
  readonly signature?: string;
  readonly body?: readonly Value[];
  readonly error?: string;
  readonly before?: readonly Partial<Message>[];
  readonly after?: readonly Partial<Message>[];
  readonly silent?: boolean;
}

/** By member; a function sees the call. */
export type Answers = Readonly<Record<string, Answer | ((call: Message) => Answer)>>;

export class FakeBus {
  readonly path: string;
  readonly calls: Message[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'tsrunc-bus-'));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #answers: Answers;
  readonly #greeting: string;

  private constructor(answers: Answers, greeting: string) {
    this.path = join(this.#directory, 'bus');
    this.#answers = answers;
    this.#greeting = greeting;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param greeting what the bus says to AUTH */
  static async start(answers: Answers, greeting = 'DATA\r\nOK 1234\r\n'): Promise<FakeBus> {
    const bus = new FakeBus(answers, greeting);
    await new Promise<void>((ready) => bus.#server.listen(bus.path, ready));
    return bus;
  }

  /** Members in the order in which they were called. */
  get members(): string[] {
    return this.calls.map(({ member }) => member ?? '');
  }

  /** Arguments of the last call of a member. */
  argumentsOf(member: string): readonly Value[] {
    return this.calls.findLast((call) => call.member === member)?.body ?? [];
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    let begun = false;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      const begin = received.indexOf('BEGIN\r\n');
      if (!begun && begin < 0) socket.write(this.#greeting);
      if (!begun && begin < 0) received = Buffer.alloc(0);
      if (!begun && begin >= 0) [begun, received] = [true, received.subarray(begin + 7)];
      while (begun) {
        const size = messageSize(received);
        if (size === undefined || size > received.length) return;
        this.#answer(socket, decodeMessage(received.subarray(0, size)));
        received = received.subarray(size);
      }
    });
  }

  #answer(socket: Socket, call: Message): void {
    this.calls.push(call);
    const entry = this.#answers[call.member ?? ''] ?? {};
    const {
      signature,
      body = [],
      error,
      before = [],
      after = [],
      silent,
    } = typeof entry === 'function' ? entry(call) : entry;
    const send = (message: Partial<Message>) =>
      socket.write(encodeMessage({ type: 'signal', serial: this.calls.length, body: [], path: '/', ...message }));
    for (const signal of before) send(signal);
    const typed = signature === undefined ? {} : { signature };
    if (error !== undefined)
      send({
        type: 'error',
        replySerial: call.serial,
        error,
        signature: 's',
        body: [`it says ${error.split('.').at(-1)}`],
      });
    else if (!silent) send({ type: 'reply', replySerial: call.serial, ...typed, body });
    for (const signal of after) send(signal);
  }

  /** Close every connection, as a bus that ends. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await new Promise((closed) => this.#server.close(closed));
    rmSync(this.#directory, { recursive: true });
  }
}

/**
 * A client of a message bus, or of a program that speaks D-Bus on a socket of its own (systemd's private one).
 *
 *   client                                        bus
 *   NUL, AUTH EXTERNAL, DATA ────────────────────▶ takes our user id from the socket (SO_PEERCRED)
 *         ◀──────────────────────── DATA, OK guid
 *   BEGIN, calls ────────────────────────────────▶
 *         ◀──────────────────────── replies, errors, signals
 */
import { createConnection, type Socket } from 'node:net';
import { decodeMessage, encodeMessage, type Message, messageSize } from './message.ts';
import type { Value } from './values.ts';

/** What a method answered instead of a reply. */
export class BusError extends Error {
  override readonly name = 'BusError';
  /** "org.freedesktop.systemd1.UnitExists" */
  readonly error: string;

  constructor(error: string, message: string) {
    super(message === '' ? error : message);
    this.error = error;
  }
}

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Types of the arguments. */
  readonly signature?: string;
  readonly body?: readonly Value[];
}

interface Waiting {
  readonly resolve: (body: readonly Value[]) => void;
  readonly reject: (error: Error) => void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #calls = new Map<number, Waiting>();
  readonly #listeners = new Set<(signal: Message) => void>();
  #serial = 0;
  #received: Buffer = Buffer.alloc(0);
  #begun = false;
  #failure: Error | undefined;
  #greeted: Waiting | undefined;
  #end: (error: Error) => void = () => undefined;
  /** Rejects when the connection has ended. */
  readonly ended: Promise<never>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = new Promise((_, reject) => {
      this.#end = reject;
    });
    // Who waits for it hears of it; for the others it is no error.
    this.ended.catch(() => undefined);
    socket.on('data', (data) => this.#receive(data));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the bus closed the connection')));
  }

  /**
   * Connect and prove who we are.
   * @param path of the unix socket; NUL first for an abstract one
   * @throws the system call's error; Error when the bus refuses this user
   */
  static async open(path: string): Promise<Connection> {
    const socket = createConnection({ path });
    const connection = new Connection(socket);
    try {
      await new Promise<readonly Value[]>((resolve, reject) => {
        connection.#greeted = { resolve, reject };
        // Without a user id of our own: in a user namespace it is another one than the bus sees.
        socket.on('connect', () => socket.write('\0AUTH EXTERNAL\r\nDATA\r\n'));
      });
    } catch (error) {
      connection.close();
      throw error;
    }
    connection.#begun = true;
    socket.write('BEGIN\r\n');
    return connection;
  }

  /** Call a method; several calls may be on their way, and are answered each on its own. @throws BusError, Error */
  call(call: Call): Promise<readonly Value[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#serial += 1;
    const serial = this.#serial;
    this.#socket.write(encodeMessage({ ...call, type: 'call', serial, body: call.body ?? [] }));
    return new Promise((resolve, reject) => {
      this.#calls.set(serial, { resolve, reject });
    });
  }

  /** Hear every signal that comes from now on. @returns how to stop */
  onSignal(listener: (signal: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    try {
      if (this.#begun) this.#takeMessages();
      else this.#greet();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #greet(): void {
    const text = this.#received.toString('latin1');
    const answer = /^(OK|REJECTED|ERROR)[^\r\n]*\r\n/m.exec(text);
    if (answer === null) return;
    this.#received = this.#received.subarray(answer.index + answer[0].length);
    if (answer[1] === 'OK') this.#greeted?.resolve([]);
    else this.#greeted?.reject(new Error(`the bus refuses this user: ${answer[0].trim()}`));
  }

  #takeMessages(): void {
    for (;;) {
      const size = messageSize(this.#received);
      if (size === undefined || size > this.#received.length) return;
      const message = decodeMessage(this.#received.subarray(0, size));
      this.#received = this.#received.subarray(size);
      this.#dispatch(message);
    }
  }

  #dispatch(message: Message): void {
    if (message.type === 'signal') for (const listener of this.#listeners) listener(message);
    const waiting = this.#calls.get(message.replySerial ?? 0);
    if (waiting === undefined || (message.type !== 'reply' && message.type !== 'error')) return;
    this.#calls.delete(message.replySerial ?? 0);
    if (message.type === 'reply') waiting.resolve(message.body);
    else waiting.reject(new BusError(message.error ?? 'unknown error', String(message.body[0] ?? '')));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#greeted?.reject(error);
    this.#end(error);
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
    this.#socket.destroy();
  }
}

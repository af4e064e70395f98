/** node:net, as far as the program uses it: a stream socket to a unix address. */
import { EngineBuffer } from './buffer.ts';
import { natives } from './natives.ts';

interface Events {
  readonly connect: () => void;
  readonly data: (data: EngineBuffer) => void;
  readonly error: (error: Error) => void;
  readonly close: () => void;
}

export class Socket {
  readonly #listeners: { [Name in keyof Events]?: Events[Name] } = {};
  #fd: number | undefined;
  #destroyed = false;

  constructor(path: string) {
    // Listeners are added after this constructor.
    natives.startTimer(() => this.#connect(path), 0);
  }

  /** One listener of each kind. */
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): this {
    this.#listeners[event] = listener;
    return this;
  }

  write(data: string | Uint8Array): void {
    if (this.#fd === undefined) return;
    const bytes = typeof data === 'string' ? EngineBuffer.from(data) : data;
    this.#guarded(this.#fd, (fd) => natives.send(fd, bytes.buffer, bytes.byteOffset, bytes.length));
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    // Whoever waits for the descriptor wakes by this, and closes it.
    if (this.#fd !== undefined) natives.shutdown(this.#fd);
  }

  #connect(path: string): void {
    if (this.#destroyed) return;
    try {
      this.#fd = natives.connect(path);
    } catch (error) {
      this.#listeners.error?.(error as Error);
      return;
    }
    this.#listeners.connect?.();
    this.#await(this.#fd);
  }

  #await(fd: number): void {
    natives.onReadable(fd, () => this.#guarded(fd, () => this.#read(fd)));
  }

  #read(fd: number): void {
    const bytes = this.#destroyed ? new ArrayBuffer(0) : natives.receive(fd);
    if (bytes.byteLength === 0) {
      this.#fd = undefined;
      natives.close(fd);
      this.#listeners.close?.();
      return;
    }
    this.#await(fd);
    this.#listeners.data?.(EngineBuffer.over(bytes));
  }

  #guarded(fd: number, act: (fd: number) => void): void {
    try {
      act(fd);
    } catch (error) {
      this.#listeners.error?.(error as Error);
    }
  }
}

export const createConnection = ({ path }: { readonly path: string }): Socket => new Socket(path);

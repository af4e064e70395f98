/** node:net, as far as the program uses it: a stream socket to a unix address. */
import { EngineBuffer } from './buffer.ts';
import { natives } from './natives.ts';

interface Events {
  readonly connect: () => void;
  readonly data: (data: EngineBuffer) => void;
  readonly error: (error: Error) => void;
  readonly close: () => void;
}

const nothing = new ArrayBuffer(0);

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
    try {
      natives.send(this.#fd, bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      this.#listeners.error?.(error as Error);
    }
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
    natives.onReadable(fd, () => {
      const bytes = this.#destroyed ? nothing : this.#receive(fd);
      if (bytes.byteLength === 0) {
        this.#close(fd);
        return;
      }
      this.#await(fd);
      this.#listeners.data?.(EngineBuffer.over(bytes));
    });
  }

  /** Nothing after an error, which ends the connection. */
  #receive(fd: number): ArrayBuffer {
    try {
      return natives.receive(fd);
    } catch (error) {
      this.#listeners.error?.(error as Error);
      return nothing;
    }
  }

  #close(fd: number): void {
    this.#fd = undefined;
    natives.close(fd);
    this.#listeners.close?.();
  }
}

export const createConnection = ({ path }: { readonly path: string }): Socket => new Socket(path);

import type { Native } from '../native/native.ts';

/** Wakes one waiter, however many reasons there are. Promise.race on promises that live long would keep every round in memory. */
export class Bell {
  #rung = false;
  #wake: () => void = () => {};

  readonly ring = (): void => {
    this.#rung = true;
    this.#wake();
  };

  /** Resolves at once when it has rung since the last time. */
  async heard(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#rung = false;
  }
}

/** Rings after each interval, and when a process ends. */
export class Beat {
  readonly #native: Pick<Native, 'waitPidfd' | 'endWaits'>;
  readonly #pidfd: number;
  readonly #intervalMs: number;
  readonly #bell: Bell;
  #wait: Promise<void> = Promise.resolve();
  #state: 'waiting' | 'due' | 'ended' = 'waiting';
  #failure: { readonly error: unknown } | undefined;

  constructor(native: Pick<Native, 'waitPidfd' | 'endWaits'>, pidfd: number, intervalMs: number, bell: Bell) {
    this.#native = native;
    this.#pidfd = pidfd;
    this.#intervalMs = intervalMs;
    this.#bell = bell;
    this.next();
  }

  /** Begin an interval. */
  next(): void {
    this.#state = 'waiting';
    this.#wait = this.#native
      .waitPidfd(this.#pidfd, this.#intervalMs)
      .then(
        (ended) => {
          this.#state = ended ? 'ended' : 'due';
        },
        (error) => {
          this.#failure = { error };
        },
      )
      .then(this.#bell.ring);
  }

  /** @throws what waiting failed with */
  get state(): 'waiting' | 'due' | 'ended' {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#state;
  }

  /** @param close runs when the descriptor of the process is no longer needed */
  stop(close: () => void): void {
    this.#native.endWaits(this.#pidfd);
    void this.#wait.then(close);
  }
}

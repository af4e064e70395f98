import { closeSync } from 'node:fs';
import type { Spec } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { Native } from '../native/native.ts';
import type { CreateOptions } from './options.ts';
import type { Undo } from './undo.ts';

/** The ways out of the two mistakes. */
interface TerminalHints {
  readonly noReceiver: string;
  readonly noTerminal: string;
}

const ofCreate: TerminalHints = {
  noReceiver:
    'Give --console-socket the path of a listening unix socket, set process.terminal to false, or use a foreground `run`.',
  noTerminal: 'Set process.terminal to true and use create or `run --detach`, or leave --console-socket out.',
};

/** Those of `exec`. */
export const ofExec: TerminalHints = {
  noReceiver: 'Give --console-socket the path of a listening unix socket, or leave --detach out.',
  noTerminal: 'Use --tty and --detach, or leave --console-socket out.',
};

/**
 * A terminal needs somebody at its other end: the receiver of --console-socket, or this process while it stays.
 * The texts are runc's, engines and users know them.
 */
export function checkTerminal(
  spec: Spec,
  { consoleSocket }: Pick<CreateOptions, 'consoleSocket'>,
  detached: boolean,
  hints = ofCreate,
): void {
  const place = { file: 'config.json', pointer: '/process/terminal' };
  const wanted = spec.process?.terminal === true;
  if (wanted && detached && consoleSocket === undefined) {
    throw new TsruncError('USAGE', 'cannot allocate tty if runc will detach without setting console socket', {
      place,
      hint: hints.noReceiver,
    });
  }
  if (consoleSocket !== undefined && !(wanted && detached)) {
    throw new TsruncError('USAGE', 'cannot use console socket if runc will not detach or allocate tty', {
      place,
      hint: hints.noTerminal,
    });
  }
}

/** Our end of the container's terminal: passed on to the console socket, or kept for the foreground. */
export class Terminal {
  readonly #native: Native;
  readonly #socket: string | undefined;
  #kept: number | undefined;

  constructor(native: Native, consoleSocket: string | undefined, undo: Undo) {
    this.#native = native;
    this.#socket = consoleSocket;
    undo.add('close the terminal', () => {
      if (this.#kept !== undefined) closeSync(this.#kept);
    });
  }

  get kept(): number | undefined {
    return this.#kept;
  }

  /** Take the terminal from the helper; the descriptor is ours from here on. */
  async take(fd: number): Promise<void> {
    if (this.#socket === undefined) {
      this.#kept = fd;
      // The program may ask before the monitor, which follows our window from then on, has begun.
      this.#native.copyWindowSize(0, fd);
      return;
    }
    try {
      this.#native.sendFd(this.#socket, fd, '/dev/ptmx');
    } catch (cause) {
      throw new TsruncError('SYSTEM', `Cannot send the terminal to the console socket "${this.#socket}"`, {
        cause,
        hint: 'Somebody must listen on it (SOCK_STREAM) before the container is created.',
      });
    } finally {
      closeSync(fd);
    }
  }
}

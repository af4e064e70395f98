/** Writing to the standard streams by their fds: touching process.stdout costs 10 ms and changes the shared fd's flags. */
import fs from 'node:fs';
import { TsruncError } from '../errors.ts';
import { visible } from '../log/visible.ts';

const stdout = 1;
const stderr = 2;

/** @throws TsruncError SYSTEM */
export function writeStdout(text: string): boolean {
  try {
    return writeAll(stdout, visible(text));
  } catch (cause) {
    throw new TsruncError('SYSTEM', 'Cannot write to standard output', { cause });
  }
}

export const writeStderr = (text: string): boolean => writeAll(stderr, visible(text));

/**
 * Write all of `text`.
 *
 * @returns false when nobody reads any more
 * @throws the error of write(2), except EPIPE: a reader that has gone (`tsrunc list | head -1`) wants no more, and the
 *   SIGPIPE that would end other programs quietly is ignored by the JS engine
 */
export function writeAll(fd: number, text: string): boolean {
  let rest = Buffer.from(text);
  for (let patience = 1; rest.length > 0; ) {
    const written = tryWrite(fd, rest);
    if (written === 'reader gone') return false;
    if (written === 'full') {
      // Somebody made the shared pipe non-blocking, and there is no poll(2) here: wait for its reader by the clock.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, patience);
      patience = Math.min(patience * 2, 50);
    } else {
      rest = rest.subarray(written);
    }
  }
  return true;
}

function tryWrite(fd: number, bytes: Uint8Array): number | 'full' | 'reader gone' {
  try {
    return fs.writeSync(fd, bytes);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EAGAIN') return 'full';
    if (code === 'EPIPE') return 'reader gone';
    throw error;
  }
}

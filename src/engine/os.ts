/** node:os, as far as the program uses it. */
import { natives } from './natives.ts';

export const arch = (): string => natives.machine;

const highestErrno = 133;

function errnoByName(): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (let errno = 1; errno <= highestErrno; errno++) {
    const name = natives.errnoName(errno);
    if (name !== undefined) numbers[name] = errno;
  }
  return numbers;
}

/** Made when it is asked for: only failures are explained with it. */
export const constants = {
  get errno(): Readonly<Record<string, number>> {
    return errnoByName();
  },
};

/** As Node has it: TMPDIR, TMP, TEMP, or /tmp. */
export const tmpdir = (): string => process.env.TMPDIR || process.env.TMP || process.env.TEMP || '/tmp';

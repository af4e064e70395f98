/** Signal names of Linux with their numbers, which are the same on every architecture that tsrunc is built for. */
import { nearest } from '../config/nearest.ts';
import { TsruncError } from '../errors.ts';

export const signals = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
} as const satisfies Readonly<Record<string, number>>;

/** As libc numbers them: it keeps 32 and 33 for itself. signal(7). */
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/**
 * Number of a signal.
 *
 * @param text "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3", "RTMAX-2", "0" (signal 0 asks whether the process is there)
 * @throws TsruncError USAGE for anything else; its text has runc's `unknown signal "X"`
 */
export function signalNumber(text: string): number {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : named(text.toUpperCase().replace(/^SIG/, ''));
  if (number !== undefined && number <= SIGRTMAX) return number;
  const near = nearest(text.toUpperCase().replace(/^SIG/, ''), Object.keys(signals));
  throw new TsruncError('USAGE', `unknown signal "${text}"${near === undefined ? '' : `: did you mean ${near}?`}`, {
    hint: 'Signals are names with or without SIG, numbers up to 64, RTMIN+n and RTMAX-n.',
  });
}

/** "SIGKILL", or "signal 40" for those without a name. */
export function signalName(number: number): string {
  const name = Object.entries(signals).find(([, value]) => value === number)?.[0];
  return name === undefined ? `signal ${number}` : `SIG${name}`;
}

function named(name: string): number | undefined {
  const realTime = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime === null) return Object.entries(signals).find(([known]) => known === name)?.[1];
  const offset = Number(realTime[3] ?? 0) * (realTime[2] === '-' ? -1 : 1);
  const number = (realTime[1] === 'RTMIN' ? SIGRTMIN : SIGRTMAX) + offset;
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}

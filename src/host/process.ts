/** Identity of processes: a pid alone can be another process tomorrow, pid and start time together cannot. */
import { readFileSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { errnoName } from './errno.ts';

export interface ProcessStat {
  /** One letter of proc_pid_stat(5): R S D T t Z X I ... */
  readonly state: string;
  /** Clock ticks between boot and the start of the process. */
  readonly startTime: number;
}

export type ProcessStatus = 'running' | 'zombie' | 'gone';

/**
 * Parse /proc/PID/stat. The command name (field 2) may hold blanks and parentheses, so fields are counted from the last ")".
 * @returns undefined when the text is not a stat line.
 */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = Number(fields[22 - 3]);
  if (!text.includes(')') || state === undefined || !Number.isSafeInteger(startTime)) return undefined;
  return { state, startTime };
}

/**
 * State and start time of a process; undefined when there is no such process.
 * @throws TsruncError SYSTEM when /proc cannot be read for another reason.
 */
export function readProcess(pid: number): ProcessStat | undefined {
  if (pid <= 0) return undefined;
  return parseStat(textOf(pid, 'stat') ?? '');
}

/** Who traces a process; undefined when nobody does, or when there is no such process. */
export const tracerOf = (pid: number): number | undefined =>
  Number(/^TracerPid:\s*(\d+)$/m.exec(textOf(pid, 'status') ?? '')?.[1] ?? 0) || undefined;

/** Whether its program is gone: it has ended, or has given up its memory and waits for the kernel to let it end. */
export const isEnding = (pid: number): boolean => !/^VmSize:/m.test(textOf(pid, 'status') ?? '');

/** A file of /proc/PID; undefined when there is no such process. */
function textOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch (cause) {
    const code = errnoName(cause);
    // ESRCH: the process ended between open and read.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw new TsruncError('SYSTEM', `Cannot read the state of process ${pid}`, { cause });
  }
}

/** Start time of a process in clock ticks since boot; undefined when there is no such process. */
export function startTime(pid: number): number | undefined {
  return readProcess(pid)?.startTime;
}

/** What became of the process that had this pid and start time. A zombie has ended but its parent has not waited for it. */
export function processStatus(pid: number, startTime: number): ProcessStatus {
  const found = readProcess(pid);
  if (found === undefined || found.startTime !== startTime || found.state === 'X') return 'gone';
  return found.state === 'Z' ? 'zombie' : 'running';
}

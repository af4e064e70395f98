/** The output of `ps`, in the forms of runc. */
import { TsruncError } from '../errors.ts';

/** One line; `null` when there is none. */
export const renderProcessIds = (pids: readonly number[]): string =>
  `${JSON.stringify(pids.length === 0 ? null : pids)}\n`;

/**
 * The heading of what ps printed, and the lines of some processes.
 * @throws TsruncError USAGE when there is no column PID to know them by
 */
export function selectProcesses(table: string, pids: readonly number[]): string {
  const [heading = '', ...lines] = table.trimEnd().split('\n');
  const column = fields(heading).indexOf('PID');
  if (column < 0) {
    throw new TsruncError('USAGE', "couldn't find PID field in ps output", {
      hint: 'Let the options of ps print the column PID, as in -o pid,args.',
    });
  }
  const wanted = new Set(pids.map(String));
  const own = lines.filter((line) => wanted.has(fields(line)[column] ?? ''));
  return [heading, ...own].map((line) => `${line}\n`).join('');
}

/** Columns before PID hold no blanks in what ps prints; those after it do not matter. */
const fields = (line: string): string[] => line.trim().split(/\s+/);

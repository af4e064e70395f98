/** Parsed command line -> command -> exit status. Errors are printed here alone. */

import { type Log, openLog } from '../log/logger.ts';
import { defaultRoot } from '../store/root.ts';
import { dispatch } from './commands.ts';
import { globalOptions, logSettings } from './globals.ts';
import { writeStderr, writeStdout } from './output.ts';
import type { Parsed } from './parse.ts';
import { rowOf } from './table.ts';

/** What a failure ends with unless the table says otherwise; engines and users of runc expect both. */
const failure = 1;

/** A command line that was not understood belongs to no command yet. */
const failureStatus = (parsed: Parsed): number =>
  ('invocation' in parsed ? rowOf(parsed.invocation.verb).failureStatus : undefined) ?? failure;

/** @returns the exit status */
export async function main(parsed: Parsed): Promise<number> {
  let log: Log | undefined;
  try {
    log = await openLog(logSettings(parsed.globals), writeStderr);
    return await execute(parsed, log);
  } catch (error) {
    (await import('./failure.ts')).tell(error, parsed, { stderr: writeStderr, log });
    return failureStatus(parsed);
  }
}

async function execute(parsed: Parsed, log: Log): Promise<number> {
  if ('mistake' in parsed) throw (await import('./mistakes.ts')).explained(parsed.mistake);
  const global = globalOptions(parsed.globals, log, defaultRoot);
  return dispatch(parsed.invocation, { global, print: writeStdout });
}

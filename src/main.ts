/** argv -> command -> exit status. The only module that prints errors, and the only one that ends the process. */
import { dispatch } from './cli/commands.ts';
import { globalOptions, logSettings } from './cli/globals.ts';
import { writeStderr, writeStdout } from './cli/output.ts';
import { type Parsed, parse } from './cli/parse.ts';
import { rowOf } from './cli/table.ts';
import { type Log, openLog } from './log/logger.ts';
import { renderForPeople, reportOf } from './log/report.ts';
import { defaultRoot } from './store/root.ts';

/** What a failure ends with unless the table says otherwise; engines and users of runc expect both. */
const failure = 1;

/** A command line that was not understood belongs to no command yet. */
const failureStatus = (parsed: Parsed): number =>
  ('invocation' in parsed ? rowOf(parsed.invocation.verb).failureStatus : undefined) ?? failure;

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parse(argv);
  let log: Log | undefined;
  try {
    log = await openLog(logSettings(parsed.globals), writeStderr);
    return await execute(parsed, log);
  } catch (error) {
    fail(error, log);
    return failureStatus(parsed);
  }
}

async function execute(parsed: Parsed, log: Log): Promise<number> {
  if ('mistake' in parsed) throw parsed.mistake;
  const global = globalOptions(parsed.globals, log, defaultRoot);
  return dispatch(parsed.invocation, { global, print: writeStdout });
}

function fail(error: unknown, log: Log | undefined): void {
  const report = reportOf(error);
  writeStderr(renderForPeople(report));
  try {
    log?.debug('error', report.stack);
    // Last, because engines show their user the last line.
    log?.error(report.msg, report.details);
  } catch (logError) {
    writeStderr(renderForPeople({ msg: `cannot write to the log: ${reportOf(logError).msg}`, hint: undefined }));
  }
}

process.exit(await main(process.argv.slice(2)));

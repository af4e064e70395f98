/** argv -> command -> exit status. The only module that prints errors, and the only one that ends the process. */
import { dispatch } from './cli/commands.ts';
import { globalOptions, logSettings } from './cli/globals.ts';
import { writeStderr, writeStdout } from './cli/output.ts';
import { type Parsed, parse } from './cli/parse.ts';
import { type Log, openLog } from './log/logger.ts';
import { renderForPeople, reportOf } from './log/report.ts';
import { defaultRoot } from './store/root.ts';

/** What every failure ends with; engines and users of runc expect it. */
const failure = 1;

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parse(argv);
  let log: Log | undefined;
  try {
    log = await openLog(logSettings(parsed.globals), writeStderr);
    return await execute(parsed, log);
  } catch (error) {
    fail(error, log);
    return failure;
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

/** What is said of a failure; loaded only then. */
import type { Log } from '../log/logger.ts';
import { renderForPeople, reportOf } from '../log/report.ts';
import { advised } from './advice.ts';
import { writeStderr } from './output.ts';
import type { Parsed } from './parse.ts';

/** @param log undefined where the log itself could not be opened */
export function tell(error: unknown, parsed: Parsed, log: Log | undefined): void {
  const report = reportOf('invocation' in parsed ? advised(error, parsed.invocation) : error);
  writeStderr(renderForPeople(report));
  try {
    log?.debug('error', report.stack);
    // Last, because engines show their user the last line.
    log?.error(report.msg, report.details);
  } catch (logError) {
    writeStderr(renderForPeople({ msg: `cannot write to the log: ${reportOf(logError).msg}`, hint: undefined }));
  }
}

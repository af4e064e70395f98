/** What is said of a failure; loaded only then. */
import type { Log } from '../log/logger.ts';
import { renderForPeople, reportOf } from '../log/report.ts';
import { advised } from './advice.ts';
import type { Parsed } from './parse.ts';

/** Where it is said. */
interface Outlets {
  /** Writes text to standard error. */
  readonly stderr: (text: string) => void;
  /** undefined where the log itself could not be opened. */
  readonly log: Log | undefined;
}

export function tell(error: unknown, parsed: Parsed, { stderr, log }: Outlets): void {
  const report = reportOf('invocation' in parsed ? advised(error, parsed.invocation) : error);
  stderr(renderForPeople(report));
  try {
    log?.debug('error', report.stack);
    // Last, because engines show their user the last line.
    log?.error(report.msg, report.details);
  } catch (logError) {
    stderr(renderForPeople({ msg: `cannot write to the log: ${reportOf(logError).msg}`, hint: undefined }));
  }
}

/**
 * Where warnings, debug lines and the final error go. There is no global logger: main.ts opens one and passes it in.
 *
 * Without --log, warnings and debug lines go to standard error. With --log they go to that file alone, and by default
 * only the final error does: an engine reads the whole file as one JSON object, so a failing command must leave exactly
 * one line. A command that succeeded may leave one, too: what an ordinary user's container lacks. --log-level (or --debug)
 * asks for more.
 */
import fs from 'node:fs';
import { TsruncError } from '../errors.ts';
import { formatLine, type LogFormat, type LogLevel, type LogRecord } from './line.ts';

/** What the lifecycle may say. Errors are not among it: they are thrown, and main.ts reports them once. */
export interface Logger {
  /**
   * Something that went on although it was not quite as asked; one sentence.
   * @param importance essential: a file of --log gets it as well, unless its level was chosen
   */
  warn(message: string, importance?: 'essential'): void;
  /** For whoever debugs: `area` ("cgroup", "hooks") can be selected by the environment variable DEBUG=tsrunc:<area>. */
  debug(area: string, message: string): void;
}

/** The logger as main.ts holds it. */
export interface Log extends Logger {
  /** Append the final error to the file of --log; nothing without --log, since standard error has it already. */
  error(message: string, details?: Readonly<Record<string, string>>): void;
  close(): void;
}

export interface LogSettings {
  /** Path of --log. */
  readonly file: string | undefined;
  readonly format: LogFormat;
  /** Least important level that is written; by default `warning` on standard error and `error` in a file. */
  readonly level: LogLevel | undefined;
}

const rank: Readonly<Record<LogLevel, number>> = { error: 0, warning: 1, info: 2, debug: 3 };

/**
 * Open the log.
 *
 * @param settings from --log, --log-format, --log-level and --debug
 * @param stderr writes text to standard error
 * @throws TsruncError SYSTEM when the file cannot be opened for appending
 */
export async function openLog(settings: LogSettings, stderr: (text: string) => void): Promise<Log> {
  const fd = settings.file === undefined ? undefined : openFile(settings.file);
  const level = settings.level ?? (fd === undefined ? 'warning' : 'error');
  const write = (record: Omit<LogRecord, 'time'>): void => {
    if (fd === undefined) stderr(`tsrunc: ${record.level}: ${record.msg}\n`);
    // One write per line: with O_APPEND lines of concurrent commands do not mix.
    else fs.writeSync(fd, formatLine(settings.format, { ...record, time: new Date() }));
  };
  const debug = rank[level] >= rank.debug ? await openDebug((msg) => write({ level: 'debug', msg })) : () => {};
  return {
    debug,
    warn: (msg, importance) => {
      const isWanted = importance === 'essential' && settings.level === undefined;
      if (isWanted || rank[level] >= rank.warning) write({ level: 'warning', msg });
    },
    error: (msg, details) => {
      if (fd !== undefined) write({ level: 'error', msg, ...(details === undefined ? {} : { details }) });
    },
    close: () => {
      if (fd !== undefined) fs.closeSync(fd);
    },
  };
}

/** A logger that says nothing, for callers of the library that want none. */
export const silentLogger: Logger = Object.freeze({ warn: () => {}, debug: () => {} });

function openFile(path: string): number {
  try {
    return fs.openSync(path, 'a', 0o644);
  } catch (cause) {
    throw new TsruncError('SYSTEM', `cannot open the log file "${path}"`, {
      cause,
      hint: 'Give --log the path of a writable file in a folder that exists.',
    });
  }
}

/** The `debug` package costs 2 ms to load, so it is loaded only when somebody wants its lines. */
async function openDebug(write: (message: string) => void): Promise<Logger['debug']> {
  const { default: createDebug } = await import('debug');
  // What the package adds for terminals and browsers (colours, times) differs between its two builds.
  createDebug.formatArgs = function (words: unknown[]) {
    words[0] = `${this.namespace} ${words[0]}`;
  };
  createDebug.log = (line: string) => write(line.trim());
  const selected = process.env.DEBUG ?? '';
  createDebug.enable(selected.includes('tsrunc') ? selected : 'tsrunc:*');
  const areas = new Map<string, ReturnType<typeof createDebug>>();
  return (area, message) => {
    const printer = areas.get(area) ?? createDebug(`tsrunc:${area}`);
    areas.set(area, printer);
    // It knows a sign of its own for each kind of value; text has none.
    printer(message.replaceAll('%', '%%'));
  };
}

/** Lines of the log file, in the two formats of --log-format. Field names and order are what engines parse. */
import { visible } from './visible.ts';

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

export const logLevels = ['error', 'warning', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogRecord {
  readonly level: LogLevel;
  readonly msg: string;
  readonly time: Date;
  /** Further fields, after the three that every reader knows. */
  readonly details?: Readonly<Record<string, string>>;
}

/** One line with its line feed. */
export function formatLine(format: LogFormat, { level, msg, time, details }: LogRecord): string {
  const stamp = `${time.toISOString().slice(0, 19)}Z`;
  if (format === 'json') return visible(`${JSON.stringify({ level, msg, time: stamp, ...details })}\n`);
  const fields = Object.entries({ time: stamp, level, msg, ...details });
  return visible(`${fields.map(([key, value]) => `${key}=${quote(value)}`).join(' ')}\n`);
}

/** logfmt: bare where it is one plain word, else a double-quoted string with escapes. */
const quote = (value: string): string => (/^[\w./@^+-]+$/.test(value) ? value : JSON.stringify(value));

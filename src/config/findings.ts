import type { Place } from '../errors.ts';

/** One thing to say about a configuration. */
export interface Finding {
  /** An error makes the configuration unusable; a warning is likely not what its author wants. */
  readonly severity: 'error' | 'warning';
  /** JSON pointer (RFC 6901) of the value that it is about. */
  readonly pointer: string;
  /** A sentence without its full stop. */
  readonly message: string;
  /** What to do, a full sentence. */
  readonly hint?: string;
  /** Whether it is about the value at the pointer or about the name of that member. */
  readonly about?: 'key' | 'value';
  /** How many it stands for that are not told one by one. */
  readonly count?: number;
}

/** How many there are, told or not. */
export const total = (findings: readonly Finding[]): number => findings.reduce((sum, { count = 1 }) => sum + count, 0);

/** More mistakes than this are not looked for: each costs time and memory, and a file can have millions. */
export const mostErrors = 1000;

/** "3", or "at least 1000" where more mistakes were not looked for. */
export const countOf = (mistakes: readonly Finding[]): string =>
  `${total(mistakes) >= mostErrors ? 'at least ' : ''}${total(mistakes)}`;

/** So many of each severity are told; the others are counted. */
export const mostTold = 100;

export interface PlacedFinding extends Finding {
  readonly place: Place;
}

const finding = (
  severity: Finding['severity'],
  pointer: string,
  message: string,
  hint: string | undefined,
): Finding => ({
  severity,
  pointer,
  message,
  ...(hint === undefined ? {} : { hint }),
});

export const mistake = (pointer: string, message: string, hint?: string): Finding =>
  finding('error', pointer, message, hint);

export const caution = (pointer: string, message: string, hint?: string): Finding =>
  finding('warning', pointer, message, hint);

export const isError = ({ severity }: Finding): boolean => severity === 'error';

/** In the place of those that are not told one by one. */
export const untold = (severity: Finding['severity'], count: number, isOpen = false): Finding => ({
  severity,
  pointer: '',
  message: `${isOpen ? 'At least ' : ''}${count} more ${severity === 'error' ? 'mistakes' : 'warnings'} are not shown`,
  count,
});

/** A value of the configuration as it is quoted in a message. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

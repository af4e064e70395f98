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
}

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

/** A value of the configuration as it is quoted in a message. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

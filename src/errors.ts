/**
 * Every failure that a user can see is a TsruncError: a stable code, a sentence that names the action and the object,
 * where in the user's file it was asked for, the cause, and the way out. Printed once, by main.ts.
 */

/** Stable identifiers of failures; scripts may match on them, so a code never changes its meaning. */
export type ErrorCode =
  | 'USAGE' // the command line is wrong
  | 'CONFIG_INVALID' // config.json breaks the runtime-spec
  | 'CONFIG_UNREADABLE' // config.json or the bundle cannot be read
  | 'UNSUPPORTED' // valid, but this host or this version cannot apply it
  | 'HOST_UNSUITABLE' // the kernel or its mounts lack what every container needs
  | 'CONTAINER_ID_INVALID'
  | 'CONTAINER_EXISTS'
  | 'CONTAINER_UNKNOWN'
  | 'CONTAINER_WRONG_STATE'
  | 'STATE_UNREADABLE'
  | 'STEP_FAILED' // an operation of the plan failed in the init helper
  | 'PROGRAM_NOT_FOUND' // process.args[0] is not there or not executable
  | 'HOOK_FAILED'
  | 'CGROUP_FAILED'
  | 'CRIU_FAILED' // criu could not checkpoint or restore; the message quotes its log
  | 'INIT_DIED' // the init helper went away without a report
  | 'TIMEOUT'
  | 'SYSTEM'; // any other failing system call

/** Where in the user's configuration the failed thing was asked for. */
export interface Place {
  /** File as the user knows it, for example "config.json". */
  readonly file: string;
  /** JSON pointer (RFC 6901) into that file, for example "/mounts/0". */
  readonly pointer: string;
  /** 1-based, when the source text was at hand. */
  readonly line?: number;
  readonly column?: number;
}

export interface ErrorDetails {
  readonly cause?: unknown;
  readonly place?: Place;
  /** What the user can do; a full sentence. */
  readonly hint?: string;
}

export class TsruncError extends Error {
  override readonly name = 'TsruncError';
  readonly code: ErrorCode;
  readonly place: Place | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.place = details.place;
    this.hint = details.hint;
  }
}

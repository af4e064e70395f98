/** From a thrown error to the words for people (standard error) and for engines (the log). */
import { type Place, TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { missingCallHint } from '../plan/missing-call.ts';

export interface Report {
  /**
   * The sentence with its place and causes. Engines look for words such as "permission denied" in it to choose an exit
   * status, so the hint, which is advice and not what happened, stays out of it.
   */
  readonly msg: string;
  readonly hint: string | undefined;
  /** Further fields of the log line. */
  readonly details: Readonly<Record<string, string>>;
  /** For --debug: where in tsrunc each error arose. */
  readonly stack: string;
}

const bugHint =
  'This is a mistake in tsrunc itself: please report it with the output of the same command with --debug.';

/** @param error whatever was thrown; the first of an AggregateError is the failure, the others came while undoing */
export function reportOf(error: unknown): Report {
  const main = failureOf(error);
  const place = main instanceof TsruncError ? main.place : undefined;
  const hint = hintOf(main);
  const details = {
    code: main instanceof TsruncError ? main.code : isSystemError(main) ? 'SYSTEM' : 'INTERNAL',
    ...(place === undefined ? {} : { place: renderPlace(place) }),
    ...(hint === undefined ? {} : { hint }),
  };
  return { msg: sentenceOf(error), hint, details, stack: stacksOf(error) };
}

function hintOf(error: unknown): string | undefined {
  const own = error instanceof TsruncError ? error.hint : isSystemError(error) ? undefined : bugHint;
  return own ?? (errnoName(rootOf(error)) === 'ENOSYS' ? missingCallHint : undefined);
}

/** The failure that all others came from. */
const rootOf = (error: unknown): unknown =>
  error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;

/** The lines for standard error. */
export const renderForPeople = ({ msg, hint }: Pick<Report, 'msg' | 'hint'>): string =>
  `tsrunc: ${msg}\n${hint === undefined ? '' : `Hint: ${hint}\n`}`;

const failureOf = (error: unknown): unknown => (error instanceof AggregateError ? failureOf(error.errors[0]) : error);

/** One failure with its causes; of several, the further ones follow, because they tell what was left behind. */
function sentenceOf(error: unknown): string {
  if (error instanceof AggregateError) {
    const [first, ...further] = error.errors.map(sentenceOf);
    return [first, ...further.map((text) => `while cleaning up after that: ${text}`)].join('; ');
  }
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof TsruncError)) return joined(internal(error), error.cause);
  const [sentence, cause] = isSystemError(error.cause)
    ? withCall(error.message, error.cause)
    : [error.message, error.cause];
  return joined(withPlace(sentence, error.place), cause);
}

function joined(sentence: string, error: unknown): string {
  if (error === undefined) return sentence;
  const cause = sentenceOf(error);
  // Many sentences hold the cause's text already, in the place where it reads best.
  return sentence.includes(cause) ? sentence : `${sentence}: ${cause}`;
}

/**
 * "ENOENT: no such file or directory, open '/x'", as node:fs has it, below a sentence that says some of this itself: each is said
 * once, the words behind the errno where the sentence ends with that, the call where the sentence does not name its path.
 * @returns the sentence, and what of the cause is still to be said
 */
function withCall(sentence: string, cause: SystemError): [sentence: string, rest: unknown] {
  const { code = '', message, syscall } = cause;
  const call = `, ${syscall}`;
  const end = message.endsWith(call) ? message.length - call.length : message.indexOf(`${call} '`);
  const words = message.slice(0, end);
  if (code === '' || end < 0 || !words.startsWith(`${code}: `)) return [sentence, cause];
  const named = new RegExp(`: ${code}\\b(?!:)`);
  if (named.test(sentence)) return [sentence.replace(named, () => `: ${words}`), undefined];
  if (sentence.includes(`: ${code}:`)) return [sentence, undefined];
  const path = /'(.*)'$/.exec(message)?.[1];
  return [sentence, path === undefined || sentence.includes(path) ? words : cause];
}

function withPlace(message: string, place: Place | undefined): string {
  if (place === undefined || (place.pointer !== '' && message.includes(place.pointer))) return message;
  return `${message} (${renderPlace(place)})`;
}

function renderPlace({ file, line, column, pointer }: Place): string {
  const position = [file, line, column].filter((part) => part !== undefined).join(':');
  return pointer === '' ? position : `${position}, ${pointer}`;
}

/** An error class such as TypeError says something of a bug, and nothing of a failed system call or of a cleaning step. */
const internal = (error: Error): string =>
  error.name === 'Error' || isSystemError(error) ? error.message : `${error.name}: ${error.message}`;

type SystemError = Error & { readonly syscall: string; readonly code?: string };

/** Thrown by node:fs and by the addon: the sentence names the call and the path. */
const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error && 'syscall' in error && typeof error.syscall === 'string';

function stacksOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const further: unknown[] = error instanceof AggregateError ? error.errors : [error.cause];
  return [stackOf(error), ...further.filter((cause) => cause instanceof Error).map(stacksOf)].join('\n');
}

/** What was thrown and where: QuickJS's stack has the places alone. */
function stackOf(error: Error): string {
  const { stack = '' } = error;
  return stack.includes(error.message) ? stack : `${error}\n${stack.trimEnd()}`;
}

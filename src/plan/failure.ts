import { constants } from 'node:os';
import { type ErrorCode, type Place, TsruncError } from '../errors.ts';
import { capabilityNames } from './capabilities.ts';
import { phrase } from './explain.ts';
import { hintFor } from './hints.ts';
import { deniedCallHint, missingCallHint } from './missing-call.ts';
import type { Op, OpNamed } from './ops.ts';

/** What the helper tells of a failed operation. */
export interface StepFailure {
  /** Positive errno. */
  readonly errno: number;
  /** The system call, "mount_setattr". */
  readonly call: string;
  /** What the call was about, where that is not in the operation; may be empty. */
  readonly detail: string;
}

/**
 * The sentence for a failed operation: what could not be done, where it was asked for, why, and the way out.
 * @param locate from a JSON pointer to the place in the user's file; without it the place has no line
 */
export function stepFailure(op: Op, failure: StepFailure, locate: (pointer: string) => Place = inConfig): TsruncError {
  const { code, message, hint } = sentence(op, failure);
  const place = op.from === '' ? {} : { place: locate(op.from) };
  return new TsruncError(code, message, { ...place, ...(hint === undefined ? {} : { hint }) });
}

const inConfig = (pointer: string): Place => ({ file: 'config.json', pointer });

interface Sentence {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

function sentence(op: Op, failure: StepFailure): Sentence {
  switch (op.op) {
    case 'findProgram':
      return programSentence(op.name, failure);
    case 'exec':
      return programSentence(op.args[0] ?? '', failure);
    case 'runHook':
      return hookSentence(op, failure);
    default:
      return plainSentence(op, failure);
  }
}

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** "EPERM"; a number without a name stays one. */
export const errnoName = (errno: number): string => names.get(errno) ?? `errno ${errno}`;

function plainSentence(op: Op, failure: StepFailure): Sentence {
  const errno = errnoName(failure.errno);
  const action = phrase(op);
  const detail = readable(failure.detail);
  // Often it is the path that the action has named already.
  const because = detail === '' || action.includes(JSON.stringify(detail)) ? '' : ` (${detail})`;
  return {
    code: 'STEP_FAILED',
    message: `Cannot ${action}: ${failure.call}: ${spelled(op, errno)}${because}`,
    hint: hintFor(op, errno, failure),
  };
}

/** Engines turn "permission denied" of a working directory into exit status 126. */
const spelled = (op: Op, errno: string): string =>
  op.op === 'changeDirectory' && errno === 'EACCES' ? 'permission denied' : errno;

/** The helper knows capabilities by number. */
const readable = (detail: string): string =>
  detail.replace(/^capability (\d+)$/, (_, number: string) => capabilityNames(1n << BigInt(number)).join());

function hookSentence(op: OpNamed<'runHook'>, failure: StepFailure): Sentence {
  const [, , kind = '', index = ''] = op.from.split('/');
  const what = failure.detail !== '' ? failure.detail : `${failure.call}: ${words(errnoName(failure.errno))}`;
  const hint = failure.call === 'execve' && failure.errno === constants.errno.EPERM ? forbiddenHint : undefined;
  return { code: 'HOOK_FAILED', message: `error running ${kind} hook #${index}: "${op.path}" ${what}`, hint };
}

/**
 * Clients compare these texts, in lower case, to tell exit status 127 (not found) from 126 (not executable); the form is
 * runc's.
 */
function programSentence(name: string, failure: StepFailure): Sentence {
  const errno = errnoName(failure.errno);
  const because = failure.call === 'search' && errno === 'ENOENT' ? 'executable file not found in $PATH' : words(errno);
  if (errno === 'ENOSYS') {
    return { code: 'HOST_UNSUITABLE', message: `exec: "${name}": ${failure.call}: ${errno}`, hint: missingCallHint };
  }
  const { more, hint } = programDetail(errno, failure);
  return { code: 'PROGRAM_NOT_FOUND', message: `exec: "${name}": ${because}${more}`, hint };
}

const errnoWords: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory: permission denied',
  ENOEXEC: 'exec format error',
  E2BIG: 'argument list too long',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'file name too long',
  ETXTBSY: 'text file busy',
  ENOMEM: 'cannot allocate memory',
};

const words = (errno: string): string => errnoWords[errno] ?? errno;

interface ProgramDetail {
  readonly more: string;
  readonly hint?: string;
}

/** execve(2) has this errno for programs that may be executed, but not as what they would become. */
const forbiddenHint =
  'With process.noNewPrivileges AppArmor changes from one profile to another only for a stricter one: where the runtime is confined itself, leave process.apparmorProfile or noNewPrivileges out. And a file with capabilities of its own (getcap) needs all of them in process.capabilities.bounding.';

/** What the helper found out about a program that is there and yet cannot run. */
function programDetail(errno: string, { call, detail }: StepFailure): ProgramDetail {
  const interpreter = /^(ELF )?interpreter (.+)$/s.exec(detail);
  if (interpreter !== null) return interpreterDetail(errno, interpreter[2] ?? '', interpreter[1] !== undefined);
  if (detail.endsWith(': mounted noexec')) {
    return { more: ` (${detail})`, hint: 'The file is on a file system mounted with "noexec": take that option away.' };
  }
  if (detail.endsWith(': not marked executable')) {
    return { more: ` (${detail})`, hint: 'Give it permission to be executed (chmod +x) in the image.' };
  }
  if (errno === 'EPERM') {
    return { more: detail === '' ? '' : ` (${detail})`, hint: call === 'execve' ? forbiddenHint : deniedCallHint };
  }
  if (errno === 'ENOEXEC') return { more: detail === '' ? '' : `: ${detail}`, hint: formatHint(detail) };
  return { more: detail === '' ? '' : ` (${detail})` };
}

function interpreterDetail(errno: string, path: string, isElf: boolean): ProgramDetail {
  if (errno !== 'ENOENT') return { more: `: its interpreter "${path}" cannot be executed` };
  const hint = isElf
    ? 'The program is dynamically linked: put its loader and libraries into the root file system, or link it statically.'
    : path.endsWith('\r')
      ? 'The first line of the script ends with a carriage return: save it with Unix line ends.'
      : 'The first line of the script names a program that is not in the root file system.';
  return { more: `: its interpreter ${JSON.stringify(path)} is missing`, hint };
}

const formatHint = (detail: string): string =>
  detail.startsWith('built for another machine')
    ? 'The image is for another machine type than this host.'
    : 'The program needs to be an ELF file, or a script whose first line begins with "#!".';

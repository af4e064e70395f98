/** Making a filter's program. Imported only where none is in the cache: this and libseccomp take milliseconds. */
import type { Seccomp } from '../config/spec.ts';
import { type Place, TsruncError } from '../errors.ts';
import type { FilterProgram, FilterRefusal, Native } from '../native/native.ts';
import { INSTRUCTION_BYTES, MOST_INSTRUCTIONS } from './bpf.ts';
import { enosysStub, needsStub } from './enosys.ts';
import { type ExactIntegers, filterRequest, type PlacedRequest } from './profile.ts';

export interface FilterSource {
  readonly seccomp: Seccomp;
  readonly exact: ExactIntegers;
  /** Machine type, as Node names it. */
  readonly machine: string;
}

export interface CompiledFilter {
  /** struct sock_filter, 8 bytes each. */
  readonly program: Uint8Array;
  /** Names of system calls that libseccomp does not know; the filter has no rule for them. */
  readonly unknown: readonly string[];
}

/**
 * The BPF program of linux.seccomp.
 * @throws TsruncError UNSUPPORTED, CONFIG_INVALID with the place of what cannot be made into a filter
 */
export function compileFilter(
  { seccomp, exact, machine }: FilterSource,
  native: Pick<Native, 'compileFilter' | 'libseccompVersion'>,
): CompiledFilter {
  const request = filterRequest(seccomp, machine, exact);
  if (request === undefined)
    throw unsupported('', `Filters of system calls are not known for machines of type ${machine}`);
  const made = ask(request, native);
  const newest = new Map(request.architectures.map((arch, index) => [arch, made.newest[index] ?? 0]));
  const stub = needsStub(seccomp) ? enosysStub(newest) : new Uint8Array();
  const program = Buffer.concat([stub, made.instructions]);
  const length = program.length / INSTRUCTION_BYTES;
  if (length <= MOST_INSTRUCTIONS) return { program, unknown: made.unknown };
  throw unsupported(
    '/syscalls',
    `The seccomp filter needs ${length} instructions, and the kernel takes ${MOST_INSTRUCTIONS} at most`,
    'Use fewer conditions on arguments.',
  );
}

function ask(request: PlacedRequest, native: Pick<Native, 'compileFilter' | 'libseccompVersion'>): FilterProgram {
  try {
    return native.compileFilter(request);
  } catch (error) {
    throw refused(request, error as FilterRefusal, native.libseccompVersion);
  }
}

function refused(request: PlacedRequest, cause: FilterRefusal, version: string): TsruncError {
  const { rule, systemCall, code, syscall } = cause;
  const entry = rule === undefined ? undefined : request.rules[rule]?.entry;
  if (entry === undefined) {
    return unsupported(
      '',
      `libseccomp ${version} cannot make the seccomp filter: ${syscall}: ${code}`,
      undefined,
      cause,
    );
  }
  const conflict = code === 'EEXIST' ? ': another rule decides it differently' : `: ${code}`;
  return new TsruncError('CONFIG_INVALID', `The seccomp rule for ${systemCall} cannot be added${conflict}`, {
    cause,
    place: inSeccomp(`/syscalls/${entry}`),
    ...(code === 'EEXIST' ? { hint: 'Take one of them out, or change its conditions.' } : {}),
  });
}

const inSeccomp = (pointer: string): Place => ({ file: 'config.json', pointer: `/linux/seccomp${pointer}` });

const unsupported = (pointer: string, message: string, hint?: string, cause?: unknown): TsruncError =>
  new TsruncError('UNSUPPORTED', message, {
    place: inSeccomp(pointer),
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });

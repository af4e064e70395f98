/** From linux.seccomp to what libseccomp is asked for; pure. */
import { toU64 } from '../config/integers.ts';
import { repeatsArgument } from '../config/rules/seccomp.ts';
import type { Seccomp, SeccompAction, SeccompArg, SeccompSyscall } from '../config/spec.ts';
import type { FilterCondition, FilterRequest, FilterRule } from '../native/native.ts';
import { actions, architectures, machines, operators } from './tables.ts';

/** Arguments that JSON.parse has rounded, by their JSON pointer, with every digit of the text. */
export type ExactIntegers = ReadonlyMap<string, bigint>;

/** A rule and the entry of linux.seccomp.syscalls that asked for it. */
export type PlacedRule = FilterRule & { readonly entry: number };

export type PlacedRequest = FilterRequest & { readonly rules: readonly PlacedRule[] };

const EPERM = 1;

/** The filter's answer as seccomp(2) has it; the errno is EPERM where none is given (config-linux.md "Seccomp"). */
function answer(action: SeccompAction, errno = EPERM): number {
  const takesErrno = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return takesErrno ? actions[action] + (errno & 0xffff) : actions[action];
}

export const usesNotify = ({ syscalls = [] }: Seccomp): boolean =>
  syscalls.some(({ action }) => action === 'SCMP_ACT_NOTIFY');

/** Searching by halves pays off from about here on, and libseccomp up to 2.5.4 fails at it without any rule. */
const MANY_NAMES = 32;

/**
 * @param machine as Node names it; undefined is answered where it is none of ours
 */
export function filterRequest(seccomp: Seccomp, machine: string, exact: ExactIntegers): PlacedRequest | undefined {
  const runnable = machines[machine];
  if (runnable === undefined) return undefined;
  const { syscalls = [] } = seccomp;
  const defaultAction = answer(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const named = syscalls.flatMap(({ names }) => names);
  const wanted = runnable.filter((arch, index) => index === 0 || seccomp.architectures?.includes(arch));
  return {
    defaultAction,
    architectures: wanted.map((arch) => architectures[arch]),
    rules: syscalls
      .flatMap((syscall, entry) => rulesOf(syscall, entry, exact))
      .filter(({ action }) => action !== defaultAction),
    named,
    binaryTree: named.length > MANY_NAMES,
  };
}

/**
 * One rule whose conditions must all hold. libseccomp takes one condition for each argument; where a profile has more, each
 * is a rule of its own, as in every other runtime since the first profiles: one of them is enough (rules/seccomp.ts warns).
 */
function rulesOf(
  { names, action, errnoRet, args = [] }: SeccompSyscall,
  entry: number,
  exact: ExactIntegers,
): PlacedRule[] {
  const conditions = args.map((arg, index) => condition(arg, `/linux/seccomp/syscalls/${entry}/args/${index}`, exact));
  const rule = { names, action: answer(action, errnoRet), entry };
  if (!repeatsArgument(args)) return [{ ...rule, conditions }];
  return conditions.map((one) => ({ ...rule, conditions: [one] }));
}

function condition(arg: SeccompArg, pointer: string, exact: ExactIntegers): FilterCondition {
  return {
    index: arg.index,
    operator: operators[arg.op],
    value: exact.get(`${pointer}/value`) ?? toU64(arg.value),
    valueTwo: exact.get(`${pointer}/valueTwo`) ?? toU64(arg.valueTwo ?? 0),
  };
}

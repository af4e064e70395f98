import { toU64 } from '../config/integers.ts';
import type { RlimitType, Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Context } from './context.ts';
import { leavesUserNamespace } from './namespaces.ts';
import { type Op, questions } from './ops.ts';

/** THE table of resource limits: numbers of asm-generic/resource.h (x86-64 and arm64). */
export const rlimitNumbers = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
} as const satisfies Record<RlimitType, number>;

export interface PlannedRlimit {
  /** Number of the resource. */
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
  readonly from: string;
}

/** Resource limits of the program, in the order of config.json. */
export function rlimitsOf({ process }: Spec, host: HostFacts): readonly PlannedRlimit[] {
  const asked = (process?.rlimits ?? []).map(({ type, soft, hard }, index) => ({
    resource: rlimitNumbers[type],
    soft: toU64(soft),
    hard: toU64(hard),
    from: `/process/rlimits/${index}`,
  }));
  const namesFiles = asked.some(({ resource }) => resource === rlimitNumbers.RLIMIT_NOFILE);
  // The JS engine raised its own limit of open files, and what is inherited is the engine's, not the caller's.
  const caller =
    namesFiles || host.callerNofile === undefined
      ? []
      : [{ resource: rlimitNumbers.RLIMIT_NOFILE, ...host.callerNofile, from: '' }];
  return [...asked, ...caller];
}

/**
 * Raising a hard limit takes CAP_SYS_RESOURCE in the initial user namespace: where the runtime has it and the helper
 * has left, the runtime sets them from outside.
 */
export function planRlimits({ spec, host }: Context): readonly Op[] {
  const limits = rlimitsOf(spec, host);
  const asked = limits.find(({ from }) => from !== '');
  if (asked !== undefined && leavesUserNamespace(spec) && host.user.sysResource) {
    return [{ op: 'ask', question: questions.rlimits, from: '/process/rlimits' }];
  }
  return limits.map((limit) => ({ op: 'setRlimit', ...limit }));
}

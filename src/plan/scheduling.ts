import { toU64 } from '../config/integers.ts';
import type { SchedulerFlag, SchedulerPolicy, Spec } from '../config/spec.ts';
import { refuse } from './context.ts';
import { planMemoryPolicy } from './memory-policy.ts';
import type { Op } from './ops.ts';

/** SCHED_* of linux/sched.h. */
export const schedulerPolicies = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
} as const satisfies Record<SchedulerPolicy, number>;

export const schedulerFlags = {
  SCHED_FLAG_RESET_ON_FORK: 0x01n,
  SCHED_FLAG_RECLAIM: 0x02n,
  SCHED_FLAG_DL_OVERRUN: 0x04n,
  SCHED_FLAG_KEEP_POLICY: 0x08n,
  SCHED_FLAG_KEEP_PARAMS: 0x10n,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20n,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40n,
} as const satisfies Record<SchedulerFlag, bigint>;

/** IOPRIO_CLASS_* of linux/ioprio.h. */
export const ioClasses = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;
const IO_CLASS_SHIFT = 13;

/** PER_* of linux/personality.h. */
export const personalities = { LINUX: 0, LINUX32: 8 } as const;

/** Scheduler, I/O priority, execution domain, NUMA policy. */
export const planScheduling = (spec: Spec): readonly Op[] => [
  ...planScheduler(spec),
  ...planIoPriority(spec),
  ...planPersonality(spec),
  ...planMemoryPolicy(spec),
];

function planScheduler({ process }: Spec): readonly Op[] {
  const scheduler = process?.scheduler;
  if (scheduler === undefined) return [];
  const { policy, flags = [], nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
  return [
    {
      op: 'setScheduler',
      policy: schedulerPolicies[policy],
      flags: flags.reduce((sum, flag) => sum | schedulerFlags[flag], 0n),
      nice,
      priority,
      runtime: toU64(runtime),
      deadline: toU64(deadline),
      period: toU64(period),
      from: '/process/scheduler',
    },
  ];
}

function planIoPriority({ process }: Spec): readonly Op[] {
  const asked = process?.ioPriority;
  if (asked === undefined) return [];
  const value = (ioClasses[asked.class] << IO_CLASS_SHIFT) | (asked.priority ?? 0);
  return [{ op: 'setIoPriority', value, from: '/process/ioPriority' }];
}

function planPersonality({ linux }: Spec): readonly Op[] {
  const asked = linux?.personality;
  if (asked?.domain === undefined) return [];
  const flag = asked.flags?.[0];
  if (flag !== undefined) {
    refuse(
      'UNSUPPORTED',
      '/linux/personality/flags/0',
      `The personality flag "${flag}" is not known`,
      'The runtime-spec defines none: leave flags out.',
    );
  }
  return [{ op: 'setPersonality', persona: personalities[asked.domain], from: '/linux/personality' }];
}

import type { Capabilities, Spec } from '../config/spec.ts';
import type { Op } from './ops.ts';

/**
 * THE capability table: names and numbers of linux/capability.h. Validation, the planner and the explainer read it.
 */
export const capabilityNumbers = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const satisfies Readonly<Record<string, number>>;

const numbers: ReadonlyMap<string, number> = new Map(Object.entries(capabilityNumbers));

/** Bit mask of capability names; unknown ones are left out (validation has warned, config.md "Linux Process"). */
export const capabilityMask = (names: readonly string[] = []): bigint =>
  names.reduce((mask, name) => {
    const number = numbers.get(name);
    return number === undefined ? mask : mask | (1n << BigInt(number));
  }, 0n);

/** Names of the bits of a mask, for people; a bit without a name keeps its number. */
export function capabilityNames(mask: bigint): string[] {
  const names = [...numbers].filter(([, number]) => (mask & (1n << BigInt(number))) !== 0n).map(([name]) => name);
  const unnamed = mask & ~capabilityMask(names);
  return unnamed === 0n ? names : [...names, `0x${unnamed.toString(16)}`];
}

const setsOf = ({ process }: Spec): Capabilities => process?.capabilities ?? {};

/**
 * A process without `capabilities` gets none: that is what the usual runtimes do, and the only choice that is never more than
 * what was asked for.
 */
export const planBounding = (spec: Spec): readonly Op[] => [
  {
    op: 'setBoundingCapabilities',
    keep: capabilityMask(setsOf(spec).bounding),
    from: spec.process?.capabilities === undefined ? '' : '/process/capabilities/bounding',
  },
];

/**
 * Inheritable capabilities only where the config names them (CVE-2022-29162: a non-empty set lets files with inheritable
 * capabilities raise the program's permitted set).
 * @param kept capabilities that the helper itself still needs, to be given up later
 */
export function planCapabilities(spec: Spec, kept = 0n): readonly Op[] {
  const { effective, permitted, inheritable, ambient } = capabilitySets(spec);
  return [
    {
      op: 'setCapabilities',
      effective: effective | kept,
      permitted: permitted | kept,
      inheritable,
      ambient,
      from: spec.process?.capabilities === undefined ? '' : '/process/capabilities',
    },
  ];
}

/** The sets that the program has, as bit masks. */
export function capabilitySets(
  spec: Spec,
): Readonly<Record<'effective' | 'permitted' | 'inheritable' | 'ambient', bigint>> {
  const { effective, ambient, ...sets } = setsOf(spec);
  const permitted = capabilityMask(sets.permitted);
  const inheritable = capabilityMask(sets.inheritable);
  // capabilities(7): ambient ones must be both. Others were warned of, and are as good as not named.
  return {
    effective: capabilityMask(effective),
    permitted,
    inheritable,
    ambient: capabilityMask(ambient) & permitted & inheritable,
  };
}

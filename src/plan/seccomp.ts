/**
 * When the filter of system calls comes into force. From then on it governs the helper as well, so it is loaded as late as
 * possible: after the word to start, before the startContainer hooks, which are the image's programs. All that it then has
 * to let through besides the program's own calls is execve, and capset where CAP_SYS_ADMIN had to be kept.
 *
 * With SCMP_ACT_NOTIFY it is loaded before the container counts as created: an agent that cannot be reached must fail
 * `create`, and the state that the agent gets says "creating" (config-linux.md "The Container Process State").
 */
import type { Seccomp, Spec } from '../config/spec.ts';
import { usesNotify } from '../seccomp/profile.ts';
import { flags as flagNumbers } from '../seccomp/tables.ts';
import { capabilityMask, capabilitySets } from './capabilities.ts';
import type { Op } from './ops.ts';

const SYS_ADMIN = capabilityMask(['CAP_SYS_ADMIN']);
const WITHOUT_PROGRAM = new Uint8Array();

/** Without the flag the kernel turns speculation mitigations on, which cost up to half of the speed; runc sets it as well. */
const DEFAULT_FLAGS = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'] as const;

/** Flags of seccomp(2). */
export function filterFlags(seccomp: Seccomp): number {
  const sum = (seccomp.flags ?? DEFAULT_FLAGS).reduce((all, flag) => all | flagNumbers[flag], 0);
  // It is about notifications, and the kernel refuses it where there are none.
  return usesNotify(seccomp) ? sum : sum & ~flagNumbers.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

/**
 * Loading a filter needs no_new_privs or CAP_SYS_ADMIN (seccomp(2)). Where neither is in the configuration, the helper keeps
 * the capability beyond the change of user, and gives it up right after loading.
 */
export const keptForFilter = ({ process, linux }: Spec): bigint =>
  linux?.seccomp === undefined || process?.noNewPrivileges === true ? 0n : SYS_ADMIN;

/** Before the container is created: only a filter that asks an agent. */
export const planFilterOfAgent = (spec: Spec, program?: Uint8Array): readonly Op[] =>
  spec.linux?.seccomp !== undefined && usesNotify(spec.linux.seccomp)
    ? planFilter(spec, spec.linux.seccomp, program)
    : [];

/** After the word to start: every other filter. */
export const planFilterOfStart = (spec: Spec, program?: Uint8Array): readonly Op[] =>
  spec.linux?.seccomp !== undefined && !usesNotify(spec.linux.seccomp)
    ? planFilter(spec, spec.linux.seccomp, program)
    : [];

const planFilter = (spec: Spec, seccomp: Seccomp, program: Uint8Array = WITHOUT_PROGRAM): readonly Op[] => [
  {
    op: 'loadSeccomp',
    filter: program,
    flags: filterFlags(seccomp),
    notify: usesNotify(seccomp) ? 1 : 0,
    from: '/linux/seccomp',
  },
  ...planGiveUp(spec),
];

function planGiveUp(spec: Spec): readonly Op[] {
  const { effective, permitted, inheritable } = capabilitySets(spec);
  if ((keptForFilter(spec) & ~(effective & permitted)) === 0n) return [];
  return [{ op: 'narrowCapabilities', effective, permitted, inheritable, from: '/process/capabilities' }];
}

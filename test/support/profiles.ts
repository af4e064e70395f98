/** Filters as engines use them, and the kernel's own numbers of system calls to ask them about. */
import { readFileSync } from 'node:fs';
import type { Seccomp, SeccompSyscall } from '../../src/config/spec.ts';

export type Abi = 'x86_64' | 'x86' | 'x32';

const headers = { x86_64: 'unistd_64.h', x86: 'unistd_32.h', x32: 'unistd_x32.h' } as const;

/** AUDIT_ARCH_* of each; x32 calls come as x86_64 with this bit in their number. */
export const auditArch = { x86_64: 0xc000_003e, x86: 0x4000_0003, x32: 0xc000_003e } as const;
const X32_BIT = 0x4000_0000;

/** Names and numbers from the kernel's headers, not from libseccomp. */
export function systemCalls(abi: Abi): ReadonlyMap<string, number> {
  const text = readFileSync(`/usr/include/x86_64-linux-gnu/asm/${headers[abi]}`, 'utf8');
  const found = text.matchAll(/^#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm);
  const bit = abi === 'x32' ? X32_BIT : 0;
  return new Map([...found].map(([, name = '', number]) => [name, Number(number) + bit]));
}

/** What Docker's documentation lists as blocked ("Seccomp security profiles for Docker"), one topic a line. */
const blocked = [
  'acct quotactl quotactl_fd swapon swapoff reboot syslog vhangup',
  'add_key keyctl request_key bpf perf_event_open fanotify_init lookup_dcookie kcmp',
  'clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday stime adjtimex',
  'create_module delete_module init_module finit_module get_kernel_syms query_module kexec_load kexec_file_load',
  'get_mempolicy set_mempolicy set_mempolicy_home_node mbind migrate_pages move_pages',
  'ioperm iopl vm86 vm86old modify_ldt uselib userfaultfd',
  'mount umount umount2 pivot_root fsconfig fsmount fsopen fspick move_mount open_tree mount_setattr open_by_handle_at name_to_handle_at',
  'nfsservctl sysfs _sysctl ustat process_vm_readv process_vm_writev process_madvise ptrace setns unshare setdomainname sethostname chroot',
].flatMap((line) => line.split(' '));

export const blockedByDocker: ReadonlySet<string> = new Set(blocked);

/** Permitted with certain arguments only. */
const conditional = new Set(['personality', 'clone', 'clone3', 'socket']);

const allow = (names: string[], rest: Partial<SeccompSyscall> = {}): SeccompSyscall => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...rest,
});

/** PER_LINUX, PER_LINUX32, UNAME26 with either, and the question what it is. */
export const personalitiesOfDocker = [0x0, 0x0008, 0x20000, 0x20008, 0xffff_ffff];
/** CLONE_NEW* but for cgroup and time. */
export const NAMESPACE_FLAGS = 0x7e02_0000;
export const AF_VSOCK = 40;

/** A profile of the shape of Docker's default one: what is not permitted is EPERM, 350 permitted calls, few conditions. */
export function dockerLike(): Seccomp {
  const names = new Set((['x86_64', 'x86'] as const).flatMap((abi) => [...systemCalls(abi).keys()]));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [
      allow([...names].filter((name) => !blockedByDocker.has(name) && !conditional.has(name))),
      allow(['socket'], { args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }] }),
      ...personalitiesOfDocker.map((value) =>
        allow(['personality'], { args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] }),
      ),
      allow(['clone'], { args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] }),
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ],
  };
}

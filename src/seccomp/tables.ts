/**
 * THE vocabularies of linux.seccomp with their numbers: seccomp.h of libseccomp, linux/seccomp.h and linux/audit.h.
 * Validation's schema has the names as well; a missing one does not compile.
 */
import type { SeccompAction, SeccompArch, SeccompFlag, SeccompOperator } from '../config/spec.ts';

/** The errno of ERRNO and TRACE belongs into the low 16 bits. */
export const actions = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
} as const satisfies Record<SeccompAction, number>;

export const operators = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
} as const satisfies Record<SeccompOperator, number>;

const BITS_64 = 0x8000_0000;
const LITTLE_ENDIAN = 0x4000_0000;
const MIPS64_N32 = 0x2000_0000;

/** AUDIT_ARCH_*: the ELF machine and its variant. x32 alone is libseccomp's own: to the kernel it is x86_64. */
export const architectures = {
  SCMP_ARCH_X86: 3 + LITTLE_ENDIAN,
  SCMP_ARCH_X86_64: 62 + BITS_64 + LITTLE_ENDIAN,
  SCMP_ARCH_X32: 62 + LITTLE_ENDIAN,
  SCMP_ARCH_ARM: 40 + LITTLE_ENDIAN,
  SCMP_ARCH_AARCH64: 183 + BITS_64 + LITTLE_ENDIAN,
  SCMP_ARCH_LOONGARCH64: 258 + BITS_64 + LITTLE_ENDIAN,
  SCMP_ARCH_M68K: 4,
  SCMP_ARCH_MIPS: 8,
  SCMP_ARCH_MIPS64: 8 + BITS_64,
  SCMP_ARCH_MIPS64N32: 8 + BITS_64 + MIPS64_N32,
  SCMP_ARCH_MIPSEL: 8 + LITTLE_ENDIAN,
  SCMP_ARCH_MIPSEL64: 8 + BITS_64 + LITTLE_ENDIAN,
  SCMP_ARCH_MIPSEL64N32: 8 + BITS_64 + LITTLE_ENDIAN + MIPS64_N32,
  SCMP_ARCH_PARISC: 15,
  SCMP_ARCH_PARISC64: 15 + BITS_64,
  SCMP_ARCH_PPC: 20,
  SCMP_ARCH_PPC64: 21 + BITS_64,
  SCMP_ARCH_PPC64LE: 21 + BITS_64 + LITTLE_ENDIAN,
  SCMP_ARCH_RISCV64: 243 + BITS_64 + LITTLE_ENDIAN,
  SCMP_ARCH_S390: 22,
  SCMP_ARCH_S390X: 22 + BITS_64,
  SCMP_ARCH_SH: 42 + LITTLE_ENDIAN,
  SCMP_ARCH_SHEB: 42,
} as const satisfies Record<SeccompArch, number>;

/** Of seccomp(2). TSYNC is nothing to the helper, which has one thread. */
export const flags = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 1 << 5,
} as const satisfies Record<SeccompFlag, number>;

/**
 * What each machine (by Node's name of it) can run, the machine's own first. No other system calls ever reach a filter, so
 * rules for other architectures mean nothing there.
 */
export const machines: Readonly<Record<string, readonly [SeccompArch, ...SeccompArch[]]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  ia32: ['SCMP_ARCH_X86'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  arm: ['SCMP_ARCH_ARM'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  ppc64: ['SCMP_ARCH_PPC64LE'],
  mips64el: ['SCMP_ARCH_MIPSEL64', 'SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64N32'],
  mipsel: ['SCMP_ARCH_MIPSEL'],
};

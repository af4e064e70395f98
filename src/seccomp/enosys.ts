/**
 * System calls that are newer than a profile: the profile's author could not know them, and neither "operation not
 * permitted" nor death makes a C library fall back to the older call that it would use on an older kernel. So what lies
 * above the newest system call that the profile names answers ENOSYS, as in runc. A profile that permits by default, or
 * whose answer is ENOSYS already, needs nothing; a tracer decides about new calls itself.
 */
import type { Seccomp } from '../config/spec.ts';
import { assemble, type Line } from './bpf.ts';
import { actions, architectures } from './tables.ts';

const ENOSYS = 38;
/** Offsets in struct seccomp_data. */
const NUMBER = 0;
const ARCHITECTURE = 4;
/** System calls of x32 have this bit; to the kernel their architecture is that of x86_64. */
const X32_BIT = 0x4000_0000;

const permissive: ReadonlySet<string> = new Set(['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE']);

export const needsStub = ({ defaultAction, defaultErrnoRet }: Seccomp): boolean =>
  !permissive.has(defaultAction) && !(defaultAction === 'SCMP_ACT_ERRNO' && defaultErrnoRet === ENOSYS);

/**
 * The instructions that stand before the filter's own: they answer ENOSYS or go on to what follows them.
 * @param newest architecture (as libseccomp numbers it) and the highest system call number that is named; 0: none is
 */
export function enosysStub(newest: ReadonlyMap<number, number>): Uint8Array {
  const known = new Map([...newest].filter(([, number]) => number > 0));
  const sections = [...known.keys()].filter((arch) => arch !== architectures.SCMP_ARCH_X32);
  if (sections.length === 0) return new Uint8Array();
  return assemble([
    { load: ARCHITECTURE },
    ...sections.map((arch): Line => ({ when: 'equal', value: arch, goTo: `arch ${arch}` })),
    { jump: 'end' },
    ...sections.flatMap((arch) => section(arch, known)),
    { label: 'unknown' },
    { answer: actions.SCMP_ACT_ERRNO + ENOSYS },
  ]);
}

function section(arch: number, newest: ReadonlyMap<number, number>): Line[] {
  return [
    { label: `arch ${arch}` },
    { load: NUMBER },
    ...(arch === architectures.SCMP_ARCH_X86_64 ? x32Branch(newest) : []),
    ...(multiplexed.has(arch) ? [{ when: 'equal', value: 0, goTo: 'unknown' } as const] : []),
    ...above(newest.get(arch) ?? 0),
  ];
}

const above = (number: number): Line[] => [{ when: 'above', value: number, goTo: 'unknown' }, { jump: 'end' }];

/** s390 puts numbers that do not fit the instruction into a register; those that the kernel does not know arrive as 0. */
const multiplexed: ReadonlySet<number> = new Set([architectures.SCMP_ARCH_S390, architectures.SCMP_ARCH_S390X]);

function x32Branch(newest: ReadonlyMap<number, number>): Line[] {
  const last = newest.get(architectures.SCMP_ARCH_X32);
  if (last === undefined) return [{ when: 'anyBit', value: X32_BIT, goTo: 'end' }];
  return [
    { when: 'anyBit', value: X32_BIT, goTo: 'x32' },
    { jump: 'x86_64' },
    { label: 'x32' },
    ...above(last),
    { label: 'x86_64' },
  ];
}

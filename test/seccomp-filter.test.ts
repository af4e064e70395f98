/** Programs of filters, run by an interpreter over tables of architecture, number and arguments. */
import { describe, expect, test } from 'vitest';
import type { Seccomp, SeccompArch, SeccompSyscall } from '../src/config/spec.ts';
import type { TsruncError } from '../src/errors.ts';
import { loadNative } from '../src/native/load.ts';
import { type CompiledFilter, compileFilter } from '../src/seccomp/compile.ts';
import { exactIntegers } from '../src/seccomp/exact.ts';
import { actions, architectures, machines } from '../src/seccomp/tables.ts';
import { runFilter } from './support/bpf.ts';
import {
  type Abi,
  AF_VSOCK,
  auditArch,
  blockedByDocker,
  dockerLike,
  NAMESPACE_FLAGS,
  personalitiesOfDocker,
  systemCalls,
} from './support/profiles.ts';

const compile = (seccomp: Seccomp, machine = 'x64'): CompiledFilter =>
  compileFilter({ seccomp, exact: new Map(), machine }, loadNative());

const ALLOW = actions.SCMP_ACT_ALLOW;
const KILL = actions.SCMP_ACT_KILL_THREAD;
const errno = (number: number): number => actions.SCMP_ACT_ERRNO + number;
const EPERM = errno(1);
const ENOSYS = errno(38);

const abis: readonly Abi[] = ['x86_64', 'x86', 'x32'];
const numberOf = (name: string, abi: Abi): number => {
  const number = systemCalls(abi).get(name);
  if (number === undefined) throw new Error(`${abi} has no ${name}`);
  return number;
};

describe('a profile like the default of Docker', () => {
  const { program, unknown } = compile(dockerLike());
  const ask = (abi: Abi, number: number, ...args: bigint[]): number =>
    runFilter(program, { number, arch: auditArch[abi], args });

  test('fits into what the kernel takes, several times', () => {
    expect(program.length / 8).toBeLessThan(1500);
    expect(unknown.length).toBeLessThan(20);
  });

  test.each(abis)('decides every system call of %s as it says', (abi) => {
    const known = systemCalls(abi);
    const named = [...known].filter(([name]) => !blockedByDocker.has(name) && !unknown.includes(name));
    const newest = Math.max(...named.map(([, number]) => number));
    for (const [name, number] of known) {
      if (['clone', 'clone3', 'socket', 'personality'].includes(name)) continue;
      const expected = number > newest ? ENOSYS : blockedByDocker.has(name) ? EPERM : ALLOW;
      expect(`${name} ${ask(abi, number).toString(16)}`).toBe(`${name} ${expected.toString(16)}`);
    }
  });

  test.each(abis)('answers ENOSYS for what is newer than all that it names, on %s', (abi) => {
    expect(ask(abi, numberOf('read', abi) + 10_000)).toBe(ENOSYS);
    expect(ask(abi, 0xffff_ffff)).toBe(ENOSYS);
  });

  test.each(abis)('looks at arguments on %s', (abi) => {
    const call = (name: string, ...args: bigint[]): number => ask(abi, numberOf(name, abi), ...args);
    for (const persona of personalitiesOfDocker) expect(call('personality', BigInt(persona))).toBe(ALLOW);
    expect(call('personality', 0x0040000n)).toBe(EPERM);
    expect(call('clone', 0x2000_0011n)).toBe(EPERM);
    expect(call('clone', 0x0120_0011n)).toBe(ALLOW);
    expect(call('clone', BigInt(NAMESPACE_FLAGS))).toBe(EPERM);
    expect(call('clone3')).toBe(ENOSYS);
    expect(call('socket', BigInt(AF_VSOCK))).toBe(EPERM);
    expect(call('socket', 1n)).toBe(ALLOW);
  });

  test('kills on an architecture that it does not name', () => {
    expect(runFilter(program, { number: 0, arch: architectures.SCMP_ARCH_AARCH64 })).toBe(KILL);
  });
});

describe('the answer of each action', () => {
  const one = (syscall: SeccompSyscall, rest: Partial<Seccomp> = {}): Uint8Array =>
    compile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [syscall], ...rest }).program;
  const getpid = { number: numberOf('getpid', 'x86_64'), arch: auditArch.x86_64 };

  test.each([
    ['SCMP_ACT_KILL', undefined, 0],
    ['SCMP_ACT_KILL_THREAD', undefined, 0],
    ['SCMP_ACT_KILL_PROCESS', undefined, 0x8000_0000],
    ['SCMP_ACT_TRAP', undefined, 0x0003_0000],
    ['SCMP_ACT_ERRNO', undefined, 0x0005_0001],
    ['SCMP_ACT_ERRNO', 4094, 0x0005_0ffe],
    ['SCMP_ACT_ERRNO', 0, 0x0005_0000],
    ['SCMP_ACT_TRACE', undefined, 0x7ff0_0001],
    ['SCMP_ACT_TRACE', 65535, 0x7ff0_ffff],
    ['SCMP_ACT_LOG', undefined, 0x7ffc_0000],
    ['SCMP_ACT_NOTIFY', undefined, 0x7fc0_0000],
    ['SCMP_ACT_ALLOW', undefined, 0x7fff_0000],
  ] as const)('%s %s', (action, errnoRet, expected) => {
    const program = one({ names: ['getpid'], action, ...(errnoRet === undefined ? {} : { errnoRet }) });
    expect(runFilter(program, getpid)).toBe(expected);
    expect(runFilter(program, { ...getpid, number: numberOf('getppid', 'x86_64') })).toBe(ALLOW);
  });

  test('a default of each kind', () => {
    for (const [defaultAction, expected] of [
      ['SCMP_ACT_KILL_PROCESS', 0x8000_0000],
      ['SCMP_ACT_TRAP', 0x0003_0000],
      ['SCMP_ACT_ERRNO', EPERM],
      ['SCMP_ACT_TRACE', 0x7ff0_0001],
      ['SCMP_ACT_LOG', 0x7ffc_0000],
    ] as const) {
      expect(runFilter(one({ names: ['umask'], action: 'SCMP_ACT_ALLOW' }, { defaultAction }), getpid)).toBe(expected);
    }
  });
});

describe('comparisons of 64-bit arguments', () => {
  const arch = auditArch.x86_64;
  const number = numberOf('umask', 'x86_64');
  const LARGE = 2n ** 64n - 1n;
  const compare = (op: string, value: bigint, valueTwo?: bigint) => {
    // As text: JSON.parse would round what a mask needs every bit of.
    const text = `{"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["umask"],"action":"SCMP_ACT_ERRNO",
      "args":[{"index":3,"op":"${op}","value":${value}${valueTwo === undefined ? '' : `,"valueTwo":${valueTwo}`}}]}]}}}`;
    const { seccomp } = JSON.parse(text).linux;
    const { program } = compileFilter(
      { seccomp, exact: exactIntegers(seccomp, () => text), machine: 'x64' },
      loadNative(),
    );
    return (argument: bigint) => runFilter(program, { number, arch, args: [9n, 9n, 9n, argument] }) === EPERM;
  };

  const points = [
    0n,
    1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 32n + 1n,
    2n ** 53n + 1n,
    2n ** 63n,
    LARGE - 1n,
    LARGE,
  ];

  test.each<[string, (argument: bigint, value: bigint) => boolean]>([
    ['SCMP_CMP_NE', (a, b) => a !== b],
    ['SCMP_CMP_LT', (a, b) => a < b],
    ['SCMP_CMP_LE', (a, b) => a <= b],
    ['SCMP_CMP_EQ', (a, b) => a === b],
    ['SCMP_CMP_GE', (a, b) => a >= b],
    ['SCMP_CMP_GT', (a, b) => a > b],
  ])('%s', (op, holds) => {
    for (const value of points) {
      const matches = compare(op, value);
      for (const argument of points)
        expect([argument, value, matches(argument)]).toEqual([argument, value, holds(argument, value)]);
    }
  });

  test('SCMP_CMP_MASKED_EQ', () => {
    for (const mask of [1n, 2n ** 53n + 1n, LARGE - 1n, LARGE]) {
      for (const wanted of [0n, mask, 2n ** 53n + 1n]) {
        const matches = compare('SCMP_CMP_MASKED_EQ', mask, wanted);
        for (const argument of points) {
          expect([mask, wanted, argument, matches(argument)]).toEqual([
            mask,
            wanted,
            argument,
            (argument & mask) === (wanted & mask),
          ]);
        }
      }
    }
  });
});

describe('architectures', () => {
  const profile: Seccomp = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: Object.keys(architectures) as SeccompArch[],
    syscalls: [{ names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' }],
  };
  // Numbers of read on each: asm-generic has 63, the older ones their own.
  const read: Partial<Record<SeccompArch, number>> = {
    SCMP_ARCH_X86_64: 0,
    SCMP_ARCH_X86: 3,
    SCMP_ARCH_X32: 0x4000_0000,
    SCMP_ARCH_AARCH64: 63,
    SCMP_ARCH_ARM: 3,
    SCMP_ARCH_RISCV64: 63,
    SCMP_ARCH_PPC64LE: 3,
    SCMP_ARCH_MIPSEL64: 5000,
    SCMP_ARCH_MIPSEL: 4003,
    SCMP_ARCH_MIPSEL64N32: 6000,
  };
  const kernelArch = (arch: SeccompArch): number =>
    arch === 'SCMP_ARCH_X32' ? architectures.SCMP_ARCH_X86_64 : architectures[arch];

  // libseccomp knows loongarch64 from 2.6 on.
  test.each(Object.keys(machines).filter((machine) => machine !== 'loong64'))(
    'all that a machine %s runs',
    (machine) => {
      const { program } = compile(profile, machine);
      for (const arch of machines[machine] ?? []) {
        const number = read[arch] ?? -1;
        const ask = (asked: number): number => runFilter(program, { number: asked, arch: kernelArch(arch) });
        expect([arch, ask(number)]).toEqual([arch, ALLOW]);
        expect([arch, ask(number + 2)]).toEqual([arch, ENOSYS]);
      }
    },
  );

  test('only the machine’s own where none is named', () => {
    const { program } = compile({ ...profile, architectures: [] });
    expect(runFilter(program, { number: 0, arch: auditArch.x86_64 })).toBe(ALLOW);
    expect(runFilter(program, { number: 3, arch: auditArch.x86 })).toBe(KILL);
    expect(runFilter(program, { number: 0x4000_0000, arch: auditArch.x32 })).toBe(KILL);
  });

  test('a machine that nobody has thought of is refused', () => {
    expect(() => compile(profile, 'vax')).toThrow('not known for machines of type vax');
  });
});

describe('what cannot be a filter', () => {
  const failure = (seccomp: Seccomp): TsruncError => {
    try {
      compile(seccomp);
    } catch (error) {
      return error as TsruncError;
    }
    throw new Error('it was compiled');
  };

  test('two rules that contradict each other under the same condition', () => {
    const names = ['getpid'];
    const args = [{ index: 0, op: 'SCMP_CMP_EQ' as const, value: 1 }];
    const error = failure({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names, action: 'SCMP_ACT_ERRNO', args },
        { names, action: 'SCMP_ACT_KILL', args },
      ],
    });
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', place: { pointer: '/linux/seccomp/syscalls/1' } });
    expect(error.message).toContain('getpid');
  });

  test('more instructions than the kernel takes', () => {
    const args = Array.from({ length: 3000 }, (_, index) => ({
      index: 0,
      op: 'SCMP_CMP_EQ' as const,
      value: index * 0x1_0000_0001,
    }));
    const error = failure({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['umask'], action: 'SCMP_ACT_ERRNO', args }],
    });
    expect(error).toMatchObject({ code: 'UNSUPPORTED', place: { pointer: '/linux/seccomp/syscalls' } });
    expect(error.message).toContain('4096');
  });
});

test('rules for system calls that libseccomp does not know are left out, and told', () => {
  const { unknown } = compile({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['getpid', 'no_such_call'], action: 'SCMP_ACT_ERRNO' }],
  });
  expect(unknown).toEqual(['no_such_call']);
});

/** runtime-spec config-linux.md "Seccomp": filters as the program meets them. */
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { describe } from 'vitest';
import type { Seccomp, SeccompAction, SeccompArg, SeccompFlag, SeccompSyscall } from '../src/config/spec.ts';
import { type Box, eventually, expect, type Patch, test } from './support/box.ts';
import { denying, useDeny } from './support/deny.ts';
import { isRoot, runtime } from './support/host.ts';
import { callingBundle, outcomeOfCalls, useSyscalls } from './support/syscalls.ts';

useSyscalls();
useDeny();

const allowing = (...syscalls: SeccompSyscall[]): Seccomp => ({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
const on = (action: SeccompAction, names: string[], rest: Partial<SeccompSyscall> = {}): SeccompSyscall => ({
  names,
  action,
  ...rest,
});

/** All that a static program needs to print a line. */
const bareMinimum = [
  'execve',
  'arch_prctl',
  'set_tid_address',
  'ioctl',
  'write',
  'writev',
  'exit_group',
  'brk',
  'mmap',
];

// Covers /linux/seccomp/{defaultAction,defaultErrnoRet} /linux/seccomp/syscalls/*/{names,action,errnoRet}
describe('actions', () => {
  test('ERRNO answers EPERM, or the errno that is asked for; other calls go through', async ({ box }) => {
    const seccomp = allowing(
      on('SCMP_ACT_ERRNO', ['getppid']),
      on('SCMP_ACT_ERRNO', ['getuid'], { errnoRet: 100 }),
      on('SCMP_ACT_ERRNO', ['getgid'], { errnoRet: 0 }),
    );
    expect(await outcomeOfCalls(box, seccomp, ['getpid', 'getppid', 'getuid', 'getgid'])).toBe('ok 1 100 ok');
  });

  // 128 + SIGSYS, as every runtime tells of a signal.
  test.for<[SeccompAction, string]>([
    ['SCMP_ACT_KILL', 'exit 159'],
    ['SCMP_ACT_KILL_THREAD', 'exit 159'],
    ['SCMP_ACT_KILL_PROCESS', 'exit 159'],
    ['SCMP_ACT_TRAP', 'exit 159'],
    ['SCMP_ACT_TRACE', '38'],
    ['SCMP_ACT_LOG', 'ok'],
    ['SCMP_ACT_ALLOW', 'ok'],
  ])('%s gives %s', async ([action, expected], { box }) => {
    expect(await outcomeOfCalls(box, allowing(on(action, ['getppid'])), ['getppid'])).toBe(expected);
  });

  test('the default action has its own errno', async ({ box }) => {
    const seccomp: Seccomp = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 6,
      syscalls: [on('SCMP_ACT_ALLOW', [...bareMinimum, 'reboot'])],
    };
    expect(await outcomeOfCalls(box, seccomp, ['getpid', 'umask'])).toBe('6 6');
  });
});

// Covers /linux/seccomp/syscalls/*/args
describe('conditions on arguments', () => {
  const when = (...args: SeccompArg[]): Seccomp => allowing(on('SCMP_ACT_ERRNO', ['umask'], { args }));
  const arg = (op: SeccompArg['op'], value: number, valueTwo?: number): SeccompArg => ({
    index: 0,
    op,
    value,
    ...(valueTwo === undefined ? {} : { valueTwo }),
  });

  test.for<[SeccompArg['op'], number, number | undefined, string]>([
    ['SCMP_CMP_EQ', 7, undefined, 'ok 1 ok'],
    ['SCMP_CMP_NE', 7, undefined, '1 ok 1'],
    ['SCMP_CMP_LT', 7, undefined, '1 ok ok'],
    ['SCMP_CMP_LE', 7, undefined, '1 1 ok'],
    ['SCMP_CMP_GT', 7, undefined, 'ok ok 1'],
    ['SCMP_CMP_GE', 7, undefined, 'ok 1 1'],
    ['SCMP_CMP_MASKED_EQ', 1, 0, '1 ok 1'],
  ])('%s %d %s on 6, 7, 8: %s', async ([op, value, valueTwo, expected], { box }) => {
    expect(await outcomeOfCalls(box, when(arg(op, value, valueTwo)), ['umask:6', 'umask:7', 'umask:8'])).toBe(expected);
  });

  test('conditions on different arguments must all hold', async ({ box }) => {
    const both = when(arg('SCMP_CMP_EQ', 7), { index: 5, op: 'SCMP_CMP_EQ', value: 1 });
    expect(await outcomeOfCalls(box, both, ['umask:7:0:0:0:0:1', 'umask:7', 'umask:0:0:0:0:0:1'])).toBe('1 ok ok');
  });

  test('of several conditions on one argument one is enough', async ({ box }) => {
    const either = when(arg('SCMP_CMP_EQ', 7), arg('SCMP_CMP_EQ', 8));
    expect(await outcomeOfCalls(box, either, ['umask:6', 'umask:7', 'umask:8'])).toBe('ok 1 1');
  });
});

/** Every record that the kernel still has; undefined where it shows them to nobody. */
const kernelLog = (): string[] | undefined => {
  let fd: number;
  try {
    fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const record = Buffer.alloc(8192);
  const records: string[] = [];
  try {
    for (;;) records.push(record.toString('utf8', 0, readSync(fd, record)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    return records;
  } finally {
    closeSync(fd);
  }
};

// Covers /linux/seccomp/flags
describe('flags', () => {
  const TSYNC = 'SECCOMP_FILTER_FLAG_TSYNC';
  const LOG = 'SECCOMP_FILTER_FLAG_LOG';
  const SPEC_ALLOW = 'SECCOMP_FILTER_FLAG_SPEC_ALLOW';

  test.for<[SeccompFlag[]]>([[[TSYNC]], [[TSYNC, LOG, SPEC_ALLOW]]])(
    '%j: the filter holds',
    async ([flags], { box }) => {
      const { stdout } = await box.probe('grep ^Seccomp: /proc/self/status; mkdir /made || echo refused', (config) => {
        config.linux.seccomp = { ...allowing(on('SCMP_ACT_ERRNO', ['mkdir', 'mkdirat'])), flags };
      });
      expect(stdout).toBe('Seccomp:\t2\nrefused\n');
    },
  );

  const [errno, log, kill] = ['0x50000', '0x7ffc0000', '0x80000000'];
  const unlogged = (): string[] => {
    const logged = readFileSync('/proc/sys/kernel/seccomp/actions_logged', 'utf8').trim().split(' ');
    return ['errno', 'log', 'kill_process'].filter((action) => !logged.includes(action));
  };

  // The kernel prints ten such records in five seconds, no more.
  test.for<[SeccompFlag[], string[]]>([
    [[], [log, kill]],
    [[LOG], [errno, log, kill]],
  ])('%j: the kernel logs %j', { retry: 2 }, async ([flags, expected], { box, skip }) => {
    const before = kernelLog();
    skip(before === undefined, 'the log of the kernel cannot be read');
    skip(unlogged().length > 0, `this host logs no ${unlogged().join()}`);
    const rules = allowing(
      on('SCMP_ACT_ERRNO', ['getppid']),
      on('SCMP_ACT_LOG', ['getuid']),
      on('SCMP_ACT_KILL_PROCESS', ['getgid']),
    );
    const id = await box.create(await callingBundle(box, { ...rules, flags }, ['getppid', 'getuid', 'getgid']));
    const { pid } = await box.state(id);
    await box.ok('start', id);
    await box.reached(id, 'stopped');
    const codes = (): string[] =>
      (kernelLog() ?? [])
        .filter((record) => record.includes(' type=1326 ') && record.includes(` pid=${pid} `))
        .filter((record) => !before?.includes(record))
        .map((record) => / code=(\w+)/.exec(record)?.[1] ?? '');
    const last = eventually('the kill is logged', () => codes().includes(kill) || undefined);
    skip(!(await last.catch(() => false)), 'the kernel has not even logged what kills: it does not, or not so many');
    expect(codes()).toEqual(expected);
  });

  // TSYNC is nothing to one thread. Without a list the flag that costs no speed, as in runc; an empty list is none.
  const numbers = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, WAIT_KILLABLE_RECV: 32 };
  test.skipIf(!isRoot || runtime.endsWith('/runc')).for<[SeccompFlag[] | undefined, string[]]>([
    [undefined, ['SPEC_ALLOW']],
    [[], []],
    [[SPEC_ALLOW], ['SPEC_ALLOW']],
    [[LOG], ['LOG']],
    [[TSYNC, LOG], ['LOG']],
    [
      [TSYNC, LOG, SPEC_ALLOW],
      ['LOG', 'SPEC_ALLOW'],
    ],
  ])('%j: the kernel is given %j', async ([flags, expected], { box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.seccomp = { ...allowing(), ...(flags === undefined ? {} : { flags }) };
    });
    const given: string[] = [];
    for (const [name, number] of Object.entries(numbers)) {
      const { code, stderr } = await denying(box, [`seccomp:1:${number}=1`], ['run', '-b', bundle.path, box.id()]);
      if (code === 0) continue;
      expect(stderr).toContain('Cannot load the seccomp filter');
      given.push(name);
    }
    expect(given).toEqual(expected);
  });

  const vulnerability = '/sys/devices/system/cpu/vulnerabilities/spec_store_bypass';
  const field = /^Speculation_Store_Bypass:\t(.*)$/m;
  const own = field.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];

  test.for<[SeccompFlag[] | undefined, string]>([
    [[], 'thread force mitigated'],
    [[SPEC_ALLOW], 'thread vulnerable'],
    [undefined, 'thread vulnerable'],
  ])('%j: speculative store bypass is "%s"', async ([flags, expected], { box, skip }) => {
    skip(!readFileSync(vulnerability, 'utf8').includes('seccomp'), 'no filter switches the mitigation on here');
    skip(own !== 'thread vulnerable', `and it is "${own}" already`);
    const { stdout } = await box.probe('cat /proc/self/status', (config) => {
      config.linux.seccomp = { ...allowing(), ...(flags === undefined ? {} : { flags }) };
    });
    expect(field.exec(stdout)?.[1]).toBe(expected);
  });
});

// Covers /linux/seccomp/architectures
describe.runIf(process.arch === 'x64')('architectures', () => {
  // Of unistd_32.h.
  const calls = { getpid: '20', getppid: '64', getuid: '24' };

  test.for<[Seccomp['architectures'], string]>([
    [undefined, 'exit 159'],
    [['SCMP_ARCH_X86_64'], 'exit 159'],
    [['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'], 'ok 1 100'],
    [['SCMP_ARCH_X86'], 'ok 1 100'],
  ])('%j: calls through the 32-bit entry give %s', async ([architectures, expected], { box, skip }) => {
    const words = ['-32', ...Object.values(calls)];
    skip((await outcomeOfCalls(box, undefined, words)) !== 'ok ok ok', 'this kernel has no 32-bit entry');
    const rules = allowing(
      on('SCMP_ACT_ERRNO', ['getppid']),
      on('SCMP_ACT_ERRNO', ['getuid', 'getuid32'], { errnoRet: 100 }),
    );
    const seccomp = { ...rules, ...(architectures === undefined ? {} : { architectures }) };
    expect(await outcomeOfCalls(box, seccomp, words)).toBe(expected);
    expect(await outcomeOfCalls(box, seccomp, ['getpid', 'getppid', 'getuid'])).toBe('ok 1 100');
  });
});

describe('when the filter is loaded', () => {
  const seccomp: Seccomp = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [on('SCMP_ACT_ALLOW', bareMinimum)] };

  test('with noNewPrivileges a filter that permits no call of the runtime but execve is enough', async ({ box }) => {
    expect(await outcomeOfCalls(box, seccomp, ['getpid', 'getuid'])).toBe('1 1');
  });

  test.for([0, 1000])('without it capset is needed as well, for uid %i', async (uid, { box }) => {
    const tight: Seccomp = { ...seccomp, syscalls: [on('SCMP_ACT_ALLOW', [...bareMinimum, 'capset'])] };
    const outcome = await outcomeOfCalls(box, tight, ['getpid', 'getuid'], (config) => {
      config.process.noNewPrivileges = false;
      config.process.user = { uid, gid: 0 };
    });
    expect(outcome).toBe('1 1');
  });

  test.for([0, 1000])('and the capability that loading took is gone, for uid %i', async (uid, { box }) => {
    const { stdout } = await box.probe('grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status', (config) => {
      config.process.noNewPrivileges = false;
      config.process.user = { uid, gid: 0 };
      config.process.capabilities = { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] };
      config.linux.seccomp = allowing();
    });
    const kill = '0000000000000020';
    const none = '0000000000000000';
    const own = uid === 0 ? kill : none; // execve takes what only root has
    expect(stdout.replaceAll('\t', ' ').trim().split('\n')).toEqual([
      `CapInh: ${none}`,
      `CapPrm: ${own}`,
      `CapEff: ${own}`,
      `CapBnd: ${kill}`,
      `CapAmb: ${none}`,
      'NoNewPrivs: 0',
      'Seccomp: 2',
    ]);
  });

  test('create and start: the filter holds', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'mkdir /made; sleep 100'];
      config.linux.seccomp = allowing(on('SCMP_ACT_ERRNO', ['mkdir', 'mkdirat'], { errnoRet: 100 }));
    });
    const id = await box.create(bundle);
    await box.ok('start', id);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });
});

describe('exec', () => {
  const running = async (box: Box, patch: Patch): Promise<string> => {
    const bundle = await callingBundle(box, undefined, [], (config) => {
      config.process.args = ['sleep', '100'];
      return patch(config);
    });
    const id = await box.create(bundle);
    await box.ok('start', id);
    return id;
  };

  test.for([true, false])('runs under the same filter, noNewPrivileges %s', async (noNewPrivileges, { box }) => {
    const id = await running(box, (config) => {
      config.process.noNewPrivileges = noNewPrivileges;
      config.linux.seccomp = allowing(on('SCMP_ACT_ERRNO', ['getppid'], { errnoRet: 100 }));
    });
    expect((await box.ok('exec', id, 'syscall', 'getppid', 'getpid')).stdout).toBe('100 ok\n');
    const { stdout } = await box.ok('exec', id, 'grep', '-E', '^(CapEff|Seccomp):', '/proc/self/status');
    // CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE: the box's own.
    expect(stdout).toBe('CapEff:\t0000000020000420\nSeccomp:\t2\n');
  });
});

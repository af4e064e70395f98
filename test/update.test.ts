/** update: every option, read back from the kernel; all of it or nothing. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Resources } from '../src/config/spec.ts';
import { type Box, exec, expect, patient, test } from './support/box.ts';
import { isCgroupV2, isRoot, runtime } from './support/host.ts';
import { hasLoopDevices, withBfqDevice } from './support/loop.ts';

const MiB = 1024 * 1024;
const onRunc = runtime.endsWith('/runc');

const fileOf = (id: string, file: string): string =>
  isCgroupV2 ? `/sys/fs/cgroup/${id}/${file}` : `/sys/fs/cgroup/${file.slice(0, file.indexOf('.'))}/${id}/${file}`;

const read = (id: string, file: string): string => readFileSync(fileOf(id, file), 'utf8').trim();

const before: Resources = {
  memory: { limit: 64 * MiB, swap: 64 * MiB, reservation: 32 * MiB },
  cpu: { shares: 512, quota: 20_000, period: 100_000 },
  pids: { limit: 20 },
};

/** A sleeping container that is limited by `before`. */
const limited = async (box: Box, verb: 'create' | 'run' = 'run', args = ['sleep', '100']): Promise<string> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = args;
    config.linux.cgroupsPath = `/${id}`;
    config.linux.resources = before;
  });
  await box.ok(verb, ...(verb === 'run' ? ['-d'] : []), '-b', bundle.path, id);
  return id;
};

/** Contents of some control files after an update. */
type Expected = Readonly<Record<string, string>>;

const expectFiles = (id: string, expected: Expected): void =>
  expect(Object.fromEntries(Object.keys(expected).map((file) => [file, read(id, file)]))).toEqual(expected);

describe.skipIf(!isRoot)('update', () => {
  const rows: readonly (readonly [options: readonly string[], v1: Expected, v2: Expected])[] = [
    [
      ['--memory', '32M', '--memory-swap', '48MiB', '--memory-reservation', '8388608'],
      {
        'memory.limit_in_bytes': String(32 * MiB),
        'memory.memsw.limit_in_bytes': String(48 * MiB),
        'memory.soft_limit_in_bytes': String(8 * MiB),
      },
      { 'memory.max': String(32 * MiB), 'memory.swap.max': String(16 * MiB), 'memory.low': String(8 * MiB) },
    ],
    [
      ['--memory', '128m', '--memory-swap', '128m'],
      { 'memory.limit_in_bytes': String(128 * MiB), 'memory.memsw.limit_in_bytes': String(128 * MiB) },
      { 'memory.max': String(128 * MiB), 'memory.swap.max': '0' },
    ],
    [
      ['--memory', '-1'],
      { 'memory.limit_in_bytes': '9223372036854771712', 'memory.memsw.limit_in_bytes': '9223372036854771712' },
      { 'memory.max': 'max', 'memory.swap.max': 'max' },
    ],
    [
      ['--memory-swap', '-1', '--memory-reservation', '-1'],
      {
        'memory.limit_in_bytes': String(64 * MiB),
        'memory.memsw.limit_in_bytes': '9223372036854771712',
        'memory.soft_limit_in_bytes': '9223372036854771712',
      },
      { 'memory.max': String(64 * MiB), 'memory.swap.max': 'max', 'memory.low': 'max' },
    ],
    [
      ['--cpu-share', '2048', '--cpu-quota', '30000', '--cpu-period', '50000'],
      { 'cpu.shares': '2048', 'cpu.cfs_quota_us': '30000', 'cpu.cfs_period_us': '50000' },
      { 'cpu.weight': '174', 'cpu.max': '30000 50000' },
    ],
    [
      ['--cpu-period', '50000'],
      { 'cpu.cfs_quota_us': '20000', 'cpu.cfs_period_us': '50000' },
      { 'cpu.max': '20000 50000' },
    ],
    [['--cpu-quota', '-1'], { 'cpu.cfs_quota_us': '-1' }, { 'cpu.max': 'max 100000' }],
    [
      ['--cpuset-cpus', '0', '--cpuset-mems', '0'],
      { 'cpuset.cpus': '0', 'cpuset.mems': '0' },
      { 'cpuset.cpus': '0', 'cpuset.mems': '0' },
    ],
    [['--pids-limit', '33'], { 'pids.max': '33' }, { 'pids.max': '33' }],
    [['--pids-limit', '-1'], { 'pids.max': 'max' }, { 'pids.max': 'max' }],
    [[], { 'pids.max': '20', 'cpu.shares': '512' }, { 'pids.max': '20', 'cpu.weight': '59' }],
  ];
  test.for(rows)('%j', async ([options, v1, v2], { box }) => {
    const id = await limited(box);
    expect(await box.ok('update', ...options, id)).toMatchObject({ stdout: '', stderr: '' });
    expectFiles(id, isCgroupV2 ? v2 : v1);
  });

  const newer: readonly (readonly [options: readonly string[], v1: Expected, v2: Expected])[] = [
    [['--cpu-burst', '5000'], { 'cpu.cfs_burst_us': '5000' }, { 'cpu.max.burst': '5000' }],
    [['--cpu-idle', '1'], { 'cpu.idle': '1' }, { 'cpu.idle': '1' }],
    [['--pids-limit', '0'], { 'pids.max': '1' }, { 'pids.max': '1' }],
    [['--kernel-memory-tcp', '8M'], { 'memory.kmem.tcp.limit_in_bytes': String(8 * MiB) }, {}],
    [
      ['--cpu-rt-period', '500000', '--cpu-rt-runtime', '1000'],
      { 'cpu.rt_period_us': '500000', 'cpu.rt_runtime_us': '1000' },
      {},
    ],
  ];
  test.skipIf(onRunc).for(newer)('%j', async ([options, v1, v2], { box, skip }) => {
    const id = await limited(box);
    const expected = isCgroupV2 ? v2 : v1;
    const [file] = Object.keys(expected);
    skip(file === undefined || !existsSync(fileOf(id, file)), `this host has no ${file ?? 'such file'}`);
    await box.ok('update', ...options, id);
    expectFiles(id, expected);
  });

  test.skipIf(onRunc || !hasLoopDevices)('--blkio-weight is the weight of BFQ', ({ box, skip }) =>
    withBfqDevice(box, skip, async () => {
      const id = await limited(box);
      const file = isCgroupV2 ? 'io.bfq.weight' : 'blkio.bfq.weight';
      expect(read(id, file)).not.toContain('300');
      await box.ok('update', '--blkio-weight', '300', id);
      expectFiles(id, { [file]: isCgroupV2 ? 'default 300' : '300' });
    }),
  );

  test.skipIf(onRunc || isCgroupV2)(
    '--kernel-memory is kept, or it is said that this kernel has no such limit',
    async ({ box }) => {
      const id = await limited(box);
      const { stderr } = await box.ok('update', '--kernel-memory', '16M', id);
      if (stderr === '') return expectFiles(id, { 'memory.kmem.limit_in_bytes': String(16 * MiB) });
      expect(stderr).toMatch(
        /memory\.kmem\.limit_in_bytes of "16777216" has no effect: this kernel .* \(\/linux\/resources\/memory\/kernel\)/,
      );
    },
  );

  test.skipIf(onRunc || !isCgroupV2).for([
    [['--kernel-memory', '16M'], 'memory.kernel'],
    [['--kernel-memory-tcp', '8M'], 'memory.kernelTCP'],
    [['--cpu-rt-period', '500000'], 'cpu.realtimePeriod'],
  ] as const)('%j is refused with its reason on cgroup v2, and nothing changes', async ([options, field], { box }) => {
    const id = await limited(box);
    const { code, stderr } = await box.tsrunc('update', '--pids-limit', '5', ...options, id);
    expect(code).toBe(1);
    expect(stderr).toContain(`${field} cannot be applied: `);
    expect(stderr).toContain(`(command line, ${options[0]})`);
    expectFiles(id, { 'pids.max': '20' });
  });

  test('idle and not idle any more: the weight is back', async ({ box, skip }) => {
    const id = await limited(box);
    skip(onRunc || !existsSync(fileOf(id, 'cpu.idle')), 'no cpu.idle');
    await box.ok('update', '--cpu-idle', '1', id);
    await box.ok('update', '--cpu-idle', '0', id);
    expectFiles(id, isCgroupV2 ? { 'cpu.idle': '0', 'cpu.weight': '59' } : { 'cpu.idle': '0', 'cpu.shares': '512' });
  });

  describe('--resources', () => {
    const request = { memory: { limit: 32 * MiB, swap: 32 * MiB }, pids: { limit: 9 }, cpu: { shares: 0, cpus: '' } };
    const expected = isCgroupV2
      ? { 'memory.max': String(32 * MiB), 'pids.max': '9', 'cpu.weight': '59' }
      : { 'memory.memsw.limit_in_bytes': String(32 * MiB), 'pids.max': '9', 'cpu.shares': '512' };

    test.for([['--resources', '-'], ['--resources=-'], ['-r', '-']])(
      '%j reads standard input; zeros change nothing',
      async (options, { box }) => {
        const id = await limited(box);
        const outcome = await box.ok('update', ...options, id, { stdin: JSON.stringify(request) });
        expect(outcome).toMatchObject({ stdout: '', stderr: '' });
        expectFiles(id, expected);
      },
    );

    test('a file', async ({ box }) => {
      const id = await limited(box);
      const path = join(box.path, 'resources.json');
      writeFileSync(path, JSON.stringify(request));
      await box.ok('update', '--resources', path, id);
      expectFiles(id, expected);
    });

    test('device rules are left alone, nulls are unset', async ({ box }) => {
      const id = await limited(box);
      const denyAll = { devices: [{ allow: false, access: 'rwm' }], memory: { limit: 32 * MiB, swap: null } };
      await box.ok('update', '-r', '-', id, { stdin: JSON.stringify(denyAll) });
      if (!isCgroupV2) expect(read(id, 'devices.list')).toContain('c 1:3 rwm');
    });

    test.skipIf(onRunc)('null for a whole section is unset', async ({ box }) => {
      const id = await limited(box);
      await box.ok('update', '-r', '-', id, { stdin: '{"memory":null,"cpu":null,"pids":{"limit":7}}' });
      expectFiles(id, { 'pids.max': '7' });
    });

    test.skipIf(onRunc)('mistakes are told with their places, and nothing changes', async ({ box }) => {
      const id = await limited(box);
      const path = join(box.path, 'wrong.json');
      writeFileSync(path, '{"pids": {"limit": 5},\n "memory": {"limit": "5M"}}');
      const outcome = await box.tsrunc('update', '-r', path, id);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain(`${path}:2:22`);
      expect(await box.tsrunc('update', '-r', '-', id, { stdin: '{"pids": ' })).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('standard input:1:'),
      });
      expect(await box.tsrunc('update', '-r', '-', id, { stdin: '' })).toMatchObject({
        code: 1,
        stderr: 'tsrunc: Standard input is empty: linux.resources is expected as JSON\n',
      });
      expect(await box.tsrunc('update', '-r', '/nonexistent', id)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('/nonexistent'),
      });
      expectFiles(id, { 'pids.max': '20' });
    });

    test.skipIf(onRunc)('an unknown name is told, and the others count', async ({ box }) => {
      const id = await limited(box);
      const { stderr } = await box.ok('update', '-r', '-', id, {
        stdin: '{"pids": {"limit": 5}, "memory": {"limt": 5}}',
      });
      expect(stderr).toMatch(
        /^tsrunc: warning: standard input:1:35: The property "limt" is unknown.* Did you mean limit\?\n$/,
      );
      expectFiles(id, { 'pids.max': '5' });
    });
  });

  test('what has been updated is the base of the next update', async ({ box }) => {
    const id = await limited(box);
    await box.ok('update', '--cpu-quota', '40000', id);
    await box.ok('update', '--cpu-period', '80000', id);
    expectFiles(
      id,
      isCgroupV2 ? { 'cpu.max': '40000 80000' } : { 'cpu.cfs_quota_us': '40000', 'cpu.cfs_period_us': '80000' },
    );
  });

  test.skipIf(onRunc)('--report tells what each file held and holds', async ({ box }) => {
    const id = await limited(box);
    const { stdout } = await box.ok('update', '--report', '--pids-limit', '8', '--cpu-share', '1024', id);
    expect(stdout).toBe(
      isCgroupV2 ? 'cpu.weight: 59 -> 100\npids.max: 20 -> 8\n' : 'cpu.shares: 512 -> 1024\npids.max: 20 -> 8\n',
    );
  });

  describe.skipIf(onRunc)('all or nothing', () => {
    test('a value that the kernel refuses leaves the others as they were', async ({ box }) => {
      const id = await limited(box);
      const { code, stderr } = await box.tsrunc(
        ...['update', '--cpu-share', '1024', '--pids-limit', '5', '--memory', '96M', '--memory-swap', '96M'],
        ...['--cpuset-cpus', '4095', id],
      );
      expect(code).toBe(1);
      expect(stderr).toContain('Cannot write "4095" to');
      expect(stderr).toContain('everything is as before (command line, --cpuset-cpus)');
      expectFiles(
        id,
        isCgroupV2
          ? { 'cpu.weight': '59', 'pids.max': '20', 'memory.max': String(64 * MiB) }
          : { 'cpu.shares': '512', 'pids.max': '20', 'memory.memsw.limit_in_bytes': String(64 * MiB) },
      );
      // Nor is it the base of the next update.
      await box.ok('update', '--pids-limit', '6', id);
      expectFiles(id, { 'pids.max': '6', ...(isCgroupV2 ? { 'cpu.weight': '59' } : { 'cpu.shares': '512' }) });
    });

    // Covers /linux/resources/memory/checkBeforeUpdate
    test('a limit below what is in use says how much that is', async ({ box }) => {
      // The program keeps 24 MiB in a variable.
      const script = 'x=$(head -c 25165824 /dev/zero | tr "\\0" x); echo > /ready; sleep 100; echo $x';
      const id = await limited(box, 'run', ['sh', '-c', script]);
      const { pid } = await box.state(id);
      await expect.poll(() => existsSync(`/proc/${pid}/root/ready`), { timeout: patient(10_000) }).toBe(true);
      const check = { memory: { limit: 4 * MiB, swap: 4 * MiB, checkBeforeUpdate: true }, pids: { limit: 5 } };
      const { code, stderr } = await box.tsrunc('update', '-r', '-', id, { stdin: JSON.stringify(check) });
      expect(code).toBe(1);
      expect(stderr).toMatch(/4 MiB is below what is in use, \d+(\.\d)? MiB; everything is as before/);
      expect(await box.state(id)).toMatchObject({ status: 'running' });
      expectFiles(id, {
        'pids.max': '20',
        [isCgroupV2 ? 'memory.max' : 'memory.limit_in_bytes']: String(64 * MiB),
      });
    });

    test('fields that do not fit each other are refused before anything is written', async ({ box }) => {
      const id = await limited(box);
      const { code, stderr } = await box.tsrunc('update', '--memory', '128M', '--pids-limit', '5', id);
      expect(code).toBe(1);
      expect(stderr).toContain('memory.swap (67108864) is below memory.limit (134217728)');
      expectFiles(id, { 'pids.max': '20' });
    });

    test('where the new state cannot be kept nothing is changed', async ({ box }) => {
      const id = await limited(box);
      const readOnly =
        'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$0" --root "$1" update --pids-limit 5 "$2"';
      const { code, stderr } = await exec('unshare', ['-m', 'sh', '-c', readOnly, runtime, box.root, id]);
      expect(code).toBe(1);
      expect(stderr).toContain('Cannot write the state');
      expectFiles(id, { 'pids.max': '20' });
    });
  });

  test('containers that are created or paused can be updated', async ({ box }) => {
    const id = await limited(box, 'create');
    await box.ok('update', '--pids-limit', '11', id);
    await box.ok('start', id);
    await box.ok('pause', id);
    await box.ok('update', '--cpu-share', '1024', id);
    expect(await box.state(id)).toMatchObject({ status: 'paused' });
    expectFiles(id, { 'pids.max': '11', ...(isCgroupV2 ? { 'cpu.weight': '100' } : { 'cpu.shares': '1024' }) });
    await box.ok('resume', id);
  });

  test('stopped and unknown containers, wrong values', async ({ box }) => {
    const id = await limited(box);
    expect(await box.tsrunc('update', '--cpu-share', 'many', id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('invalid value for cpu-share'),
    });
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    expect(await box.tsrunc('update', '--pids-limit', '5', id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container not running'),
    });
    expect(await box.tsrunc('update', '--pids-limit', '5', 'tsrunc-test-nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container does not exist'),
    });
  });
});

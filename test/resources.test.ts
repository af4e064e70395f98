/**
 * runtime-spec config-linux.md "Control groups": every field of linux.resources, read back from the kernel's files on the
 * host, and its effect from inside where there is one to see. Placement and removal are in cgroups.test.ts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe } from 'vitest';
import type { Resources } from '../src/config/spec.ts';
import { type Box, expect, type Outcome, test } from './support/box.ts';
import { hasController, isCgroupV2, isRoot } from './support/host.ts';
import { hasLoopDevices, withBfqDevice, withLoopDevice } from './support/loop.ts';

const MiB = 1024 * 1024;

/** Directory of a cgroup on the host; undefined where no hierarchy has the controller. */
const directoryOf = (controller: string, id: string): string | undefined =>
  hasController(controller) ? `/sys/fs/cgroup${isCgroupV2 ? '' : `/${controller}`}/${id}` : undefined;

/** A container that sleeps, limited by `resources`. */
const limited = async (box: Box, resources: Resources): Promise<{ readonly id: string; readonly outcome: Outcome }> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
    config.linux.cgroupsPath = `/${id}`;
    config.linux.resources = resources;
  });
  return { id, outcome: await box.tsrunc('run', '-d', '-b', bundle.path, id) };
};

/** What a control file of the container holds; the controller is the first part of its name. */
const read = (id: string, file: string): string => {
  const controller = file.slice(0, file.indexOf('.'));
  return readFileSync(`${directoryOf(controller, id)}/${file}`, 'utf8').trim();
};

/** "7:0" for "/dev/loop0". */
const numbersOf = (device: string): { readonly name: string; readonly major: number; readonly minor: number } => {
  const name = readFileSync(`/sys/block/${basename(device)}/dev`, 'utf8').trim();
  const [major = 0, minor = 0] = name.split(':').map(Number);
  return { name, major, minor };
};

// Covers /linux/resources/memory/{limit,swap,reservation,kernelTCP,swappiness,disableOOMKiller,useHierarchy}
// Covers /linux/resources/{cpu,pids}
describe.skipIf(!isRoot)('resources', () => {
  type Row = readonly [name: string, Resources, v1: Record<string, string>, v2: Record<string, string>];
  const rows: readonly Row[] = [
    [
      'memory.swap, reservation',
      { memory: { limit: 64 * MiB, swap: 96 * MiB, reservation: 32 * MiB } },
      {
        'memory.limit_in_bytes': String(64 * MiB),
        'memory.memsw.limit_in_bytes': String(96 * MiB),
        'memory.soft_limit_in_bytes': String(32 * MiB),
      },
      { 'memory.max': String(64 * MiB), 'memory.swap.max': String(32 * MiB), 'memory.low': String(32 * MiB) },
    ],
    [
      'memory without limits',
      { memory: { limit: -1, swap: -1, reservation: -1 } },
      { 'memory.limit_in_bytes': '9223372036854771712', 'memory.memsw.limit_in_bytes': '9223372036854771712' },
      { 'memory.max': 'max', 'memory.swap.max': 'max', 'memory.low': 'max' },
    ],
    [
      'cpu.quota, period, burst',
      { cpu: { shares: 2048, quota: 30_000, period: 50_000, burst: 10_000 } },
      {
        'cpu.shares': '2048',
        'cpu.cfs_quota_us': '30000',
        'cpu.cfs_period_us': '50000',
        'cpu.cfs_burst_us': '10000',
      },
      { 'cpu.weight': '174', 'cpu.max': '30000 50000', 'cpu.max.burst': '10000' },
    ],
    ['cpu.idle', { cpu: { shares: 1024, idle: 1 } }, { 'cpu.idle': '1' }, { 'cpu.idle': '1' }],
    [
      'cpu.cpus, mems',
      { cpu: { cpus: '0', mems: '0' } },
      { 'cpuset.cpus': '0', 'cpuset.mems': '0' },
      { 'cpuset.cpus': '0', 'cpuset.mems': '0' },
    ],
    ['pids.limit', { pids: { limit: 21 } }, { 'pids.max': '21' }, { 'pids.max': '21' }],
    ['pids.limit -1', { pids: { limit: -1 } }, { 'pids.max': 'max' }, { 'pids.max': 'max' }],
  ];
  test.for(rows)('%s', async ([, resources, v1, v2], { box, skip }) => {
    const [controller = ''] = Object.keys(v1)[0]?.split('.') ?? [];
    skip(!hasController(controller), `no ${controller} controller`);
    const { id, outcome } = await limited(box, resources);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const expected = isCgroupV2 ? v2 : v1;
    expect(Object.fromEntries(Object.keys(expected).map((file) => [file, read(id, file)]))).toEqual(expected);
  });

  const onlyV1: readonly (readonly [name: string, Resources, Record<string, RegExp>])[] = [
    [
      'memory.kernelTCP',
      { memory: { kernelTCP: 8 * MiB } },
      { 'memory.kmem.tcp.limit_in_bytes': new RegExp(`^${8 * MiB}$`) },
    ],
    ['memory.swappiness', { memory: { swappiness: 7 } }, { 'memory.swappiness': /^7$/ }],
    [
      'memory.disableOOMKiller',
      { memory: { disableOOMKiller: true } },
      { 'memory.oom_control': /^oom_kill_disable 1$/m },
    ],
    ['memory.useHierarchy', { memory: { useHierarchy: true } }, { 'memory.use_hierarchy': /^1$/ }],
    [
      'cpu.realtime',
      { cpu: { realtimePeriod: 500_000, realtimeRuntime: 1000 } },
      { 'cpu.rt_period_us': /^500000$/, 'cpu.rt_runtime_us': /^1000$/ },
    ],
  ];
  test.skipIf(isCgroupV2).for(onlyV1)('%s (cgroup v1)', async ([, resources, expected], { box, skip }) => {
    const [file = ''] = Object.keys(expected);
    skip(!existsSync(`/sys/fs/cgroup/${file.split('.')[0]}/${file}`), `this kernel has no ${file}`);
    const { id, outcome } = await limited(box, resources);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    for (const [name, content] of Object.entries(expected)) expect(read(id, name)).toMatch(content);
  });

  test.skipIf(!isCgroupV2).for(onlyV1)('%s is refused on cgroup v2', async ([name, resources], { box }) => {
    const { outcome } = await limited(box, resources);
    if (name === 'memory.useHierarchy') return expect(outcome.code).toBe(0);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/cannot be applied: (only cgroup v1|cgroup v2 does not divide)/);
  });

  // Covers /linux/resources/memory/kernel
  test.skipIf(!hasController('memory'))(
    'memory.kernel is applied, or it is said that this kernel has no such limit; cgroup v2 refuses it',
    async ({ box }) => {
      const { id, outcome } = await limited(box, { memory: { kernel: 16 * MiB } });
      const { code, stderr } = outcome;
      if (code === 0 && stderr === '') return expect(read(id, 'memory.kmem.limit_in_bytes')).toBe(String(16 * MiB));
      expect({ code, stderr }).toEqual(
        isCgroupV2
          ? { code: 1, stderr: expect.stringContaining('memory.kernel cannot be applied') }
          : {
              code: 0,
              stderr: expect.stringMatching(
                /memory\.kmem\.limit_in_bytes of "16777216" has no effect: this kernel .* \(\/linux\/resources\/memory\/kernel\)/,
              ),
            },
      );
    },
  );

  test('pids.limit 0 leaves no room for a second process', async ({ box }) => {
    const outcome = await box.probe('echo alone; (true) || true; true | true; echo $?', (config) => {
      config.linux.resources = { pids: { limit: 0 } };
    });
    expect(outcome.stdout).toMatch(/^alone\n/);
    expect(outcome.stderr).toMatch(/can't fork|Resource temporarily unavailable/);
  });

  test('cpu.quota holds: the kernel counts periods in which the container had to wait', async ({ box }) => {
    const count = isCgroupV2 ? 'cat /sys/fs/cgroup/cpu.stat' : 'cat /sys/fs/cgroup/cpu/cpu.stat';
    const outcome = await box.probe(`i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; ${count}`, (config) => {
      config.linux.resources = { cpu: { quota: 2000, period: 20_000 } };
      config.linux.namespaces.push({ type: 'cgroup' });
      config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] });
    });
    expect(Number(/^nr_throttled (\d+)$/m.exec(outcome.stdout)?.[1])).toBeGreaterThan(0);
  });

  describe.skipIf(!hasController(isCgroupV2 ? 'io' : 'blkio'))('blockIO', () => {
    // Covers /linux/resources/blockIO/{throttleReadBpsDevice,throttleWriteBpsDevice}
    // Covers /linux/resources/blockIO/{throttleReadIOPSDevice,throttleWriteIOPSDevice}
    test.skipIf(!hasLoopDevices)('throttles are the kernel’s', ({ box }) =>
      withLoopDevice(box, async (device) => {
        const { name, ...numbers } = numbersOf(device);
        const { id, outcome } = await limited(box, {
          blockIO: {
            throttleReadBpsDevice: [{ ...numbers, rate: MiB }],
            throttleWriteBpsDevice: [{ ...numbers, rate: 2 * MiB }],
            throttleReadIOPSDevice: [{ ...numbers, rate: 300 }],
            throttleWriteIOPSDevice: [{ ...numbers, rate: 400 }],
          },
        });
        expect(outcome).toMatchObject({ code: 0, stderr: '' });
        if (isCgroupV2) {
          expect(read(id, 'io.max')).toBe(`${name} rbps=${MiB} wbps=${2 * MiB} riops=300 wiops=400`);
          return;
        }
        expect(read(id, 'blkio.throttle.read_bps_device')).toBe(`${name} ${MiB}`);
        expect(read(id, 'blkio.throttle.write_bps_device')).toBe(`${name} ${2 * MiB}`);
        expect(read(id, 'blkio.throttle.read_iops_device')).toBe(`${name} 300`);
        expect(read(id, 'blkio.throttle.write_iops_device')).toBe(`${name} 400`);
      }),
    );

    test.skipIf(!hasLoopDevices)('a read throttle holds', ({ box }) =>
      withLoopDevice(box, async (device) => {
        const { name: _, ...numbers } = numbersOf(device);
        const bundle = await box.bundle((config) => {
          config.process.args = `time -p dd if=${device} of=/dev/null bs=64k count=12 iflag=direct`.split(' ');
          config.linux.devices = [{ path: device, type: 'b', ...numbers }];
          config.linux.resources = {
            devices: [{ allow: true, type: 'b', ...numbers, access: 'r' }],
            blockIO: { throttleReadBpsDevice: [{ ...numbers, rate: MiB }] },
          };
        });
        const { stderr } = await box.run(bundle);
        // 768 KiB at 1 MiB a second; the kernel lets the first slice of 100 ms pass.
        expect(Number(/^real ([\d.]+)$/m.exec(stderr)?.[1]), stderr).toBeGreaterThan(0.5);
      }),
    );

    // Covers /linux/resources/blockIO/weight
    test('weights go to BFQ or blk-iocost, or the refusal says what is missing', async ({ box }) => {
      const { id, outcome } = await limited(box, { blockIO: { weight: 300 } });
      if (outcome.code !== 0) return expect(outcome.stderr).toContain('Weights need the BFQ scheduler');
      const has = (file: string): boolean => existsSync(`${directoryOf(isCgroupV2 ? 'io' : 'blkio', id)}/${file}`);
      const file = ['io.bfq.weight', 'io.weight', 'blkio.weight', 'blkio.bfq.weight'].find(has) ?? '';
      expect(read(id, file)).toBe({ 'io.bfq.weight': 'default 300', 'io.weight': 'default 2930' }[file] ?? '300');
    });

    // Covers /linux/resources/blockIO/weightDevice/*/{major,minor,weight}
    test.skipIf(!hasLoopDevices)('a disk with BFQ has a weight of its own', ({ box, skip }) =>
      withBfqDevice(box, skip, async (device) => {
        const { name, ...numbers } = numbersOf(device);
        const weightDevice = [{ ...numbers, weight: 300 }];
        const { id, outcome } = await limited(box, { blockIO: { weight: 200, weightDevice } });
        expect(outcome).toMatchObject({ code: 0, stderr: '' });
        const file = isCgroupV2 ? 'io.bfq.weight' : 'blkio.bfq.weight_device';
        expect(read(id, file)).toBe(`default 200\n${name} 300`);
      }),
    );

    test.skipIf(!hasLoopDevices)('a weight of a disk without BFQ is refused with what is missing', ({ box }) =>
      withLoopDevice(box, async (device) => {
        const { name, ...numbers } = numbersOf(device);
        const { outcome } = await limited(box, { blockIO: { weightDevice: [{ ...numbers, weight: 300 }] } });
        expect(outcome.code).toBe(1);
        expect(outcome.stderr).toMatch(new RegExp(`Cannot write "${name} \\d+" to `));
        expect(outcome.stderr).toContain('/linux/resources/blockIO/weightDevice/0/weight');
        // Without BFQ in the kernel there is not even a file for weights.
        expect(outcome.stderr).toMatch(
          /: EOPNOTSUPP\b.*\nHint: The disk of these numbers has no BFQ|: ENOENT\b.*\nHint: Weights need the BFQ/,
        );
      }),
    );

    // Covers /linux/resources/blockIO/leafWeight /linux/resources/blockIO/weightDevice/*/leafWeight
    test('leaf weights and unknown disks are refused with the reason', async ({ box }) => {
      const leaves = [{ leafWeight: 300 }, { weightDevice: [{ major: 4000, minor: 1, leafWeight: 300 }] }];
      for (const blockIO of leaves) {
        const { outcome } = await limited(box, { blockIO });
        expect(outcome.code).toBe(1);
        expect(outcome.stderr).toMatch(/^tsrunc: .*no leaf weights since 5\.0.*\/leafWeight\)/);
      }
      const unknown = await limited(box, { blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 1, rate: 5 }] } });
      expect(unknown.outcome.code).toBe(1);
      expect(unknown.outcome.stderr).toMatch(/Cannot write "4000:1 [^"]*5" to .*: ENODEV/);
      expect(unknown.outcome.stderr).toContain('There is no whole disk with these numbers');
      expect(unknown.outcome.stderr).toContain('/linux/resources/blockIO/throttleReadBpsDevice/0/rate');
    });
  });

  // Covers /linux/resources/hugepageLimits
  test('hugepageLimits', async ({ box }) => {
    const { id, outcome } = await limited(box, { hugepageLimits: [{ pageSize: '2MB', limit: 4 * MiB }] });
    if (!hasController('hugetlb')) {
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/Cannot set hugetlb\.2MB\.\S+ to "4194304": .*hugetlb controller/);
      return;
    }
    const suffix = isCgroupV2 ? 'max' : 'limit_in_bytes';
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(read(id, `hugetlb.2MB.${suffix}`)).toBe(String(4 * MiB));
    expect(read(id, `hugetlb.2MB.rsvd.${suffix}`)).toBe(String(4 * MiB));
  });

  test('huge pages forbidden where nobody counts them: a warning', async ({ box, skip }) => {
    skip(hasController('hugetlb'), 'this host counts huge pages');
    const { outcome } = await limited(box, { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] });
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toMatch(/warning: Cannot set hugetlb\.2MB/);
  });

  const rare: readonly (readonly [string, Resources, file: string, content: RegExp])[] = [
    ['net_cls', { network: { classID: 0x100001 } }, 'net_cls.classid', /^1048577$/],
    ['net_prio', { network: { priorities: [{ name: 'lo', priority: 3 }] } }, 'net_prio.ifpriomap', /^lo 3$/m],
    [
      'rdma',
      { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 2000 } } },
      'rdma.max',
      /^mlx5_1 hca_handle=3 hca_object=2000$/m,
    ],
  ];
  // Covers /linux/resources/{network,rdma}
  test.for(rare)(
    '%s is applied, or refused with the missing controller',
    async ([name, resources, file, content], { box }) => {
      const { id, outcome } = await limited(box, resources);
      if (outcome.code === 0) return expect(read(id, file)).toMatch(content);
      expect(outcome.stderr).toMatch(
        !hasController(name) ? new RegExp(`the ${name} controller|only cgroup v1`) : /Cannot write "mlx5_1/,
      );
    },
  );

  test('unified is refused on cgroup v1', async ({ box, skip }) => {
    skip(isCgroupV2, 'cgroup v2');
    const { outcome } = await limited(box, { unified: { 'memory.high': '5000000' } });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('only cgroup v2 has such files');
  });

  // Covers /linux/resources/unified
  test('unified is written as it stands; a missing controller is an error', async ({ box, skip }) => {
    skip(!isCgroupV2, 'cgroup v1');
    const { id, outcome } = await limited(box, { unified: { 'memory.high': '50000000', 'cgroup.max.depth': '7' } });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(read(id, 'memory.high')).toMatch(/^4999\d{4}$/);
    expect(readFileSync(`/sys/fs/cgroup/${id}/cgroup.max.depth`, 'utf8')).toBe('7\n');
    const missing = await limited(box, { unified: { 'nothing.max': '5' } });
    expect(missing.outcome.code).toBe(1);
    expect(missing.outcome.stderr).toContain('the nothing controller is not available');
  });
});

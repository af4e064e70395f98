import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Resources } from '../../config/spec.ts';
import { askedLimits, limitWrites } from './compile.ts';
import { weightOfShares } from './cpu.ts';
import { propertiesOf } from './systemd.ts';
import { digits, type Layout } from './write.ts';

const marks = { none: '', skip: '?', warn: '??', uncounted: '~' };

/**
 * "file=value" of each write, in order; '|' leads to the file that stands in for a missing one, '?' marks a write that may be
 * left out, '??' one that is left out with a warning, '~' one that a kernel may not know, '!' one that may be tried again.
 */
function render(resources: Resources, layout: Layout): string[] {
  return limitWrites(resources, layout).map(
    ({ file, value, instead, ifMissing, retry }) =>
      `${file}=${value}${instead ? `|${instead.file}=${instead.value}` : ''}${marks[ifMissing ?? 'none']}${retry ? '!' : ''}`,
  );
}

const infinity = 2n ** 64n - 1n;

/** "Name=value" of each property, bits as a list of bytes. */
const renderProperties = (resources: Resources): string[] =>
  propertiesOf(limitWrites(resources, 'v2'), { layout: 'v2', version: 252, current: () => undefined }).map(
    ({ name, value }) => {
      const text = value instanceof Uint8Array ? `[${value.join(' ')}]` : String(value);
      return `${name}=${value === infinity ? 'infinity' : text}`;
    },
  );

const max63 = 2 ** 63;

/** The writes, or the message of the refusal. */
type Expected = string[] | string;

/**
 * THE table of expectations: one row for each field and each of its special values, one column for each way of managing
 * cgroups. That of systemd has the properties of a scope on v2, where a field has one: the files are written there as well.
 */
const expectations: readonly (readonly [name: string, Resources, v1: Expected, v2: Expected, systemd: Expected])[] = [
  ['nothing', {}, [], [], []],
  ['empty objects', { memory: {}, cpu: {}, unified: {}, devices: [] }, [], [], []],
  [
    'zeros mean unset',
    {
      memory: { limit: 0, swap: 0, reservation: 0, kernel: 0, kernelTCP: 0 },
      cpu: { shares: 0, quota: 0, period: 0, realtimePeriod: 0, realtimeRuntime: 0, cpus: '', mems: '' },
    },
    [],
    [],
    [],
  ],

  [
    'memory.limit',
    { memory: { limit: 67108864 } },
    ['memory.limit_in_bytes=67108864!'],
    ['memory.max=67108864'],
    ['MemoryMax=67108864'],
  ],
  [
    'memory.limit -1',
    { memory: { limit: -1 } },
    ['memory.limit_in_bytes=-1?!', 'memory.memsw.limit_in_bytes=-1?!'],
    ['memory.max=max?', 'memory.swap.max=max?'],
    ['MemoryMax=infinity', 'MemorySwapMax=infinity'],
  ],
  [
    'memory.limit 2^63',
    { memory: { limit: max63 } },
    ['memory.limit_in_bytes=9223372036854775808!'],
    ['memory.max=9223372036854775808'],
    ['MemoryMax=9223372036854775808'],
  ],
  [
    'memory.swap',
    { memory: { limit: 100, swap: 300 } },
    ['memory.limit_in_bytes=100!', 'memory.memsw.limit_in_bytes=300!'],
    ['memory.max=100', 'memory.swap.max=200'],
    ['MemoryMax=100', 'MemorySwapMax=200'],
  ],
  [
    'memory.swap = limit',
    { memory: { limit: 100, swap: 100 } },
    ['memory.limit_in_bytes=100!', 'memory.memsw.limit_in_bytes=100!'],
    ['memory.max=100', 'memory.swap.max=0~'],
    ['MemoryMax=100', 'MemorySwapMax=0'],
  ],
  [
    'memory.swap -1',
    { memory: { limit: 100, swap: -1 } },
    ['memory.limit_in_bytes=100!', 'memory.memsw.limit_in_bytes=-1?!'],
    ['memory.max=100', 'memory.swap.max=max?'],
    ['MemoryMax=100', 'MemorySwapMax=infinity'],
  ],
  [
    'memory.swap alone',
    { memory: { swap: 300 } },
    ['memory.memsw.limit_in_bytes=300!'],
    'needs a memory.limit',
    'needs a memory.limit',
  ],
  [
    'memory.swap < limit',
    { memory: { limit: 300, swap: 100 } },
    ['memory.limit_in_bytes=300!', 'memory.memsw.limit_in_bytes=100!'],
    'is below memory.limit',
    'is below memory.limit',
  ],
  [
    'memory.reservation',
    { memory: { reservation: 5 } },
    ['memory.soft_limit_in_bytes=5'],
    ['memory.low=5'],
    ['MemoryLow=5'],
  ],
  [
    'memory.kernel',
    { memory: { kernel: 5 } },
    ['memory.kmem.limit_in_bytes=5'],
    'memory.kernel cannot be applied: only cgroup v1',
    'memory.kernel cannot be applied: only cgroup v1',
  ],
  [
    'memory.kernel -1',
    { memory: { kernel: -1, kernelTCP: -1 } },
    ['memory.kmem.limit_in_bytes=-1?', 'memory.kmem.tcp.limit_in_bytes=-1?'],
    [],
    [],
  ],
  [
    'memory.kernelTCP',
    { memory: { kernelTCP: 5 } },
    ['memory.kmem.tcp.limit_in_bytes=5'],
    'memory.kernelTCP cannot be applied',
    'memory.kernelTCP cannot be applied',
  ],
  [
    'memory.swappiness',
    { memory: { swappiness: 0 } },
    ['memory.swappiness=0'],
    'memory.swappiness cannot be applied',
    'memory.swappiness cannot be applied',
  ],
  [
    'memory.disableOOMKiller',
    { memory: { disableOOMKiller: true } },
    ['memory.oom_control=1'],
    'memory.disableOOMKiller cannot be applied',
    'memory.disableOOMKiller cannot be applied',
  ],
  ['memory.disableOOMKiller false', { memory: { disableOOMKiller: false } }, ['memory.oom_control=0?'], [], []],
  ['memory.useHierarchy', { memory: { useHierarchy: true } }, ['memory.use_hierarchy=1?'], [], []],
  [
    'memory.useHierarchy false',
    { memory: { useHierarchy: false } },
    ['memory.use_hierarchy=0'],
    'always counts hierarchically',
    'always counts hierarchically',
  ],

  ['cpu.shares', { cpu: { shares: 1024 } }, ['cpu.shares=1024'], ['cpu.weight=100'], ['CPUWeight=100']],
  [
    'cpu.shares too few',
    { cpu: { shares: 1 } },
    'the minimum allowed cpu-shares is 2',
    ['cpu.weight=1'],
    ['CPUWeight=1'],
  ],
  [
    'cpu.shares too many',
    { cpu: { shares: 262145 } },
    'the maximum allowed cpu-shares is 262144',
    ['cpu.weight=10000'],
    ['CPUWeight=10000'],
  ],
  [
    'cpu.quota and period',
    { cpu: { quota: 50000, period: 100000 } },
    ['cpu.cfs_period_us=100000!', 'cpu.cfs_quota_us=50000!'],
    ['cpu.max=50000 100000!'],
    ['CPUQuotaPerSecUSec=500000', 'CPUQuotaPeriodUSec=100000'],
  ],
  [
    'cpu.quota',
    { cpu: { quota: 50000 } },
    ['cpu.cfs_quota_us=50000!'],
    ['cpu.max=50000!'],
    ['CPUQuotaPerSecUSec=500000', 'CPUQuotaPeriodUSec=100000'],
  ],
  [
    'cpu.quota -1',
    { cpu: { quota: -1, period: 1000 } },
    ['cpu.cfs_period_us=1000!', 'cpu.cfs_quota_us=-1?!'],
    ['cpu.max=max 1000!'],
    ['CPUQuotaPerSecUSec=infinity', 'CPUQuotaPeriodUSec=1000'],
  ],
  [
    'cpu.period',
    { cpu: { period: 1000 } },
    ['cpu.cfs_period_us=1000!'],
    ['cpu.max=max 1000!'],
    ['CPUQuotaPerSecUSec=infinity', 'CPUQuotaPeriodUSec=1000'],
  ],
  [
    'cpu.burst',
    { cpu: { quota: 50000, burst: 10000 } },
    ['cpu.cfs_quota_us=50000!', 'cpu.cfs_burst_us=10000!'],
    ['cpu.max=50000!', 'cpu.max.burst=10000!'],
    ['CPUQuotaPerSecUSec=500000', 'CPUQuotaPeriodUSec=100000'],
  ],
  [
    'cpu.idle',
    { cpu: { shares: 1024, idle: 1 } },
    ['cpu.shares=1024', 'cpu.idle=1'],
    ['cpu.weight=100', 'cpu.idle=1'],
    ['CPUWeight=0'],
  ],
  [
    'cpu.idle 0',
    { cpu: { shares: 1024, idle: 0 } },
    ['cpu.idle=0?', 'cpu.shares=1024'],
    ['cpu.idle=0?', 'cpu.weight=100'],
    ['CPUWeight=100'],
  ],
  [
    'cpu.realtime',
    { cpu: { realtimePeriod: 1000000, realtimeRuntime: 950000 } },
    ['cpu.rt_period_us=1000000!', 'cpu.rt_runtime_us=950000'],
    'cpu.realtimePeriod cannot be applied',
    'cpu.realtimePeriod cannot be applied',
  ],
  [
    'cpu.realtimeRuntime',
    { cpu: { realtimeRuntime: 5 } },
    ['cpu.rt_runtime_us=5'],
    'cpu.realtimeRuntime cannot be applied',
    'cpu.realtimeRuntime cannot be applied',
  ],
  [
    'cpu.cpus, mems',
    { cpu: { cpus: '0-1', mems: '0' } },
    ['cpuset.cpus=0-1', 'cpuset.mems=0'],
    ['cpuset.cpus=0-1', 'cpuset.mems=0'],
    ['AllowedCPUs=[3]', 'AllowedMemoryNodes=[1]'],
  ],

  ['pids.limit', { pids: { limit: 4 } }, ['pids.max=4'], ['pids.max=4'], ['TasksMax=4']],
  ['pids.limit 0', { pids: { limit: 0 } }, ['pids.max=1'], ['pids.max=1'], ['TasksMax=1']],
  ['pids.limit -1', { pids: { limit: -1 } }, ['pids.max=max?'], ['pids.max=max?'], ['TasksMax=infinity']],

  [
    'blockIO.weight',
    { blockIO: { weight: 500 } },
    ['blkio.weight=500|blkio.bfq.weight=500'],
    ['io.bfq.weight=500|io.weight=4950'],
    ['IOWeight=4950'],
  ],
  [
    'blockIO.weightDevice',
    {
      blockIO: {
        weightDevice: [
          { major: 8, minor: 0, weight: 10 },
          { major: 8, minor: 16, weight: 1000 },
          { major: 8, minor: 32 },
        ],
      },
    },
    [
      'blkio.weight_device=8:0 10|blkio.bfq.weight_device=8:0 10',
      'blkio.weight_device=8:16 1000|blkio.bfq.weight_device=8:16 1000',
    ],
    ['io.bfq.weight=8:0 10|io.weight=8:0 1', 'io.bfq.weight=8:16 1000|io.weight=8:16 10000'],
    [],
  ],
  [
    'blockIO.throttleReadBpsDevice',
    { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1048576 }] } },
    ['blkio.throttle.read_bps_device=8:0 1048576'],
    ['io.max=8:0 rbps=1048576'],
    [],
  ],
  [
    'blockIO.throttleWriteBpsDevice, no rate',
    { blockIO: { throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 0 }] } },
    ['blkio.throttle.write_bps_device=8:0 0'],
    ['io.max=8:0 wbps=max'],
    [],
  ],
  [
    'blockIO.throttleReadIOPSDevice, two devices',
    {
      blockIO: {
        throttleReadIOPSDevice: [
          { major: 8, minor: 0, rate: 100 },
          { major: 254, minor: 1, rate: 2 ** 64 },
        ],
      },
    },
    ['blkio.throttle.read_iops_device=8:0 100', 'blkio.throttle.read_iops_device=254:1 18446744073709551616'],
    ['io.max=8:0 riops=100', 'io.max=254:1 riops=18446744073709551616'],
    [],
  ],
  [
    'blockIO.throttleWriteIOPSDevice',
    { blockIO: { throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 100 }] } },
    ['blkio.throttle.write_iops_device=8:0 100'],
    ['io.max=8:0 wiops=100'],
    [],
  ],

  [
    'hugepageLimits',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
    ['hugetlb.2MB.limit_in_bytes=4194304', 'hugetlb.2MB.rsvd.limit_in_bytes=4194304?'],
    ['hugetlb.2MB.max=4194304', 'hugetlb.2MB.rsvd.max=4194304?'],
    [],
  ],
  [
    'hugepageLimits of 0',
    { hugepageLimits: [{ pageSize: '1GB', limit: 0 }] },
    ['hugetlb.1GB.limit_in_bytes=0??', 'hugetlb.1GB.rsvd.limit_in_bytes=0?'],
    ['hugetlb.1GB.max=0??', 'hugetlb.1GB.rsvd.max=0?'],
    [],
  ],

  [
    'network.classID',
    { network: { classID: 1048577 } },
    ['net_cls.classid=1048577'],
    'network.classID cannot be applied: only cgroup v1',
    'network.classID cannot be applied: only cgroup v1',
  ],
  [
    'network.priorities',
    {
      network: {
        priorities: [
          { name: 'eth0', priority: 500 },
          { name: 'lo', priority: 0 },
        ],
      },
    },
    ['net_prio.ifpriomap=eth0 500', 'net_prio.ifpriomap=lo 0'],
    'network.priorities.0 cannot be applied: only cgroup v1',
    'network.priorities.0 cannot be applied: only cgroup v1',
  ],

  [
    'rdma',
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 0 }, rxe3: {} } },
    ['rdma.max=mlx5_1 hca_handle=3 hca_object=10000', 'rdma.max=mlx4_0 hca_object=0'],
    ['rdma.max=mlx5_1 hca_handle=3 hca_object=10000', 'rdma.max=mlx4_0 hca_object=0'],
    [],
  ],

  [
    'unified',
    { unified: { 'memory.high': '5', 'cgroup.max.depth': '3' } },
    'unified.memory.high cannot be applied',
    ['memory.high=5', 'cgroup.max.depth=3'],
    ['MemoryHigh=5'],
  ],
  [
    'unified with a path',
    { unified: { '../memory.high': '5' } },
    'is not the name of a cgroup file',
    'is not the name of a cgroup file',
    'is not the name of a cgroup file',
  ],
];

describe.each(expectations)('%s', (_, resources, v1, v2, systemd) => {
  test.each([
    ['v1', () => render(resources, 'v1'), v1],
    ['v2', () => render(resources, 'v2'), v2],
    ['systemd', () => renderProperties(resources), systemd],
  ] as const)('on %s', (_layout, rendered, expected) => {
    if (typeof expected === 'string') expect(rendered).toThrow(expected);
    else expect(rendered()).toEqual(expected);
  });
});

test('every write names its controller and the field that asked for it', () => {
  const resources = {
    memory: { limit: 5 },
    cpu: { shares: 2, cpus: '0' },
    pids: { limit: 1 },
    unified: { 'io.max': 'x' },
  };
  expect(limitWrites(resources, 'v2').map(({ controller, from }) => [controller, from])).toEqual([
    ['cpu', '/linux/resources/cpu/shares'],
    ['cpuset', '/linux/resources/cpu/cpus'],
    ['memory', '/linux/resources/memory/limit'],
    ['pids', '/linux/resources/pids/limit'],
    ['io', '/linux/resources/unified/io.max'],
  ]);
});

test('zeros and empty lists of clients ask for nothing', () => {
  const resources: Resources = {
    blockIO: { weight: 0, weightDevice: [], throttleReadBpsDevice: [] },
    hugepageLimits: [],
    network: { classID: 0, priorities: [] },
    rdma: {},
  };
  expect(limitWrites(resources, 'v1')).toEqual([]);
  expect(limitWrites(resources, 'v2')).toEqual([]);
});

test('checkBeforeUpdate looks at the usage on v2; v1 does it by itself', () => {
  const resources = { memory: { limit: 5, checkBeforeUpdate: true } };
  expect(limitWrites(resources, 'v2')[0]).toMatchObject({ usage: 'memory.current', aboveUsage: true });
  expect(limitWrites(resources, 'v1')[0]?.aboveUsage).toBeUndefined();
  expect(limitWrites({ memory: { limit: -1, checkBeforeUpdate: true } }, 'v2')[0]?.aboveUsage).toBeUndefined();
});

describe('weightOfShares', () => {
  test.each([
    [2, 1],
    [3, 2],
    [1024, 100],
    [2048, 174],
    [262144, 10000],
  ])('%d shares are weight %d', (shares, weight) => expect(weightOfShares(shares)).toBe(weight));

  test('is monotonic and within 1 to 10000', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300_000 }), (shares) => {
        const weight = weightOfShares(shares);
        return weight >= 1 && weight <= 10_000 && weight <= weightOfShares(shares + 1);
      }),
    );
  });
});

test.each([
  [0, '0'],
  [2 ** 63 - 4096, '9223372036854771712'],
  [1e21, '1000000000000000000000'],
])('digits(%d) is %s', (value, expected) => expect(digits(value)).toBe(expected));

describe('askedLimits', () => {
  const hugepageLimits = [{ pageSize: '2MB', limit: 0 }];
  test.each<[Resources, v1: string[], v2: string[] | string]>([
    [{}, [], []],
    [{ devices: [{ allow: false, access: 'rwm' }] }, [], []],
    [{ memory: { limit: -1, disableOOMKiller: false }, pids: { limit: -1 } }, [], []],
    [{ memory: { limit: 0, swappiness: 60 } }, ['memory/swappiness'], 'only cgroup v1 has it'],
    [{ memory: { limit: 9, swap: 9 } }, ['memory/limit', 'memory/swap'], ['memory/limit', 'memory/swap']],
    [{ memory: { limit: 9, swap: 10 } }, ['memory/limit', 'memory/swap'], ['memory/limit', 'memory/swap']],
    [{ pids: { limit: 5 } }, ['pids/limit'], ['pids/limit']],
    [{ cpu: { quota: 5000, period: 10_000, idle: 0 } }, ['cpu/period', 'cpu/quota'], ['cpu/quota', 'cpu/period']],
    [{ hugepageLimits }, [], []],
    [{ network: { classID: 3 } }, ['network/classID'], 'only cgroup v1 has it'],
    [{ unified: { 'memory.max': '5' } }, ['unified/memory.max'], ['unified/memory.max']],
  ])('of %j are %j on v1, %j on v2', (resources, v1, v2) => {
    const pointers = (fields: readonly string[]) => fields.map((field) => `/linux/resources/${field}`);
    expect(askedLimits(resources, 'v1')).toEqual(pointers(v1));
    if (typeof v2 === 'string') expect(() => askedLimits(resources, 'v2')).toThrow(v2);
    else expect(askedLimits(resources, 'v2')).toEqual(pointers(v2));
  });

  test.each(['v1', 'v2'] as const)('a name that is none is a mistake on %s', (layout) =>
    expect(() => askedLimits({ unified: { 'a/b': '1' } }, layout)).toThrow('"a/b" is not the name of a cgroup file'),
  );
});

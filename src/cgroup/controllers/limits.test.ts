import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Resources } from '../../config/spec.ts';
import { firstLimit, limitWrites } from './compile.ts';
import { weightOfShares } from './cpu.ts';
import { digits, type Layout } from './write.ts';

/** "file=value" of each write, in order; '?' marks one that may be left out, '!' one that may be tried again. */
function render(resources: Resources, layout: Layout): string[] {
  return limitWrites(resources, layout).map(
    ({ file, value, ifMissing, retry }) => `${file}=${value}${ifMissing ? '?' : ''}${retry ? '!' : ''}`,
  );
}

const max63 = 2 ** 63;

/** The table of expectations: resources, writes on v1, writes on v2 (or the message of the refusal). */
const expectations: readonly (readonly [name: string, Resources, v1: string[] | string, v2: string[] | string])[] = [
  ['nothing', {}, [], []],
  ['empty objects', { memory: {}, cpu: {}, unified: {}, devices: [] }, [], []],
  [
    'zeros mean unset',
    {
      memory: { limit: 0, swap: 0, reservation: 0, kernel: 0, kernelTCP: 0 },
      cpu: { shares: 0, quota: 0, period: 0, realtimePeriod: 0, realtimeRuntime: 0, cpus: '', mems: '' },
    },
    [],
    [],
  ],

  ['memory.limit', { memory: { limit: 67108864 } }, ['memory.limit_in_bytes=67108864!'], ['memory.max=67108864']],
  [
    'memory.limit -1',
    { memory: { limit: -1 } },
    ['memory.limit_in_bytes=-1?!', 'memory.memsw.limit_in_bytes=-1?'],
    ['memory.max=max?', 'memory.swap.max=max?'],
  ],
  [
    'memory.limit 2^63',
    { memory: { limit: max63 } },
    ['memory.limit_in_bytes=9223372036854775808!'],
    ['memory.max=9223372036854775808'],
  ],
  [
    'memory.swap',
    { memory: { limit: 100, swap: 300 } },
    ['memory.limit_in_bytes=100!', 'memory.memsw.limit_in_bytes=300'],
    ['memory.max=100', 'memory.swap.max=200'],
  ],
  [
    'memory.swap = limit',
    { memory: { limit: 100, swap: 100 } },
    ['memory.limit_in_bytes=100!', 'memory.memsw.limit_in_bytes=100'],
    ['memory.max=100', 'memory.swap.max=0?'],
  ],
  [
    'memory.swap -1',
    { memory: { limit: 100, swap: -1 } },
    ['memory.limit_in_bytes=100!', 'memory.memsw.limit_in_bytes=-1?'],
    ['memory.max=100', 'memory.swap.max=max?'],
  ],
  ['memory.swap alone', { memory: { swap: 300 } }, ['memory.memsw.limit_in_bytes=300'], 'needs a memory.limit'],
  [
    'memory.swap < limit',
    { memory: { limit: 300, swap: 100 } },
    ['memory.limit_in_bytes=300!', 'memory.memsw.limit_in_bytes=100'],
    'is below memory.limit',
  ],
  ['memory.reservation', { memory: { reservation: 5 } }, ['memory.soft_limit_in_bytes=5'], ['memory.low=5']],
  [
    'memory.kernel',
    { memory: { kernel: 5 } },
    ['memory.kmem.limit_in_bytes=5'],
    'memory.kernel cannot be applied: only cgroup v1',
  ],
  [
    'memory.kernel -1',
    { memory: { kernel: -1, kernelTCP: -1 } },
    ['memory.kmem.limit_in_bytes=-1?', 'memory.kmem.tcp.limit_in_bytes=-1?'],
    [],
  ],
  [
    'memory.kernelTCP',
    { memory: { kernelTCP: 5 } },
    ['memory.kmem.tcp.limit_in_bytes=5'],
    'memory.kernelTCP cannot be applied',
  ],
  ['memory.swappiness', { memory: { swappiness: 0 } }, ['memory.swappiness=0'], 'memory.swappiness cannot be applied'],
  [
    'memory.disableOOMKiller',
    { memory: { disableOOMKiller: true } },
    ['memory.oom_control=1'],
    'memory.disableOOMKiller cannot be applied',
  ],
  ['memory.disableOOMKiller false', { memory: { disableOOMKiller: false } }, ['memory.oom_control=0?'], []],
  ['memory.useHierarchy', { memory: { useHierarchy: true } }, ['memory.use_hierarchy=1?'], []],
  [
    'memory.useHierarchy false',
    { memory: { useHierarchy: false } },
    ['memory.use_hierarchy=0'],
    'always counts hierarchically',
  ],

  ['cpu.shares', { cpu: { shares: 1024 } }, ['cpu.shares=1024'], ['cpu.weight=100']],
  ['cpu.shares too few', { cpu: { shares: 1 } }, 'the minimum allowed cpu-shares is 2', ['cpu.weight=1']],
  [
    'cpu.shares too many',
    { cpu: { shares: 262145 } },
    'the maximum allowed cpu-shares is 262144',
    ['cpu.weight=10000'],
  ],
  [
    'cpu.quota and period',
    { cpu: { quota: 50000, period: 100000 } },
    ['cpu.cfs_period_us=100000!', 'cpu.cfs_quota_us=50000!'],
    ['cpu.max=50000 100000!'],
  ],
  ['cpu.quota', { cpu: { quota: 50000 } }, ['cpu.cfs_quota_us=50000!'], ['cpu.max=50000!']],
  [
    'cpu.quota -1',
    { cpu: { quota: -1, period: 1000 } },
    ['cpu.cfs_period_us=1000!', 'cpu.cfs_quota_us=-1?!'],
    ['cpu.max=max 1000!'],
  ],
  ['cpu.period', { cpu: { period: 1000 } }, ['cpu.cfs_period_us=1000!'], ['cpu.max=max 1000!']],
  [
    'cpu.burst',
    { cpu: { quota: 50000, burst: 10000 } },
    ['cpu.cfs_quota_us=50000!', 'cpu.cfs_burst_us=10000'],
    ['cpu.max=50000!', 'cpu.max.burst=10000'],
  ],
  ['cpu.idle', { cpu: { shares: 1024, idle: 1 } }, ['cpu.shares=1024', 'cpu.idle=1'], ['cpu.weight=100', 'cpu.idle=1']],
  [
    'cpu.idle 0',
    { cpu: { shares: 1024, idle: 0 } },
    ['cpu.idle=0?', 'cpu.shares=1024'],
    ['cpu.idle=0?', 'cpu.weight=100'],
  ],
  [
    'cpu.realtime',
    { cpu: { realtimePeriod: 1000000, realtimeRuntime: 950000 } },
    ['cpu.rt_period_us=1000000!', 'cpu.rt_runtime_us=950000'],
    'cpu.realtimePeriod cannot be applied',
  ],
  [
    'cpu.realtimeRuntime',
    { cpu: { realtimeRuntime: 5 } },
    ['cpu.rt_runtime_us=5'],
    'cpu.realtimeRuntime cannot be applied',
  ],
  [
    'cpu.cpus, mems',
    { cpu: { cpus: '0-1', mems: '0' } },
    ['cpuset.cpus=0-1', 'cpuset.mems=0'],
    ['cpuset.cpus=0-1', 'cpuset.mems=0'],
  ],

  ['pids.limit', { pids: { limit: 4 } }, ['pids.max=4'], ['pids.max=4']],
  ['pids.limit 0', { pids: { limit: 0 } }, ['pids.max=1'], ['pids.max=1']],
  ['pids.limit -1', { pids: { limit: -1 } }, ['pids.max=max?'], ['pids.max=max?']],

  [
    'unified',
    { unified: { 'memory.high': '5', 'cgroup.max.depth': '3' } },
    'unified.memory.high cannot be applied',
    ['memory.high=5', 'cgroup.max.depth=3'],
  ],
  [
    'unified with a path',
    { unified: { '../memory.high': '5' } },
    'cannot be applied',
    'is not the name of a cgroup file',
  ],
];

describe.each(expectations)('%s', (_, resources, v1, v2) => {
  test.each([
    ['v1', v1],
    ['v2', v2],
  ] as const)('on %s', (layout, expected) => {
    if (typeof expected === 'string') expect(() => render(resources, layout)).toThrow(expected);
    else expect(render(resources, layout)).toEqual(expected);
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

test('checkBeforeUpdate looks at the usage on v2; v1 does it by itself', () => {
  const resources = { memory: { limit: 5, checkBeforeUpdate: true } };
  expect(limitWrites(resources, 'v2')[0]?.usage).toBe('memory.current');
  expect(limitWrites(resources, 'v1')[0]?.usage).toBeUndefined();
  expect(limitWrites({ memory: { limit: -1, checkBeforeUpdate: true } }, 'v2')[0]?.usage).toBeUndefined();
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

describe('firstLimit', () => {
  test.each<[Resources, string | undefined]>([
    [{}, undefined],
    [{ devices: [{ allow: false, access: 'rwm' }] }, undefined],
    [{ memory: { limit: -1, disableOOMKiller: false }, pids: { limit: -1 } }, undefined],
    [{ memory: { limit: 5 } }, '/linux/resources/memory/limit'],
    [{ unified: { 'memory.max': '5' } }, '/linux/resources/unified/memory.max'],
  ])('of %j is %s', (resources, expected) => expect(firstLimit(resources)).toBe(expected));
});

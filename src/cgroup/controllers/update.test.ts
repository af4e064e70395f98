import { describe, expect, test } from 'vitest';
import type { Resources } from '../../config/spec.ts';
import { formerIn } from '../update.ts';
import { meant, merge, updateWrites } from './update.ts';
import type { Layout } from './write.ts';

/** "file=value" of each write that an update makes. */
function writes(current: Resources, request: Resources, layout: Layout): string[] {
  const asked = meant(request);
  return updateWrites({ asked, resources: merge(current, asked) }, layout).map(({ file, value }) => `${file}=${value}`);
}

const full: Resources = {
  memory: { limit: 100, swap: 300, reservation: 50 },
  cpu: { shares: 512, quota: 20000, period: 100000, cpus: '0' },
  pids: { limit: 9 },
  blockIO: { weight: 500, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] },
  hugepageLimits: [
    { pageSize: '2MB', limit: 8 },
    { pageSize: '1GB', limit: 0 },
  ],
};

describe('what an update writes', () => {
  test.each<[string, Resources, v1: string[], v2: string[]]>([
    ['nothing', {}, [], []],
    ['one field', { pids: { limit: 4 } }, ['pids.max=4'], ['pids.max=4']],
    ['pids.limit 0, a real limit', { pids: { limit: 0 } }, ['pids.max=1'], ['pids.max=1']],
    [
      'the zeros of Go clients',
      { memory: { limit: 0, swap: 0 }, cpu: { shares: 0, quota: 0, cpus: '' }, pids: {}, blockIO: { weight: 0 } },
      [],
      [],
    ],
    ['device rules, which stay', { devices: [{ allow: false, access: 'rwm' }] }, [], []],
    [
      'the period alone: v2 writes both',
      { cpu: { period: 50000 } },
      ['cpu.cfs_period_us=50000'],
      ['cpu.max=20000 50000'],
    ],
    ['the quota alone', { cpu: { quota: -1 } }, ['cpu.cfs_quota_us=-1'], ['cpu.max=max 100000']],
    [
      'the limit: what v2 calls swap is a difference',
      { memory: { limit: 200 } },
      ['memory.limit_in_bytes=200'],
      ['memory.max=200', 'memory.swap.max=100'],
    ],
    [
      'no limit of memory is none of swap either',
      { memory: { limit: -1 } },
      ['memory.limit_in_bytes=-1', 'memory.memsw.limit_in_bytes=-1'],
      ['memory.max=max', 'memory.swap.max=max'],
    ],
    ['idle', { cpu: { idle: 1 } }, ['cpu.idle=1'], ['cpu.idle=1']],
    [
      'no longer idle: the weight is back',
      { cpu: { idle: 0 } },
      ['cpu.idle=0', 'cpu.shares=512'],
      ['cpu.idle=0', 'cpu.weight=59'],
    ],
    [
      'one of several sizes',
      { hugepageLimits: [{ pageSize: '1GB', limit: 7 }] },
      ['hugetlb.1GB.limit_in_bytes=7', 'hugetlb.1GB.rsvd.limit_in_bytes=7'],
      ['hugetlb.1GB.max=7', 'hugetlb.1GB.rsvd.max=7'],
    ],
    [
      'one more device',
      { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 16, rate: 6 }] } },
      ['blkio.throttle.read_bps_device=8:16 6'],
      ['io.max=8:16 rbps=6'],
    ],
  ])('%s', (_, request, v1, v2) => {
    expect([writes(full, request, 'v1'), writes(full, request, 'v2')]).toEqual([v1, v2]);
  });

  test('a file of unified that the configuration has set gives way to the field', () => {
    expect(writes({ unified: { 'memory.max': '5' } }, { memory: { limit: 7 } }, 'v2')).toEqual(['memory.max=7']);
    expect(writes({ memory: { limit: 7 } }, { unified: { 'memory.max': '5' } }, 'v2')).toEqual(['memory.max=5']);
  });

  test('swap below the limit that stays is refused on v2', () => {
    expect(() => writes(full, { memory: { limit: 400 } }, 'v2')).toThrow(
      'memory.swap (300) is below memory.limit (400)',
    );
  });
});

test('the resources after an update', () => {
  const asked = meant({
    memory: { limit: 64, swap: 0, reservation: 0 },
    cpu: { shares: 0, quota: 30000, cpus: '' },
    pids: { limit: 5 },
    hugepageLimits: [{ pageSize: '1GB', limit: 3 }],
    unified: { 'memory.high': '9' },
    devices: [{ allow: false }],
  });
  expect(merge(full, asked)).toEqual({
    memory: { limit: 64, swap: 300, reservation: 50 },
    cpu: { shares: 512, quota: 30000, period: 100000, cpus: '0' },
    pids: { limit: 5 },
    blockIO: full.blockIO,
    hugepageLimits: [
      { pageSize: '1GB', limit: 3 },
      { pageSize: '2MB', limit: 8 },
    ],
    unified: { 'memory.high': '9' },
  });
});

describe('what gets the present value back', () => {
  const line = { kind: 'line', none: 'rbps=max wbps=max' } as const;
  test.each([
    ['a value', '67108864', '5', undefined, '67108864'],
    ['two words', 'max 100000', '5 1', undefined, 'max 100000'],
    ['an empty list', '', '0-1', undefined, '\n'],
    ['lines of which nothing is known', 'a 1\nb 2', 'a 3', undefined, undefined],
    ['the line of the device', '8:0 rbps=1\n8:16 rbps=2 wbps=max', '8:16 rbps=5', line, '8:16 rbps=2 wbps=max'],
    ['no line of the device', '8:160 rbps=1', '8:16 rbps=5', line, '8:16 rbps=max wbps=max'],
    ['no line at all', '', '8:16 rbps=5', line, '8:16 rbps=max wbps=max'],
    ['a key', 'oom_kill_disable 1\nunder_oom 0', '0', { kind: 'key', key: 'oom_kill_disable' }, '1'],
    ['the default weight', 'default 100\n8:0 200', '50', { kind: 'key', key: 'default' }, '100'],
  ] as const)('%s', (_, content, value, former, expected) => {
    expect(formerIn(content, value, former)).toBe(expected);
  });
});

import { describe, expect, test } from 'vitest';
import type { Resources } from '../../config/spec.ts';
import { limitWrites } from './compile.ts';
import { deviceRules } from './device-rules.ts';
import { bitmap, deviceProperties, propertiesOf, type Situation } from './systemd.ts';

const infinity = 2n ** 64n - 1n;

const properties = (resources: Resources, situation: Partial<Situation> = {}) => {
  const all: Situation = { layout: 'v2', version: 252, current: () => undefined, ...situation };
  const found = propertiesOf(limitWrites(resources, all.layout), all);
  return Object.fromEntries(found.map(({ name, value }) => [name, value instanceof Uint8Array ? [...value] : value]));
};

/** What each field becomes is in the table of limits.test.ts; here is what is particular to properties. */
describe('limits as properties on v2', () => {
  test.each<[string, Resources, object]>([
    ['cpu.idle', { cpu: { idle: 1 } }, { CPUWeight: 0n }],
    ['cpu.idle that ends', { cpu: { idle: 0 } }, { CPUWeight: 100n }],
    ['cpu.idle that ends with a weight', { cpu: { idle: 0, shares: 512 } }, { CPUWeight: 59n }],
    [
      'cpu.quota and period, rounded up to a percent',
      { cpu: { quota: 20_001, period: 200_000 } },
      { CPUQuotaPerSecUSec: 110_000n, CPUQuotaPeriodUSec: 200_000n },
    ],
    [
      'no cpu.quota',
      { cpu: { quota: -1, period: 50_000 } },
      { CPUQuotaPerSecUSec: infinity, CPUQuotaPeriodUSec: 50_000n },
    ],
    ['cpu.cpus', { cpu: { cpus: '0-2,9' } }, { AllowedCPUs: [7, 2] }],
    ['cpu.mems', { cpu: { mems: '1' } }, { AllowedMemoryNodes: [2] }],
    [
      'unified',
      {
        unified: {
          'memory.high': '4096',
          'memory.min': 'max',
          'pids.max': '5',
          'cpu.max': 'max 20000',
          'io.weight': 'default 7',
        },
      },
      {
        MemoryHigh: 4096n,
        MemoryMin: infinity,
        TasksMax: 5n,
        CPUQuotaPerSecUSec: infinity,
        CPUQuotaPeriodUSec: 20_000n,
        IOWeight: 7n,
      },
    ],
    ['unified wins, as it does in the files', { pids: { limit: 3 }, unified: { 'pids.max': '5' } }, { TasksMax: 5n }],
    [
      'what systemd does not manage',
      { unified: { 'hugetlb.2MB.max': '0', 'io.weight': '8:0 50', 'cpu.weight': 'x' } },
      {},
    ],
    ['BFQ weights by the way back', { unified: { 'io.bfq.weight': '1000' } }, { IOWeight: 10_000n }],
    ['BFQ weights up to the default', { unified: { 'io.bfq.weight': 'default 50' } }, { IOWeight: 50n }],
  ])('%s', (_, resources, expected) => expect(properties(resources)).toEqual(expected));

  test('blockIO.weight is that of the mechanism which is there', () => {
    const resources = { blockIO: { weight: 500 } };
    expect(properties(resources)).toEqual({ IOWeight: 4950n });
    expect(properties(resources, { current: () => 'default 100' })).toEqual({ IOWeight: 4500n });
    expect(properties(resources, { layout: 'v1' })).toEqual({ BlockIOWeight: 500n });
  });

  test('a quota alone keeps the period that stands there', () => {
    const current = (file: string) => (file === 'cpu.max' ? 'max 50000' : undefined);
    expect(properties({ cpu: { quota: 25_000 } }, { current })).toEqual({
      CPUQuotaPerSecUSec: 500_000n,
      CPUQuotaPeriodUSec: 50_000n,
    });
  });

  test('what this systemd does not have is left to the files', () => {
    const resources = { cpu: { cpus: '0', quota: 50_000, idle: 1 }, memory: { limit: 4096 } };
    expect(properties(resources, { version: 241 })).toEqual({ MemoryMax: 4096n, CPUQuotaPerSecUSec: 500_000n });
  });
});

describe('limits as properties on v1', () => {
  test.each<[string, Resources, object]>([
    ['memory.limit', { memory: { limit: 4096 } }, { MemoryLimit: 4096n }],
    ['memory without a limit', { memory: { limit: -1 } }, { MemoryLimit: infinity }],
    ['cpu.shares', { cpu: { shares: 512 } }, { CPUShares: 512n }],
    [
      'cpu.quota',
      { cpu: { quota: 10_000, period: 50_000 } },
      { CPUQuotaPerSecUSec: 200_000n, CPUQuotaPeriodUSec: 50_000n },
    ],
    ['pids.limit', { pids: { limit: 17 } }, { TasksMax: 17n }],
    ['cpu.cpus is beyond systemd', { cpu: { cpus: '0' } }, {}],
  ])('%s', (_, resources, expected) => expect(properties(resources, { layout: 'v1' })).toEqual(expected));

  test('a period alone keeps the quota that stands there', () => {
    const current = (file: string) => (file === 'cpu.cfs_quota_us' ? '10000' : undefined);
    expect(properties({ cpu: { period: 20_000 } }, { layout: 'v1', current })).toEqual({
      CPUQuotaPerSecUSec: 500_000n,
      CPUQuotaPeriodUSec: 20_000n,
    });
  });
});

describe('device rules as properties', () => {
  const listed = (devices: Resources['devices']) =>
    Object.fromEntries(deviceProperties(deviceRules({ devices })).map(({ name, value }) => [name, value]));

  test('what is allowed, and the defaults', () => {
    const { DevicePolicy, DeviceAllow } = listed([
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
      { allow: true, type: 'b', major: 8, access: 'r' },
      { allow: true, access: 'm' },
      { allow: false, type: 'c', major: 10, minor: 229, access: 'w' },
    ]);
    expect(DevicePolicy).toBe('strict');
    expect((DeviceAllow as string[][]).slice(0, 4)).toEqual([
      ['/dev/char/10:229', 'rw'],
      ['block-8', 'r'],
      ['block-*', 'm'],
      ['char-*', 'm'],
    ]);
    expect(DeviceAllow).toContainEqual(['/dev/char/1:3', 'rwm']);
    expect(DeviceAllow).toContainEqual(['char-136', 'rwm']);
  });

  test('a list that begins with everything restricts nothing here', () => {
    const devices = [
      { allow: true, access: 'rwm' },
      { allow: false, type: 'c', major: 1, minor: 11 },
    ] as const;
    expect(listed([...devices])).toEqual({ DevicePolicy: 'auto', DeviceAllow: [] });
  });
});

describe('lists of CPUs as bits', () => {
  test.each([
    ['', []],
    ['0', [1]],
    ['0-7', [255]],
    ['8', [0, 1]],
    ['1,3-4, 17', [26, 0, 2]],
  ])('%s', (list, bytes) => expect([...(bitmap(list) ?? [])]).toEqual(bytes));

  test.each(['x', '3-1', '99999', '1,'])('"%s" is none', (list) => expect(bitmap(list)).toBeUndefined());
});

import { describe, expect, test } from 'vitest';
import { bytes, placeInOptions, resourcesOf } from './resource-options.ts';

describe('sizes', () => {
  test.each([
    ['4096', 4096],
    ['0', 0],
    ['-1', -1],
    ['64k', 65536],
    ['64 KB', 65536],
    ['64KiB', 65536],
    ['32M', 33554432],
    ['1.5g', 1610612736],
    ['1T', 1099511627776],
    ['7b', 7],
    ['-2', undefined],
    ['1,5g', undefined],
    ['m', undefined],
    ['12x', undefined],
    ['1e3', undefined],
    ['1 2', undefined],
  ])('%s is %s bytes', (text, expected) => expect(bytes(text)).toBe(expected));
});

test('options are fields of linux.resources', () => {
  expect(
    resourcesOf({
      'blkio-weight': '300',
      'cpu-period': '1000',
      'cpu-quota': '-1',
      'cpu-burst': '5',
      'cpu-share': '2',
      'cpu-rt-period': '6',
      'cpu-rt-runtime': '7',
      'cpuset-cpus': '0-1',
      'cpuset-mems': '0',
      'cpu-idle': '1',
      memory: '1k',
      'memory-reservation': '2k',
      'memory-swap': '3k',
      'kernel-memory': '4k',
      'kernel-memory-tcp': '5k',
      'pids-limit': '0',
    }),
  ).toEqual({
    blockIO: { weight: 300 },
    cpu: {
      period: 1000,
      quota: -1,
      burst: 5,
      shares: 2,
      realtimePeriod: 6,
      realtimeRuntime: 7,
      cpus: '0-1',
      mems: '0',
      idle: 1,
    },
    memory: { limit: 1024, reservation: 2048, swap: 3072, kernel: 4096, kernelTCP: 5120 },
    pids: { limit: 0 },
  });
  expect(resourcesOf({ memory: undefined })).toEqual({});
});

test.each([
  [{ 'cpu-share': 'x' }, 'invalid value for cpu-share: "x" is not a whole number'],
  [{ 'cpu-period': '-5' }, 'invalid value for cpu-period'],
  [{ memory: '5 apples' }, 'invalid value for memory: "5 apples" is not a size such as 512M, or -1'],
  [{ 'pids-limit': '1.5' }, 'invalid value for pids-limit'],
])('%j is refused', (options, message) => expect(() => resourcesOf(options)).toThrow(message));

test('the place of a field is the option that asked for it', () => {
  const options = { memory: '5' };
  expect(placeInOptions(options, '/linux/resources/memory/limit')).toEqual({
    file: 'command line',
    pointer: '--memory',
  });
  const other = '/linux/resources/memory/swap';
  expect(placeInOptions(options, other)).toEqual({ file: 'config.json', pointer: other });
});

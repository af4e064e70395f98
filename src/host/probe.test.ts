import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { boundLimit, deviceNumber, parseKernel, probeHost, requireKernel } from './probe.ts';

test('this host can be probed', () => {
  const facts = probeHost();
  expect(facts.user.euid).toBe(process.geteuid?.());
  expect(facts.namespaces).toEqual(expect.arrayContaining(['mnt', 'net', 'pid', 'user', 'uts', 'ipc']));
  expect(facts.namespaces.some((name) => name.includes('children'))).toBe(false);
  expect(facts.callerNofile?.hard).toBeGreaterThanOrEqual(facts.callerNofile?.soft ?? 0n);
  expect(() => requireKernel(facts)).not.toThrow();
});

describe('requireKernel', () => {
  const refuse = (release: string) => () => requireKernel({ kernel: parseKernel(release) });

  test.each(['5.12.0', '5.15.0-91-generic', '6.1.0-13-amd64', '10.0-rc1'])('%s is enough', (release) => {
    expect(refuse(release)).not.toThrow();
  });

  test.each(['5.11.22', '4.19.0-25-amd64', '3.10.0-1160.el7.x86_64', 'unreadable'])('%s is not', (release) => {
    expect(refuse(release)).toThrow(`tsrunc needs Linux 5.12 or newer, this is ${release}`);
  });
});

test.each([
  [0x1d, '0:29'],
  [0xfe00, '254:0'],
  [statSync('/dev/null').rdev, '1:3'],
  [0x10_0012, '0:274'],
])('deviceNumber(%d) is %s', (dev, expected) => expect(deviceNumber(dev)).toBe(expected));

test('the own hard limit bounds what the parent has', () => {
  expect(boundLimit({ soft: 20_000n, hard: 20_000n }, { soft: 512n, hard: 512n })).toEqual({ soft: 512n, hard: 512n });
  expect(boundLimit({ soft: 1024n, hard: 1n << 20n }, { soft: 1n << 20n, hard: 1n << 20n })).toEqual({
    soft: 1024n,
    hard: 1n << 20n,
  });
});

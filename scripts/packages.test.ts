import { describe, expect, test } from 'vitest';
import { distributionOf, has, toBuild, toEmulate, toTest } from './packages.mjs';

describe('the distribution by its os-release', () => {
  test.each([
    ['ID=debian\n', 'debian'],
    ['NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', 'debian'],
    ['ID=rocky\nID_LIKE="rhel centos fedora"\n', 'fedora'],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'opensuse'],
    ['ID=alpine\n', 'alpine'],
    ['ID=arch\n', 'arch'],
    ['ID=nixos\n', undefined],
    ['', undefined],
  ])('%j is %s', (osRelease, family) => {
    expect(distributionOf(osRelease)?.family).toBe(family);
  });
});

test('every need is named for every distribution', () => {
  for (const need of [...toBuild, ...toTest, ...toEmulate]) {
    expect(need.debian).not.toEqual([]);
    expect([need.fedora, need.alpine, need.arch, need.opensuse]).not.toContain('');
  }
});

test('has() finds commands in PATH and files by their path', () => {
  expect([has('sh'), has('/bin/sh'), has('no-such-command-here'), has('/no/such/file')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

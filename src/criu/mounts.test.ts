import { describe, expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import { cleanTarget, dumpedMounts, parseMounts, restoredMounts } from './mounts.ts';

const lines = (...rows: readonly (readonly [device: string, root: string, mountpoint: string, fstype: string])[]) =>
  parseMounts(
    rows
      .map(
        ([device, root, mountpoint, fstype], index) =>
          `${index} 1 ${device} ${root} ${mountpoint} rw master:1 - ${fstype} x rw`,
      )
      .join('\n'),
  );

const same = (path: string): string => path;
const specOf = (parts: Partial<Spec>): Spec => ({ ociVersion: '1.3.0', ...parts });
const root = ['8:1', '/bundle/rootfs', '/', 'ext4'] as const;

describe('what a dump is told', () => {
  test('nothing of file systems that are the container’s own', () => {
    const own = lines(
      root,
      ['0:1', '/', '/proc', 'proc'],
      ['0:1', '/sys', '/proc/sys', 'proc'],
      ['0:2', '/', '/dev', 'tmpfs'],
    );
    expect(dumpedMounts(specOf({}), own, same)).toEqual([]);
  });

  test('bind mounts and all that is below them, by their destination', () => {
    const spec = specOf({
      mounts: [
        { destination: '/data/', type: 'bind', source: '/srv/data', options: ['rbind'] },
        { destination: '/data/tmp', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/whole', type: 'none', source: '/home', options: ['bind'] },
      ],
    });
    const found = lines(
      root,
      ['8:1', '/srv/data', '/data', 'ext4'],
      ['8:2', '/', '/data/disk', 'ext4'],
      ['0:5', '/', '/data/tmp', 'tmpfs'],
      ['8:3', '/', '/whole', 'ext4'],
    );
    expect(dumpedMounts(spec, found, same)).toEqual([
      { key: '/data', val: '/data' },
      { key: '/data/disk', val: '/data/disk' },
      { key: '/whole', val: '/whole' },
    ]);
  });

  test('a destination behind a symbolic link has the key of the configuration', () => {
    const spec = specOf({ mounts: [{ destination: '/var/run/x', type: 'bind', source: '/x' }] });
    const resolve = (path: string): string => path.replace('/var/run', '/run');
    expect(dumpedMounts(spec, lines(root, ['8:1', '/x', '/run/x', 'ext4']), resolve)).toEqual([
      { key: '/run/x', val: '/var/run/x' },
    ]);
  });

  test('masked files, but not masked directories', () => {
    const spec = specOf({ linux: { maskedPaths: ['/proc/keys', '/proc/acpi'] } });
    const found = lines(root, ['0:6', '/null', '/proc/keys', 'devtmpfs'], ['0:7', '/', '/proc/acpi', 'tmpfs']);
    expect(dumpedMounts(spec, found, same)).toEqual([{ key: '/proc/keys', val: '/dev/null' }]);
  });

  test('devices and cgroups of the host; cgroups of a cgroup namespace are criu’s business', () => {
    const mounts = [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' }];
    const found = lines(
      root,
      ['0:6', '/null', '/dev/null', 'devtmpfs'],
      ['0:8', '/', '/sys/fs/cgroup', 'tmpfs'],
      ['0:9', '/box', '/sys/fs/cgroup/cpu', 'cgroup'],
    );
    expect(dumpedMounts(specOf({ mounts }), found, same)).toEqual([
      { key: '/dev/null', val: '/dev/null' },
      { key: '/sys/fs/cgroup/cpu', val: '/sys/fs/cgroup/cpu' },
    ]);
    const own = specOf({ mounts, linux: { namespaces: [{ type: 'cgroup' }] } });
    expect(dumpedMounts(own, found.slice(2), same)).toEqual([]);
  });

  test('parts of the root file system that are mounted once more are not external', () => {
    const found = lines(root, ['8:1', '/bundle/rootfs/etc', '/etc', 'ext4'], ['8:1', '/elsewhere', '/x', 'ext4']);
    expect(dumpedMounts(specOf({}), found, same)).toEqual([{ key: '/x', val: '/x' }]);
  });
});

describe('what a restore is told', () => {
  const sources = {
    sourceOf: ({ source = '' }) => source,
    cgroups: [],
    hostMounts: ['/', '/srv/data/disk', '/srv/database'],
  };
  const keys = (spec: Partial<Spec>, more = {}) =>
    restoredMounts(specOf(spec), { ...sources, ...more }).filter(({ key }) => !key.startsWith('/dev/'));

  test('where bind mounts come from now, with what is mounted below', () => {
    expect(
      keys({
        mounts: [{ destination: 'data', type: 'bind', source: '/srv/data' }],
        linux: { readonlyPaths: ['/data/ro', '/x'] },
      }),
    ).toEqual([
      { key: '/data', val: '/srv/data' },
      { key: '/data/disk', val: '/srv/data/disk' },
      { key: '/data/ro', val: '/srv/data/ro' },
    ]);
  });

  test('the cgroups of the new container', () => {
    const cgroups = [{ name: 'cpu', path: '/sys/fs/cgroup/cpu/new' }];
    expect(keys({ mounts: [{ destination: '/sys/fs/cgroup', type: 'cgroup' }] }, { cgroups })).toEqual([
      { key: '/sys/fs/cgroup/cpu', val: '/sys/fs/cgroup/cpu/new' },
    ]);
  });

  test('devices, and the null device that hides files', () => {
    const all = restoredMounts(
      specOf({ linux: { devices: [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229 }] } }),
      sources,
    );
    expect(all).toContainEqual({ key: '/dev/null', val: '/dev/null' });
    expect(all).toContainEqual({ key: '/dev/fuse', val: '/dev/fuse' });
  });
});

test.each([
  ['/a/', '/a'],
  ['a//b/../c', '/a/c'],
  ['/', '/'],
  ['', '/'],
])('the target "%s" is %s', (given, clean) => {
  expect(cleanTarget(given)).toBe(clean);
});

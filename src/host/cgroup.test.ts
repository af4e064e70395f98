import { describe, expect, test } from 'vitest';
import { cgroupFacts, withinMount } from './cgroup.ts';
import { parseCgroup, parseMountinfo } from './parse.ts';

interface Sample {
  readonly mounts: string;
  readonly memberships: string;
  /** Paths that show something else than the mount on them. */
  readonly covered?: readonly string[];
  readonly controllers?: string;
}

function facts({ mounts, memberships, covered = [], controllers = '' }: Sample) {
  const parsed = [...parseMountinfo(mounts, 'cgroup'), ...parseMountinfo(mounts, 'cgroup2')];
  return cgroupFacts(parsed, parseCgroup(memberships), {
    deviceOf: (path) =>
      covered.includes(path) ? '0:99' : parsed.findLast(({ mountpoint }) => mountpoint === path)?.device,
    controllersAt: () => controllers,
  });
}

const v1 = `
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd`;
const v1Own = '9:name=systemd:/init.scope\n4:memory:/own\n1:cpu,cpuacct:/\n';
const unified = '\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';
const v2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';

describe('cgroupFacts', () => {
  test('v1: hierarchies in mount order', () => {
    expect(facts({ mounts: v1, memberships: v1Own })).toEqual({
      layout: 'v1',
      hierarchies: [
        { controllers: ['cpu', 'cpuacct'], mountpoint: '/sys/fs/cgroup/cpu,cpuacct', root: '/', ownPath: '/' },
        { controllers: ['memory'], mountpoint: '/sys/fs/cgroup/memory', root: '/', ownPath: '/own' },
        { controllers: ['name=systemd'], mountpoint: '/sys/fs/cgroup/systemd', root: '/', ownPath: '/init.scope' },
      ],
    });
  });

  test('hybrid: v1 hierarchies beside cgroup2', () => {
    expect(facts({ mounts: v1 + unified, memberships: `${v1Own}0::/x` })).toMatchObject({
      layout: 'hybrid',
      hierarchies: { length: 3 },
    });
  });

  test('v2', () => {
    expect(
      facts({ mounts: v2, memberships: '0::/user.slice/a.scope\n', controllers: 'cpuset cpu memory pids' }),
    ).toEqual({
      layout: 'v2',
      mountpoint: '/sys/fs/cgroup',
      ownPath: '/user.slice/a.scope',
      controllers: ['cpuset', 'cpu', 'memory', 'pids'],
    });
  });

  test('v2 with a named v1 hierarchy only stays v2', () => {
    const named = '\n50 23 0:50 / /mnt/systemd rw - cgroup cgroup rw,name=systemd';
    expect(facts({ mounts: v2 + named, memberships: '1:name=systemd:/\n0::/a' }).layout).toBe('v2');
  });

  test('a covered mount does not count', () => {
    const covered = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/memory'];
    expect(facts({ mounts: v1 + unified, memberships: `${v1Own}0::/`, covered })).toMatchObject({
      layout: 'v1',
      hierarchies: { length: 2 },
    });
  });

  test('nothing mounted', () => {
    expect(facts({ mounts: '', memberships: '0::/a\n1:cpu:/b' })).toEqual({ layout: 'none' });
  });

  test('container in container: paths of the host, but a mount of its own part', () => {
    const mounts = '60 50 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw';
    expect(facts({ mounts, memberships: '0::/docker/abc/inner' })).toMatchObject({ ownPath: '/inner' });
  });

  test('of two mounts of one hierarchy, the one that shows our own cgroup', () => {
    const other = '\n70 1 0:32 /elsewhere /mnt/memory rw - cgroup cgroup rw,memory';
    const found = facts({ mounts: other + v1, memberships: v1Own });
    expect(found).toMatchObject({
      hierarchies: expect.arrayContaining([expect.objectContaining({ mountpoint: '/sys/fs/cgroup/memory' })]),
    });
  });
});

test.each([
  ['/', '/a/b', '/a/b'],
  ['/a', '/a/b', '/b'],
  ['/a', '/a', '/'],
  ['/a', '/ab', '/'],
  ['/', '/..', '/'],
  ['/', '/../x', '/'],
  ['/', '/..x', '/..x'],
])('withinMount(%s, %s) is %s', (root, path, expected) => expect(withinMount(root, path)).toBe(expected));

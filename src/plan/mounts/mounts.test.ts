import { describe, expect, test } from 'vitest';
import type { Mount, Spec } from '../../config/spec.ts';
import { TsruncError } from '../../errors.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { PlanOptions } from '../context.ts';
import { namespaces, nested, onV1, onV2, rootless, rootOnV1, rootOnV2, withoutCgroup } from '../fixtures.ts';
import type { Op } from '../ops.ts';
import { planLateReadonly, planMounts } from './mounts.ts';
import { propagations } from './options.ts';

const maps = [{ containerID: 0, hostID: 100000, size: 65536 }];

const spec = (mount: Mount, ...types: Parameters<typeof namespaces>): Spec => ({
  ociVersion: '1.3.0',
  mounts: [mount],
  linux: { namespaces: namespaces('mount', ...types), uidMappings: maps, gidMappings: maps },
});

const plan = (
  mount: Mount,
  host: HostFacts = rootOnV1,
  options: PlanOptions = onV1,
  ...types: Parameters<typeof namespaces>
) => planMounts({ spec: spec(mount, ...types), host, options });

function errorOf(mount: Mount): TsruncError {
  try {
    plan(mount);
  } catch (error) {
    if (error instanceof TsruncError) return error;
  }
  throw new Error('the mount was planned');
}

const summary = ({ ops }: { readonly ops: readonly Op[] }): readonly string[] =>
  ops.map((op) => `${op.op} ${'target' in op ? op.target : 'path' in op ? op.path : ''}`);

describe('bind mounts', () => {
  test('a relative source is below the bundle', () => {
    const { ops } = plan({ destination: '/data/', type: 'bind', source: 'volumes/../data', options: ['rbind', 'ro'] });
    expect(ops).toMatchObject([
      {
        op: 'bind',
        source: '/bundles/box/volumes/../data',
        target: '/data',
        recursive: 1,
        attrsSet: 1n,
        attrsClear: 0n,
        keepLocked: 0,
        tree: '',
      },
    ]);
  });

  test('of type "bind" without the option is not recursive', () => {
    expect(plan({ destination: '/a', type: 'bind', source: '/b' }).ops).toMatchObject([{ op: 'bind', recursive: 0 }]);
  });

  test('in a user namespace the runtime opens the source', () => {
    const { ops, fds } = plan(
      { destination: '/a', source: '/b', options: ['bind', 'src-nofollow'] },
      rootOnV1,
      onV1,
      'user',
    );
    expect(ops).toMatchObject([{ op: 'bind', tree: 'tree:/mounts/0', keepLocked: 1 }]);
    expect(fds).toEqual([
      { name: 'tree:/mounts/0', from: '/mounts/0/source', kind: 'tree', path: '/b', recursive: false, noFollow: true },
    ]);
  });

  test('an ordinary user has nothing that the helper lacks', () => {
    const { ops, fds } = plan({ destination: '/a', source: '/b', options: ['bind'] }, rootless, withoutCgroup, 'user');
    expect(ops).toMatchObject([{ op: 'bind', tree: '', keepLocked: 1 }]);
    expect(fds).toEqual([]);
  });

  test('a file system option is refused at its place', () => {
    const error = errorOf({ destination: '/a', source: '/b', options: ['bind', 'nosiud'] });
    expect(error.message).toBe(
      'The bind mount at "/a" has the option "nosiud", but a bind mount has no file system options of its own',
    );
    expect(error.place?.pointer).toBe('/mounts/0/options/1');
    expect(error.hint).toContain('nosuid');
  });

  test('a flag of the file system is refused', () => {
    expect(errorOf({ destination: '/a', source: '/b', options: ['bind', 'sync'] }).code).toBe('UNSUPPORTED');
  });

  test.each([
    ['rootless', rootless, ['user'] as const, 1],
    ['in an outer user namespace', nested, [] as const, 1],
    ['as root', rootOnV1, [] as const, 0],
  ])('the cgroups below a bound /sys are read-only: %s (CVE-2023-25809)', (_name, host, types, expected) => {
    const { ops } = plan({ destination: '/sys', source: '/sys', options: ['rbind'] }, host, withoutCgroup, ...types);
    expect(ops.filter((op) => op.op === 'readonlyPath' && op.path === '/sys/fs/cgroup')).toHaveLength(expected);
  });

  test.each([
    ['/sys/', ['/h/fs/cgroup']],
    ['/sys/.', ['/h/fs/cgroup']],
    ['//sys', ['/h/fs/cgroup']],
    ['/proc/../sys', ['/h/fs/cgroup']],
    ['/sys/fs', ['/h/cgroup']],
    ['/', ['/h/sys/fs/cgroup']],
    ['/sys/fs/cgroup', []],
    ['/sysx', []],
  ])('and whatever else brings them along: %s (CVE-2023-25809)', (source, expected) => {
    const { ops } = plan({ destination: '/h', source, options: ['rbind'] }, rootless, withoutCgroup, 'user');
    expect(ops.flatMap((op) => (op.op === 'readonlyPath' ? [op.path] : []))).toEqual(expected);
  });
});

describe('idmapped mounts', () => {
  const mount = { destination: '/a', source: '/b', uidMappings: maps, gidMappings: maps };
  const idmap = { name: 'idmap:/mounts/0', kind: 'userNamespace' };

  test('the helper maps where it may', () => {
    const { ops, fds } = plan({ ...mount, options: ['bind', 'ridmap'] });
    expect(ops).toMatchObject([{ op: 'bind', idmap: 'idmap:/mounts/0', idmapRecursive: 1 }]);
    expect(fds).toMatchObject([{ ...idmap, uidMap: [{ containerId: 0, hostId: 100000, size: 65536 }] }]);
  });

  test('the runtime maps where the helper may not', () => {
    const { ops, fds } = plan({ ...mount, options: ['bind'] }, rootOnV1, onV1, 'user');
    expect(ops).toMatchObject([{ op: 'bind', idmap: '', tree: 'tree:/mounts/0' }]);
    expect(fds).toMatchObject([idmap, { kind: 'tree', idmap: { userNamespace: 'idmap:/mounts/0', recursive: false } }]);
  });

  test('the option alone means the mappings of the container', () => {
    const { fds } = plan({ destination: '/a', source: '/b', options: ['bind', 'idmap'] }, rootOnV1, onV1, 'user');
    expect(fds).toMatchObject([{ ...idmap, from: '/linux/uidMappings' }, { kind: 'tree' }]);
  });

  test('other file systems can be idmapped', () => {
    const { ops } = plan({ destination: '/a', type: 'tmpfs', uidMappings: maps, gidMappings: maps });
    expect(ops).toMatchObject([{ op: 'mount', idmap: 'idmap:/mounts/0' }]);
  });
});

describe('file systems', () => {
  test('proc and sysfs follow no symbolic links (CVE-2019-19921)', () => {
    expect(plan({ destination: '/proc', type: 'proc', source: 'proc' }).ops).toMatchObject([
      { noSymlinks: 1, source: 'proc' },
    ]);
    expect(plan({ destination: '/sys', type: 'sysfs' }).ops).toMatchObject([{ noSymlinks: 1 }]);
    expect(plan({ destination: '/tmp', type: 'tmpfs' }).ops).toMatchObject([{ noSymlinks: 0 }]);
  });

  test('read-only is told to a file system on a device', () => {
    const { ops } = plan({
      destination: '/a',
      type: 'ext4',
      source: '/dev/vda',
      options: ['ro', 'sync', 'iversion', 'data=ordered'],
    });
    expect(ops).toMatchObject([{ options: ['ro', 'sync', 'i_version', 'data=ordered'], attrs: 1n }]);
  });

  test('a read-only tmpfs and /dev become so when all is made in them', () => {
    const context = {
      spec: spec({ destination: '/dev/', type: 'tmpfs', options: ['ro', 'nosuid'] }),
      host: rootOnV1,
      options: onV1,
    };
    expect(planMounts(context).ops).toMatchObject([{ op: 'mount', target: '/dev', attrs: 2n }]);
    expect(planLateReadonly(context)).toMatchObject([{ op: 'remount', target: '/dev', attrsSet: 1n }]);
  });

  test('of tens of thousands which one another covers is found at once', () => {
    const mounts = Array.from({ length: 40_000 }, (_, index): Mount => {
      return { destination: `/m/${index % 30_000}`, type: 'tmpfs', source: 'tmpfs', options: ['ro'] };
    });
    const start = performance.now();
    const late = planLateReadonly({ spec: { ...spec(mounts[0] as Mount), mounts }, host: rootOnV1, options: onV1 });
    expect(late).toHaveLength(30_000);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('remount changes what is there', () => {
    expect(plan({ destination: '/a', options: ['remount', 'ro', 'size=2m'], type: 'tmpfs' }).ops).toMatchObject([
      { op: 'remount', attrsSet: 1n, options: ['size=2m'] },
    ]);
    expect(plan({ destination: '/a', options: ['remount', 'bind', 'ro', 'dev'] }).ops).toMatchObject([
      { op: 'remount', attrsSet: 1n, attrsClear: 4n, options: [] },
    ]);
    expect(plan({ destination: '/a', options: ['remount', 'rro', 'rshared'], type: 'none' }).ops).toMatchObject([
      { op: 'remount', attrsSet: 0n, recursiveSet: 1n, propagation: propagations.shared, propagationRecursive: 1 },
    ]);
  });

  test.each<[Mount, string]>([
    [{ destination: '/../.', type: 'tmpfs' }, 'A mount cannot cover the root of the container'],
    [{ destination: '/a' }, 'The mount at "/a" has no type'],
    [
      { destination: '/a', type: 'proc', options: ['tmpcopyup'] },
      'The option "tmpcopyup" is for tmpfs, but the mount at "/a" is proc',
    ],
    [
      { destination: '/a', type: 'tmpfs', options: ['copy-symlink'] },
      'The option "copy-symlink" cannot be used with a new file system, as at "/a"',
    ],
    [
      { destination: '/a', type: 'tmpfs', options: ['ro', 'dest-nofollow'] },
      'The option "dest-nofollow" cannot be used with a new file system, as at "/a"',
    ],
    [
      { destination: '/a', source: '/b', options: ['bind', 'tmpcopyup'] },
      'The option "tmpcopyup" cannot be used with a bind mount, as at "/a"',
    ],
    [
      { destination: '/a', options: ['remount', 'tmpcopyup'] },
      'The option "tmpcopyup" cannot be used with a remount, as at "/a"',
    ],
    [
      { destination: '/a', options: ['bind', 'remount', 'ridmap'] },
      'The option "ridmap" cannot be used with a remount, as at "/a"',
    ],
    [
      { destination: '/a', options: ['remount'], uidMappings: maps, gidMappings: maps },
      'Mappings of ids cannot be used with a remount, as at "/a"',
    ],
    [
      { destination: '/a', options: ['bind', 'remount', 'nosiud'] },
      'The bind mount at "/a" has the option "nosiud", but a bind mount has no file system options of its own',
    ],
    [
      { destination: '/a', type: 'cgroup', options: ['src-nofollow'] },
      'The option "src-nofollow" cannot be used with the cgroup mount, as at "/a"',
    ],
    [
      { destination: '/a', type: 'cgroup', options: ['ro', 'size=1m'] },
      'The cgroup mount at "/a" has the option "size=1m", but its file systems have the options of the host',
    ],
  ])('%j is refused', (mount, message) => {
    expect(errorOf(mount).message).toBe(message);
  });
});

describe('cgroup', () => {
  const mount: Mount = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid'] };

  test('v1 without a cgroup namespace binds the directories of the container', () => {
    const planned = plan(mount);
    expect(summary(planned)).toEqual([
      'mount /sys/fs/cgroup',
      'bind /sys/fs/cgroup/cpu,cpuacct',
      'bind /sys/fs/cgroup/memory',
      'bind /sys/fs/cgroup/pids',
      'bind /sys/fs/cgroup/systemd',
      'symlink /sys/fs/cgroup/cpu',
      'symlink /sys/fs/cgroup/cpuacct',
      'remount /sys/fs/cgroup',
    ]);
    expect(planned.ops[0]).toMatchObject({ fstype: 'tmpfs', attrs: 2n, options: ['mode=755'] });
    expect(planned.ops[1]).toMatchObject({ source: '/sys/fs/cgroup/cpu,cpuacct/box', attrsSet: 3n });
  });

  test('v1 with a cgroup namespace mounts each hierarchy', () => {
    const { ops } = plan(mount, rootOnV1, onV1, 'cgroup');
    expect(ops.slice(1, 5)).toMatchObject([
      { op: 'mount', fstype: 'cgroup', options: ['cpu', 'cpuacct'], attrs: 3n },
      { options: ['memory'] },
      { options: ['pids'] },
      { options: ['name=systemd'], target: '/sys/fs/cgroup/systemd' },
    ]);
  });

  test('v1 in a user namespace: each directory is opened by the runtime', () => {
    const { fds } = plan(mount, rootOnV1, onV1, 'user');
    expect(fds.map(({ name }) => name)).toEqual([
      'tree:/mounts/0/cpu,cpuacct',
      'tree:/mounts/0/memory',
      'tree:/mounts/0/pids',
      'tree:/mounts/0/systemd',
    ]);
  });

  test('v1 without cgroups of its own shows those of the runtime', () => {
    expect(plan(mount, rootOnV1, withoutCgroup).ops[2]).toMatchObject({ source: '/sys/fs/cgroup/memory/user' });
  });

  test('v2', () => {
    expect(plan(mount, rootOnV2, onV2, 'cgroup').ops).toMatchObject([{ op: 'mount', fstype: 'cgroup2', attrs: 3n }]);
    expect(plan(mount, rootOnV2, onV2).ops).toMatchObject([{ op: 'bind', source: '/sys/fs/cgroup/box', attrsSet: 3n }]);
    expect(plan(mount, rootOnV2, withoutCgroup).ops).toMatchObject([
      { op: 'bind', source: '/sys/fs/cgroup/user.slice' },
    ]);
  });

  // As containerd 2 does for privileged containers.
  test("v2 repeats the options of the host's mount; v1 has no such", () => {
    const repeated = { ...mount, options: ['rw', 'nosuid', 'nsdelegate', 'memory_recursiveprot'] };
    expect(plan(repeated, rootOnV2, onV2, 'cgroup').ops).toMatchObject([{ op: 'mount', options: [], attrs: 2n }]);
    expect(plan(repeated, rootOnV2, onV2).ops).toMatchObject([{ op: 'bind', attrsSet: 2n }]);
    expect(() => plan(repeated)).toThrow('has the option "nsdelegate"');
    expect(() => plan({ ...repeated, options: ['nsdelegate', 'size=1m'] }, rootOnV2, onV2, 'cgroup')).toThrow(
      '"size=1m"',
    );
  });
});

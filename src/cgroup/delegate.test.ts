import { describe, expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import { delegatedTo } from './delegate.ts';

const cgroup = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'rw'] };
const map = [
  { containerID: 0, hostID: 1000, size: 1 },
  { containerID: 1, hostID: 100_000, size: 65_536 },
];
const remapped = (change: Partial<Spec> = {}): Spec => ({
  ociVersion: '1.3.0',
  process: { cwd: '/', user: { uid: 0, gid: 0 } },
  mounts: [cgroup],
  linux: { namespaces: [{ type: 'user' }, { type: 'cgroup' }], uidMappings: map },
  ...change,
});

describe('a cgroup is delegated to the id of the host behind the user of the program', () => {
  test.each<[string, Spec, number]>([
    ['root of the user namespace', remapped(), 1000],
    ['another user of it', remapped({ process: { cwd: '/', user: { uid: 7, gid: 0 } } }), 100_006],
    ['root where no user is named', remapped({ process: { cwd: '/' } }), 1000],
    [
      'the same without a user namespace',
      remapped({ process: { cwd: '/', user: { uid: 7, gid: 0 } }, linux: { namespaces: [{ type: 'cgroup' }] } }),
      7,
    ],
    [
      'another spelling of the destination',
      remapped({ mounts: [{ ...cgroup, destination: '/sys//fs/cgroup/' }] }),
      1000,
    ],
  ])('%s', (_, spec, uid) => expect(delegatedTo(spec)).toBe(uid));
});

describe('a cgroup stays the runtime’s', () => {
  test.each<[string, Partial<Spec>]>([
    ['where it is not mounted', { mounts: [] }],
    ['where it is mounted read-only', { mounts: [{ ...cgroup, options: ['ro'] }] }],
    ['where it is mounted elsewhere', { mounts: [{ ...cgroup, destination: '/cgroup' }] }],
    ['where /sys/fs/cgroup is something else', { mounts: [{ ...cgroup, source: 'tmpfs', type: 'tmpfs' }] }],
    ['without a cgroup namespace', { linux: { namespaces: [{ type: 'user' }], uidMappings: map } }],
    [
      'with a cgroup namespace that is joined',
      { linux: { namespaces: [{ type: 'user' }, { type: 'cgroup', path: '/proc/1/ns/cgroup' }], uidMappings: map } },
    ],
    ['where the user has no id on the host', { process: { cwd: '/', user: { uid: 70_000, gid: 0 } } }],
  ])('%s', (_, change) => expect(delegatedTo(remapped(change))).toBeUndefined());
});

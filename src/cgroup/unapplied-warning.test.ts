import { expect, test } from 'vitest';
import type { CgroupFacts, HostFacts } from '../host/facts.ts';
import type { Obstacle } from './unapplied.ts';
import { fieldName, renderUnapplied } from './unapplied-warning.ts';

const user: HostFacts['user'] = {
  euid: 1000,
  egid: 1000,
  privileged: false,
  inUserNamespace: false,
  sysResource: false,
};
const v1: CgroupFacts = { layout: 'v1', hierarchies: [] };
const v2: CgroupFacts = { layout: 'v2', mountpoint: '/c', ownPath: '/', controllers: [] };
const field = (name: string, obstacle: Obstacle) => ({ from: `/linux/resources/${name}`, obstacle });
const denied = (path: string): Obstacle => ({ kind: 'cgroup', path });

test.each([
  ['/linux/cgroupsPath', 'linux.cgroupsPath'],
  ['/linux/resources/devices/2', 'linux.resources.devices[2]'],
  ['/linux/resources/hugepageLimits/0/limit', 'linux.resources.hugepageLimits[0].limit'],
  ['/linux/resources/unified/a~1b.max', 'linux.resources.unified["a/b.max"]'],
])('%s is %s', (pointer, expected) => expect(fieldName(pointer)).toBe(expected));

test('fields, reason, way out; cgroup v1', () => {
  const fields = [field('memory/limit', denied('/c/memory/x')), field('memory/swap', denied('/c/memory/x'))];
  expect(renderUnapplied(fields, { user, cgroup: v1 })).toMatch(
    /^Not applied: linux\.resources\.memory\.limit, linux\.resources\.memory\.swap; the cgroup is not delegated to uid 1000: \/c\/memory\/x\. On cgroup v1 /,
  );
});

test('cgroup v2: another cgroup helps', () =>
  expect(renderUnapplied([field('pids/limit', denied('/c/x'))], { user, cgroup: v2 })).toMatch(
    /not delegated to uid 1000: \/c\/x\. .*--systemd-cgroup.*Delegate=yes/,
  ));

test('a controller that was not delegated, to whoever is root in a user namespace', () => {
  const controller = { kind: 'controller', name: 'cpu', path: '/c/x' } as const;
  const nested = { ...user, euid: 0, inUserNamespace: true };
  const text = renderUnapplied([field('cpu/quota', controller), field('cpu/period', controller)], {
    user: nested,
    cgroup: v2,
  });
  expect(text).toContain('cpu.period; the controllers delegated to uid 0 of this user namespace lack cpu: /c/x. ');
  expect(text).toContain('Delegate=cpu cpuset io memory pids');
});

test('several reasons; nothing helps against the last', () => {
  const rules = field('devices/2', { kind: 'other', reason: 'only root can' });
  expect(renderUnapplied([rules], { user, cgroup: v2 })).toBe('Not applied: linux.resources.devices[2]; only root can');
  expect(renderUnapplied([field('pids/limit', denied('/c/x')), rules], { user, cgroup: v2 })).toContain(
    ': /c/x, and only root can. ',
  );
});

test('what it means for a container that nothing else holds together', () =>
  expect(renderUnapplied([field('pids/limit', denied('/c/x'))], { user, cgroup: v1 }, true)).toMatch(
    /: \/c\/x\. Without a cgroup and a pid namespace .*only its first process will be found.*\. On cgroup v1 /,
  ));

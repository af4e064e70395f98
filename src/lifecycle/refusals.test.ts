import { expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import type { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { nested, rootless, rootOnV1, standard } from '../plan/fixtures.ts';
import { refuseOnHost } from './refusals.ts';

type Patch = Pick<Spec, 'process' | 'linux'>;

const refused = (patch: Patch, host: HostFacts): TsruncError | undefined => {
  const spec = { ...standard, ...patch, linux: { ...standard.linux, ...patch.linux } };
  try {
    refuseOnHost(spec, host);
  } catch (error) {
    return error as TsruncError;
  }
  return undefined;
};

const refusal = (patch: Patch, host: HostFacts = rootOnV1): string => {
  const error = refused(patch, host);
  return error === undefined ? 'accepted' : `${error.code} ${error.place?.pointer} ${error.message}`;
};

const hintOf = (patch: Patch, host: HostFacts): string | undefined => refused(patch, host)?.hint;

const program = { cwd: '/', args: ['/a'] };
const withModules: HostFacts = { ...rootOnV1, lsm: { apparmor: true, selinux: true } };

test.each<[string, Patch]>([
  [
    'UNSUPPORTED /process/apparmorProfile "p" cannot be applied: AppArmor is not active on this host',
    { process: { ...program, apparmorProfile: 'p' } },
  ],
  [
    'UNSUPPORTED /process/selinuxLabel "a:b:c:s0" cannot be applied: SELinux is not active on this host',
    { process: { ...program, selinuxLabel: 'a:b:c:s0' } },
  ],
  [
    'UNSUPPORTED /linux/mountLabel "a:b:c:s0" cannot be applied: SELinux is not active on this host',
    { linux: { mountLabel: 'a:b:c:s0' } },
  ],
])('%s', (expected, patch) => {
  expect(refusal(patch)).toBe(expected);
  expect(refusal(patch, withModules)).toBe('accepted');
});

test('a kernel without filters of system calls', () => {
  const filter: Patch = { linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } } };
  const without: HostFacts = { ...rootOnV1, seccomp: false };
  expect(refusal(filter)).toBe('accepted');
  expect(refusal({}, without)).toBe('accepted');
  expect(refusal(filter, without)).toMatch(
    /^UNSUPPORTED \/linux\/seccomp This kernel \(.*\) has no filters of system calls$/,
  );
  expect(hintOf(filter, without)).toContain('CONFIG_SECCOMP_FILTER');
});

/** A kernel that is built without some namespaces, as those of small devices are. */
const withoutNamespaces = (...names: readonly string[]): HostFacts => ({
  ...rootOnV1,
  namespaces: rootOnV1.namespaces.filter((name) => !names.includes(name)),
});

test.each([
  ['time', 'time', 'CONFIG_TIME_NS'],
  ['cgroup', 'cgroup', 'CONFIG_CGROUP_NS'],
  ['user', 'user', 'CONFIG_USER_NS'],
  ['network', 'net', 'CONFIG_NET_NS'],
  ['ipc', 'ipc', 'CONFIG_IPC_NS'],
] as const)('a kernel without %s namespaces', (type, name, option) => {
  const patch = { linux: { namespaces: [{ type: 'mount' as const }, { type }] } };
  expect(refusal(patch, withoutNamespaces(name))).toBe(
    `UNSUPPORTED /linux/namespaces/1 This kernel (6.1.0) has no ${type} namespaces`,
  );
  expect(hintOf(patch, withoutNamespaces(name))).toContain(option);
  // Who does not ask for them is not concerned.
  expect(refusal({ linux: { namespaces: [{ type: 'mount' }] } }, withoutNamespaces(name))).toBe('accepted');
});

test('an ordinary user needs a user namespace, and cannot move network devices', () => {
  const own = [{ type: 'mount' as const }, { type: 'user' as const }];
  expect(refusal({ linux: { namespaces: [{ type: 'mount' }] } }, rootless)).toBe(
    'UNSUPPORTED /linux/namespaces rootless container requires user namespaces',
  );
  expect(hintOf({ linux: { namespaces: [] } }, rootless)).toContain('spec --rootless');
  expect(refusal({ linux: { namespaces: own } }, rootless)).toBe('accepted');
  expect(refusal({ linux: { namespaces: own, netDevices: { 'a/b': {} } } }, rootless)).toBe(
    'UNSUPPORTED /linux/netDevices/a~1b An ordinary user cannot move network devices into a container',
  );
  // Root of a user namespace can do both there.
  expect(refusal({ linux: { namespaces: [{ type: 'mount' }] } }, nested)).toBe('accepted');
});

test('empty labels, as engines send them, are none', () => {
  const patch = { process: { ...program, apparmorProfile: '', selinuxLabel: '' }, linux: { mountLabel: '' } };
  expect(refusal(patch)).toBe('accepted');
});

test.each([
  [5, 18, 'UNSUPPORTED /linux/seccomp/flags/1 This kernel (5.18.0) has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
  [5, 19, 'accepted'],
  [6, 0, 'accepted'],
])('WAIT_KILLABLE_RECV on Linux %i.%i', (major, minor, expected) => {
  const host = { ...rootOnV1, kernel: { release: `${major}.${minor}.0`, major, minor } };
  const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] as const;
  const seccomp = { defaultAction: 'SCMP_ACT_ALLOW' as const, flags: [...flags] };
  expect(refusal({ linux: { seccomp } }, host)).toBe(expected);
});

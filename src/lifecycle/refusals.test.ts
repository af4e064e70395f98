import { expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import type { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { rootOnV1, standard } from '../plan/fixtures.ts';
import { refuseOnHost } from './refusals.ts';

const refusal = (patch: Pick<Spec, 'process' | 'linux'>, host: HostFacts = rootOnV1): string => {
  const spec = { ...standard, ...patch, linux: { ...standard.linux, ...patch.linux } };
  try {
    refuseOnHost(spec, host);
  } catch (error) {
    const { code, place, message } = error as TsruncError;
    return `${code} ${place?.pointer} ${message}`;
  }
  return 'accepted';
};

const program = { cwd: '/', args: ['/a'] };
const withModules: HostFacts = { ...rootOnV1, lsm: { apparmor: true, selinux: true } };

test.each<[string, Pick<Spec, 'process' | 'linux'>]>([
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

import { describe, expect, test } from 'vitest';
import { features } from './features.ts';
import { validate } from './generated/validate-features.ts';

const facts = {
  kernel: { major: 6, minor: 1 },
  version: '1.2.3',
  commit: 'abc',
  libseccompVersion: '2.5.4',
  checkpoint: false,
};
const document = features(facts);

describe('the features document', () => {
  test('has the shape that the runtime-spec gives it', () => {
    expect(validate(document)).toBe(true);
    expect(document).toMatchObject({ ociVersionMin: '1.0.0', ociVersionMax: '1.3.0' });
  });

  test('has every key that engines look for', () => {
    expect(Object.keys(document)).toEqual([
      'ociVersionMin',
      'ociVersionMax',
      'hooks',
      'mountOptions',
      'linux',
      'annotations',
      'potentiallyUnsafeConfigAnnotations',
    ]);
    expect(Object.keys(document.linux ?? {})).toEqual([
      'namespaces',
      'capabilities',
      'cgroup',
      'seccomp',
      'apparmor',
      'selinux',
      'intelRdt',
      'memoryPolicy',
      'mountExtensions',
      'netDevices',
    ]);
  });

  test('speaks for the tables', () => {
    expect(document.hooks).toHaveLength(6);
    expect(document.mountOptions).toEqual(expect.arrayContaining(['rro', 'ridmap', 'tmpcopyup', 'nosymfollow']));
    expect(document.linux?.namespaces).toEqual(['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts']);
    expect(document.linux?.capabilities).toHaveLength(41);
    expect(document.linux?.seccomp?.actions).toContain('SCMP_ACT_NOTIFY');
    expect(document.potentiallyUnsafeConfigAnnotations).toEqual(['org.systemd.property.', 'org.criu.config']);
    expect(document.linux?.memoryPolicy?.modes).toContain('MPOL_WEIGHTED_INTERLEAVE');
  });

  test('says what is applied', () => {
    expect(document.linux).toMatchObject({
      cgroup: { rdma: true },
      seccomp: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    });
  });

  test('tells flags that the kernel is too old for', () => {
    const flag = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';
    const older = features({ ...facts, kernel: { major: 5, minor: 18 } });
    expect(older.linux?.seccomp?.knownFlags).toContain(flag);
    expect(older.linux?.seccomp?.supportedFlags).not.toContain(flag);
    expect(document.linux?.seccomp?.supportedFlags).toContain(flag);
  });
});

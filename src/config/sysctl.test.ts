import { expect, test } from 'vitest';
import { sysctlNamespace, sysctlPath } from './sysctl.ts';

test.each([
  ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
  ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
  ['net.ipv4.conf.eth0/1.forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
  ['net/ipv4/conf/eth0.1/forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
])('%s is %s', (name, path) => {
  expect(sysctlPath(name)).toBe(path);
});

test.each([
  '',
  'net',
  'net..ipv4',
  '.net',
  'net.',
  '/net/ipv4',
  'net/../kernel/core_pattern',
  'net/./x',
  'net.//.core_pattern',
  'net.a\0b',
])('"%s" is no kernel parameter', (name) => {
  expect(sysctlPath(name)).toBeUndefined();
});

test.each([
  ['net/core/somaxconn', 'network'],
  ['fs/mqueue/msg_max', 'ipc'],
  ['kernel/shm_rmid_forced', 'ipc'],
  ['kernel/domainname', 'uts'],
  ['user/max_user_namespaces', 'user'],
  ['kernel/core_pattern', undefined],
  ['fs/file-max', undefined],
  ['kernel/shmmax/x', undefined],
])('%s belongs to %s', (path, namespace) => {
  expect(sysctlNamespace(path)).toBe(namespace);
});

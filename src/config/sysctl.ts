/** Names of kernel parameters (sysctl): their spelling and the namespace that each belongs to. */
import type { NamespaceType } from './spec.ts';

/**
 * Path below /proc/sys of a kernel parameter, in both spellings of sysctl(8): the first of "." and "/" in the name
 * separates its parts, and the other one is then an ordinary character that stands for ".": "net.ipv4.conf.eth0/1.mtu" and
 * "net/ipv4/conf/eth0.1/mtu" are the same.
 * @returns undefined where it is not such a name; a path that could leave /proc/sys never is
 */
export function sysctlPath(name: string): string | undefined {
  const separator = /[./]/.exec(name)?.[0];
  const parts = separator === '.' ? name.split('.').map((part) => part.replaceAll('/', '.')) : name.split('/');
  const isPart = (part: string): boolean => part !== '' && part !== '.' && part !== '..' && !part.includes('\0');
  return separator !== undefined && parts.every(isPart) ? parts.join('/') : undefined;
}

/** ipc_namespaces(7); the rest of kernel.* is the host's. */
const ipcParameters: ReadonlySet<string> = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel/${name}`,
  ),
);

/** The namespace type that a parameter (as sysctlPath spells it) belongs to; undefined: to the whole host. */
export function sysctlNamespace(path: string): NamespaceType | undefined {
  if (path.startsWith('net/')) return 'network';
  if (path.startsWith('fs/mqueue/') || ipcParameters.has(path)) return 'ipc';
  if (path === 'kernel/domainname' || path === 'kernel/hostname') return 'uts';
  return path.startsWith('user/') ? 'user' : undefined;
}

/** The config.json that `tsrunc spec` writes: a shell in new namespaces with few capabilities. Pure. */
import type { IdMapping, Mount, Namespace, Spec } from '../config/spec.ts';
import { newestSpecVersion } from '../config/spec-version.ts';
import type { IdRange } from '../host/subids.ts';

export interface SpecFacts {
  /** The host has the unified cgroup hierarchy only: the container gets a cgroup namespace then, as with runc. */
  readonly cgroupV2: boolean;
  /** Set for a container that this user runs without privileges. */
  readonly rootless: RootlessUser | undefined;
}

export interface RootlessUser {
  readonly uid: number;
  readonly gid: number;
  /** Ids that newuidmap and newgidmap map for this user; the container has the user's own alone where there are none. */
  readonly subordinate?: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] };
}

const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

export function defaultSpec({ cgroupV2, rootless }: SpecFacts): Spec {
  return {
    ociVersion: newestSpecVersion,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      // No ambient set: without the inheritable one (CVE-2022-29162) the kernel would not raise it.
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'tsrunc',
    mounts: mounts(rootless !== undefined),
    linux: {
      ...(rootless === undefined ? { resources: { devices: [{ allow: false, access: 'rwm' }] } } : idMaps(rootless)),
      namespaces: namespaces(cgroupV2, rootless !== undefined),
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

const idMaps = ({ uid, gid, subordinate }: RootlessUser) => ({
  uidMappings: idMap(uid, subordinate?.uids),
  gidMappings: idMap(gid, subordinate?.gids),
});

/** Root of the container is the user; the ranges follow from 1 on. */
function idMap(own: number, ranges: readonly IdRange[] = []): IdMapping[] {
  const map: IdMapping[] = [{ containerID: 0, hostID: own, size: 1 }];
  let containerID = 1;
  for (const { first, count } of ranges) {
    map.push({ containerID, hostID: first, size: count });
    containerID += count;
  }
  return map;
}

/** An ordinary user keeps the host's network: nothing could connect a new one to it. */
function namespaces(cgroupV2: boolean, rootless: boolean): Namespace[] {
  return [
    { type: 'pid' },
    ...(rootless ? [] : [{ type: 'network' } as const]),
    { type: 'ipc' },
    { type: 'uts' },
    { type: 'mount' },
    ...(rootless ? [{ type: 'user' } as const] : []),
    ...(cgroupV2 ? [{ type: 'cgroup' } as const] : []),
  ];
}

function mounts(rootless: boolean): Mount[] {
  const devpts = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc' },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    // Group 5 is "tty"; in a map of one id it does not exist.
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: rootless ? devpts : [...devpts, 'gid=5'] },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    rootless ? hostSysfs : sysfs,
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
    },
  ];
}

const sysfs: Mount = {
  destination: '/sys',
  type: 'sysfs',
  source: 'sysfs',
  options: ['nosuid', 'noexec', 'nodev', 'ro'],
};

/** The kernel mounts a new sysfs only for the owner of the network namespace. */
const hostSysfs: Mount = {
  destination: '/sys',
  type: 'none',
  source: '/sys',
  options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
};

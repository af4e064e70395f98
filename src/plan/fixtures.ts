/** Hosts and configurations for the tests of the compiler. */
import type { Mount, Namespace, NamespaceType, Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import type { PlanOptions } from './context.ts';

const controllers = [['cpu', 'cpuacct'], ['memory'], ['pids'], ['name=systemd']];

const directoryOf = (names: readonly string[]): string => names.join(',').replace('name=', '');

export const rootOnV1: HostFacts = {
  kernel: { release: '6.1.0', major: 6, minor: 1 },
  user: { euid: 0, egid: 0, privileged: true, inUserNamespace: false, sysResource: true },
  cgroup: {
    layout: 'v1',
    hierarchies: controllers.map((names) => ({
      controllers: names,
      mountpoint: `/sys/fs/cgroup/${directoryOf(names)}`,
      root: '/',
      ownPath: '/user',
    })),
  },
  callerNofile: { soft: 1024n, hard: 1048576n },
  seccomp: true,
  lsm: { apparmor: false, selinux: false },
  namespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'],
};

export const rootOnV2: HostFacts = {
  ...rootOnV1,
  cgroup: {
    layout: 'v2',
    mountpoint: '/sys/fs/cgroup',
    ownPath: '/user.slice',
    controllers: ['cpu', 'memory', 'pids'],
  },
};

/** An ordinary user. */
export const rootless: HostFacts = {
  ...rootOnV2,
  user: { euid: 1000, egid: 1000, privileged: false, inUserNamespace: false, sysResource: false },
};

/** Root of a user namespace that an engine has made, as in rootless podman. */
export const nested: HostFacts = {
  ...rootOnV2,
  user: { euid: 0, egid: 0, privileged: false, inUserNamespace: true, sysResource: false },
};

export const onV1: PlanOptions = {
  id: 'box',
  bundle: '/bundles/box',
  pivot: true,
  newKeyring: true,
  preserveFds: 0,
  listenFds: 0,
  hasListener: true,
  filter: undefined,
  cgroup: {
    kind: 'v1',
    hierarchies: controllers.map((names) => ({
      controllers: names,
      mountpoint: `/sys/fs/cgroup/${directoryOf(names)}`,
      path: '/box',
    })),
  },
  hookState: (status) => ({ prefix: `{"status":"${status}","pid":`, suffix: '}' }),
};

export const onV2: PlanOptions = { ...onV1, cgroup: { kind: 'v2', mountpoint: '/sys/fs/cgroup', path: '/box' } };
export const withoutCgroup: PlanOptions = { ...onV1, cgroup: { kind: 'none' } };

export const namespaces = (...types: readonly NamespaceType[]): Namespace[] => types.map((type) => ({ type }));

/** A new namespace by its type, a joined one as [type, path]. */
export const specWith = (...given: readonly (NamespaceType | readonly [NamespaceType, string])[]): Spec => ({
  ociVersion: '1.3.0',
  linux: {
    namespaces: given.map((one) => (typeof one === 'string' ? { type: one } : { type: one[0], path: one[1] })),
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
  },
});

export const standardMounts: Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

/** What `tsrunc spec` writes, in essence. */
export const standard: Spec = {
  ociVersion: '1.3.0',
  process: {
    terminal: true,
    user: { uid: 0, gid: 0 },
    args: ['sh'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
    cwd: '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  },
  root: { path: 'rootfs', readonly: true },
  hostname: 'box',
  mounts: standardMounts,
  linux: {
    namespaces: namespaces('pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'),
    maskedPaths: ['/proc/kcore', '/sys/firmware'],
    readonlyPaths: ['/proc/sys', '/proc/sysrq-trigger'],
  },
};

/** What an engine writes for a container with everything: hooks, volumes, devices, limits, another user. */
export const full: Spec = {
  ...standard,
  process: {
    ...standard.process,
    cwd: '/srv',
    terminal: false,
    user: { uid: 1000, gid: 1001, additionalGids: [27], umask: 0o077 },
    args: ['/usr/bin/server', '--port', '80'],
    env: ['HOME=/srv', 'A=1', 'A=2'],
    scheduler: { policy: 'SCHED_BATCH', nice: 5, flags: ['SCHED_FLAG_RESET_ON_FORK'] },
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 3 },
    rlimits: [{ type: 'RLIMIT_NPROC', hard: 18446744073709552000, soft: 100 }],
  },
  root: { path: '/var/lib/layers/merged' },
  domainname: 'example.org',
  mounts: [
    ...standardMounts,
    { destination: '/data', type: 'bind', source: 'volumes/data', options: ['rbind', 'rprivate', 'rro', 'nosuid'] },
    { destination: '/etc/resolv.conf', type: 'bind', source: '/var/lib/box/resolv.conf', options: ['bind', 'rw'] },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'tmpcopyup', 'size=1m'] },
  ],
  hooks: {
    prestart: [{ path: '/usr/bin/net', args: ['net', 'up'] }],
    createContainer: [{ path: '/usr/bin/gpu', timeout: 5 }],
    startContainer: [{ path: '/bin/warm', env: ['FAST=1'] }],
  },
  linux: {
    ...standard.linux,
    devices: [
      { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o600, uid: 1000, gid: 1000 },
      { type: 'p', path: '/dev/pipe' },
    ],
    sysctl: { 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eth0.1/forwarding': '1' },
    rootfsPropagation: 'shared',
    personality: { domain: 'LINUX32' },
    memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] },
  },
};

const maps = [{ containerID: 0, hostID: 1000, size: 1 }];

export const rootlessSpec: Spec = {
  ...standard,
  mounts: standardMounts
    .filter(({ type }) => type !== 'sysfs' && type !== 'cgroup')
    .concat([
      { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] },
    ]),
  linux: {
    ...standard.linux,
    namespaces: namespaces('pid', 'ipc', 'uts', 'mount', 'user'),
    uidMappings: maps,
    gidMappings: maps,
  },
};

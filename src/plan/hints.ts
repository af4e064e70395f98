import { missingCallHint } from './missing-call.ts';
import type { Op, OpName } from './ops.ts';

interface Row {
  readonly ops: readonly OpName[];
  readonly errno: readonly string[];
  /** The rest of the condition. */
  readonly when?: (op: Op, failure: { readonly call: string; readonly detail: string }) => boolean;
  readonly hint: string;
}

const isFstype =
  (...fstypes: readonly string[]) =>
  (op: Op): boolean =>
    op.op === 'mount' && fstypes.includes(op.fstype);

const hasIdOption = (op: Op): boolean => op.op === 'mount' && op.options.some((option) => /^[ug]id=/.test(option));

const creating: ReadonlySet<string> = new Set(['mkdirat', 'openat', 'symlinkat', 'mknodat']);

/** The way out by operation and errno; the first row that fits counts. */
const hints: readonly Row[] = [
  {
    ops: ['mount'],
    errno: ['EPERM'],
    when: isFstype('sysfs'),
    hint: 'In a user namespace sysfs needs a network namespace of the container: add {"type": "network"} to linux.namespaces, or bind the host\'s /sys with the options "rbind" and "ro".',
  },
  {
    ops: ['mount'],
    errno: ['EPERM'],
    when: isFstype('proc'),
    hint: 'In a user namespace proc needs a pid namespace of the container, and a /proc outside that nothing is mounted over (in a container inside a container: unmask it there).',
  },
  {
    ops: ['mount'],
    errno: ['EPERM'],
    when: isFstype('mqueue'),
    hint: 'In a user namespace mqueue needs an IPC namespace of the container: add {"type": "ipc"} to linux.namespaces.',
  },
  {
    ops: ['mount'],
    errno: ['EPERM', 'EBUSY'],
    when: isFstype('cgroup', 'cgroup2'),
    hint: 'In a user namespace it needs a cgroup namespace of the container: add {"type": "cgroup"} to linux.namespaces, or leave the mount out.',
  },
  {
    ops: ['mount'],
    errno: ['EINVAL'],
    when: hasIdOption,
    hint: 'The ids in the options "uid=" and "gid=" must be mapped in the user namespace: leave them out, or map them.',
  },
  {
    ops: ['mount'],
    errno: ['EPERM'],
    when: isFstype('overlay'),
    hint: 'In a user namespace overlay needs Linux 5.11, and layers that the mapped user may write.',
  },
  {
    ops: ['mount'],
    errno: ['ENODEV'],
    hint: 'The kernel has no file system of this type (see /proc/filesystems); its module may be missing.',
  },
  {
    ops: ['mount', 'remount'],
    errno: ['EINVAL'],
    when: (_, { call }) => call === 'fsconfig' || call === 'mount',
    hint: 'The file system does not take one of the options, or not this value of it.',
  },
  {
    ops: ['mount'],
    errno: ['ELOOP'],
    when: isFstype('proc', 'sysfs'),
    hint: 'A symbolic link stands in the way in the root file system; for proc and sysfs none is followed.',
  },
  {
    ops: ['mount', 'bind', 'makeDirectory', 'symlink', 'device', 'changeDirectory'],
    errno: ['EROFS'],
    hint: 'It is missing in the root file system, which is read-only: create it in the image.',
  },
  {
    ops: ['mount', 'bind', 'makeDirectory', 'symlink', 'device', 'changeDirectory'],
    errno: ['EACCES', 'EOVERFLOW'],
    when: (_, { call }) => creating.has(call),
    hint: 'It is missing in the root file system, and root of the container may not create it: in a user namespace the root file system must belong to the mapped ids.',
  },
  {
    ops: ['mount', 'bind', 'makeDirectory', 'symlink', 'device', 'changeDirectory', 'maskPath'],
    errno: ['EACCES'],
    when: (_, { call }) => call === 'openat2',
    hint: 'The root file system, or a folder in it on the way there, cannot be entered by the user of the container: look at its owner and its mode (chmod, chown).',
  },
  {
    ops: ['mount'],
    errno: ['EPERM', 'EACCES'],
    when: (_, { detail }) => detail.includes('blockdev'),
    hint: 'The device rules of the container\'s cgroup deny the device: allow it in linux.resources.devices, with access "rw".',
  },
  {
    ops: ['mount'],
    errno: ['EPERM'],
    hint: 'This user may not mount it: in a user namespace only some file systems can be mounted.',
  },
  {
    ops: ['takeGo'],
    errno: ['EPERM', 'EACCES', 'ENOSYS'],
    hint: 'With startContainer hooks, let linux.seccomp allow read, recvfrom or recvmsg.',
  },
  {
    ops: ['bind'],
    errno: ['ENOENT'],
    when: (_, { call }) => call === 'open_tree',
    hint: 'The source of a bind mount must exist on the host.',
  },
  {
    ops: ['bind'],
    errno: ['EACCES'],
    when: (_, { call }) => call === 'open_tree',
    hint: 'The user of the container may not reach the source: look at the permissions of each directory on the way.',
  },
  {
    ops: ['mount', 'bind'],
    errno: ['EINVAL'],
    when: (op, { call }) => (op.op === 'mount' || op.op === 'bind') && op.idmap !== '' && call === 'mount_setattr',
    hint: 'The file system does not support idmapped mounts on this kernel.',
  },
  {
    ops: ['bind'],
    errno: ['EINVAL'],
    when: (op, { call }) => op.op === 'bind' && op.recursive === 0 && call === 'open_tree',
    hint: 'In a user namespace what is mounted below the source must come along: use "rbind". Or else the source is unbindable.',
  },
  {
    ops: ['bind'],
    errno: ['EINVAL'],
    when: (_, { call }) => call === 'open_tree',
    hint: 'The source, or a mount below it, is unbindable.',
  },
  {
    ops: ['bind', 'remount'],
    errno: ['EPERM'],
    when: (_, { call }) => call === 'mount_setattr',
    hint: 'An outer user namespace locks the options that the source is mounted with: others can be added, but none taken away, and the one for access times cannot be changed.',
  },
  {
    ops: ['bind', 'mount', 'device'],
    errno: ['ENOTDIR', 'EISDIR'],
    hint: 'A directory can only be mounted on a directory, and a file on a file: look at what the image has there.',
  },
  {
    ops: ['device'],
    errno: ['EPERM'],
    when: (_, { call }) => call === 'open_tree',
    hint: 'In a user namespace devices are bound from the host, which needs mounts of its own: add {"type": "mount"} to linux.namespaces.',
  },
  {
    ops: ['device'],
    errno: ['EPERM'],
    hint: 'Making devices needs CAP_MKNOD in the initial user namespace; a device that exists on the host can be bound instead.',
  },
  {
    ops: ['device'],
    errno: ['ENOENT', 'ENODEV', 'ENXIO'],
    hint: 'In a user namespace devices come from the host: it must have the same one at the same path.',
  },
  { ops: ['device', 'bind'], errno: ['EEXIST'], hint: 'The image has something else at this path: remove it there.' },
  {
    ops: ['openRoot', 'useRoot'],
    errno: ['ENOENT', 'ENOTDIR', 'ELOOP'],
    hint: 'root.path must name a directory, absolute or relative to the bundle.',
  },
  {
    ops: ['openRoot', 'useRoot'],
    errno: ['EACCES', 'EPERM'],
    hint: 'The host user that root of the container is mapped to needs permission to search each directory on the way (chmod +x).',
  },
  {
    ops: ['pivotRoot'],
    errno: ['EINVAL'],
    hint: 'The root of a ramdisk cannot be pivoted: use --no-pivot.',
  },
  {
    ops: ['setSysctl'],
    errno: ['ENOENT'],
    hint: 'This kernel has no such parameter, or not in a namespace.',
  },
  {
    ops: ['setSysctl'],
    errno: ['EACCES', 'EPERM', 'EROFS'],
    hint: "The container may not write this parameter: its namespace must be the container's own, and in a user namespace some are for root of the host alone (for kernel.domainname there is the field domainname).",
  },
  { ops: ['setSysctl'], errno: ['EINVAL', 'ERANGE'], hint: 'The kernel does not take this value.' },
  {
    ops: ['joinNamespace'],
    errno: ['EPERM'],
    hint: 'Joining needs CAP_SYS_ADMIN in the user namespace that owns it: join that user namespace as well, or run as root.',
  },
  {
    ops: ['joinNamespace'],
    errno: ['EINVAL'],
    hint: 'A process cannot join the user namespace that it is in, nor a pid namespace that is not below its own.',
  },
  {
    ops: ['unshare', 'fork'],
    errno: ['ENOSPC', 'EUSERS'],
    hint: 'Too many namespaces, or nested too deep: see the limits in /proc/sys/user.',
  },
  {
    ops: ['unshare'],
    errno: ['EPERM', 'EACCES'],
    hint: 'This host does not let the user make namespaces: see kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns.',
  },
  {
    ops: ['fork'],
    errno: ['ENOMEM'],
    hint: 'The pid namespace to join has lost its first process and takes no more.',
  },
  {
    ops: ['fork'],
    errno: ['EAGAIN'],
    hint: 'The limit of processes is reached (pids cgroup or RLIMIT_NPROC).',
  },
  {
    ops: ['setTimeOffset'],
    errno: ['ERANGE'],
    hint: 'No clock may become negative, nor pass about 146 years.',
  },
  {
    ops: ['setRlimit'],
    errno: ['EPERM'],
    hint: 'Raising a hard limit needs CAP_SYS_RESOURCE, which this runtime does not have: lower the limit.',
  },
  { ops: ['setRlimit'], errno: ['EINVAL'], hint: 'The soft limit must not be above the hard one.' },
  {
    ops: ['setUser', 'assumeIdentity'],
    errno: ['EINVAL'],
    hint: 'The ids must be mapped in the user namespace: see linux.uidMappings and linux.gidMappings.',
  },
  {
    ops: ['dropGroups'],
    errno: ['EPERM'],
    hint: 'Root needs CAP_SETGID to give up its supplementary groups.',
  },
  {
    ops: ['setUser'],
    errno: ['EPERM'],
    hint: 'An ordinary user cannot set supplementary groups: leave additionalGids out.',
  },
  {
    ops: ['setCapabilities', 'setBoundingCapabilities'],
    errno: ['EPERM'],
    hint: 'A container cannot have capabilities that the runtime itself does not have: take them out of process.capabilities.',
  },
  {
    ops: ['setAffinity'],
    errno: ['EINVAL'],
    hint: "None of these CPUs is there, online and in the container's cpuset: see linux.resources.cpu.cpus.",
  },
  {
    ops: ['setMemoryPolicy'],
    errno: ['EINVAL'],
    hint: "The nodes must be there and in the container's cpuset (linux.resources.cpu.mems), the kernel must know the mode, and the flags must fit it: see set_mempolicy(2).",
  },
  {
    ops: ['setMemoryPolicy'],
    errno: ['ENOSYS'],
    hint: 'This kernel was built without NUMA support (CONFIG_NUMA): leave linux.memoryPolicy out.',
  },
  {
    ops: ['setScheduler', 'setIoPriority'],
    errno: ['EPERM', 'EBUSY'],
    hint: 'This scheduling needs CAP_SYS_NICE, and real-time policies need run time in a v1 cgroup (linux.resources.cpu.realtimeRuntime).',
  },
  {
    ops: ['joinKeyring'],
    errno: ['EDQUOT', 'ENOKEY', 'EACCES', 'EPERM'],
    hint: 'Go without a keyring of its own (--no-new-keyring), or raise kernel.keys.maxkeys.',
  },
  {
    ops: ['joinCgroup'],
    errno: ['ENOSPC'],
    hint: 'The cpuset of the cgroup is empty: set linux.resources.cpu.cpus and mems.',
  },
  {
    ops: ['joinCgroup'],
    errno: ['EINVAL', 'EBUSY'],
    hint: 'The cgroup does not take processes: it may have no real-time run time, or be full.',
  },
  {
    ops: ['joinCgroup'],
    errno: ['ENODEV'],
    hint: 'Somebody removed the cgroup of the container: its processes have ended, or were moved elsewhere.',
  },
  {
    ops: ['joinCgroup'],
    errno: ['EACCES', 'EPERM'],
    hint: 'This user may not place processes in the cgroup.',
  },
  {
    ops: ['openConsole'],
    errno: ['ENOENT', 'ENOTTY', 'ENXIO', 'ENODEV'],
    hint: 'A terminal needs a devpts mounted at /dev/pts of the container.',
  },
  {
    ops: ['changeDirectory'],
    errno: ['EACCES'],
    hint: 'Root of the container may not enter the directory: look at its owner and permissions.',
  },
  {
    ops: ['setHostname', 'setDomainname'],
    errno: ['EPERM'],
    hint: 'The UTS namespace must belong to the container: add {"type": "uts"} to linux.namespaces.',
  },
  {
    ops: ['setSecurityLabel'],
    errno: ['ENOENT'],
    when: (op, { call }) => call === 'write' && op.from === '/process/apparmorProfile',
    hint: 'No AppArmor profile of this name is loaded: load it with apparmor_parser.',
  },
  {
    ops: ['setSecurityLabel', 'setFileLabel'],
    errno: ['EINVAL'],
    hint: 'The security policy that is loaded does not know this label.',
  },
  {
    ops: ['setSecurityLabel', 'setFileLabel'],
    errno: ['EACCES', 'EPERM'],
    hint: 'The security policy does not let the runtime give this label: look at the audit log.',
  },
  { ops: ['loadSeccomp'], errno: ['EACCES'], hint: 'A seccomp filter needs CAP_SYS_ADMIN or process.noNewPrivileges.' },
];

export const hintFor = (
  op: Op,
  errno: string,
  failure: { readonly call: string; readonly detail: string },
): string | undefined =>
  hints.find((row) => row.ops.includes(op.op) && row.errno.includes(errno) && (row.when?.(op, failure) ?? true))
    ?.hint ?? (errno === 'ENOSYS' ? missingCallHint : undefined);

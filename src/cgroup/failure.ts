/** Sentences for what the kernel refuses. */
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { Placed } from './apply.ts';

/** Hints by errno and control file ('*': any file of the controller, '' for making the directory). First match counts. */
const hints: readonly { readonly errno: readonly string[]; readonly file: RegExp; readonly hint: string }[] = [
  {
    errno: ['EBUSY'],
    file: /^memory\.(memsw\.)?limit_in_bytes$/,
    hint: 'Stop processes first, or take a higher limit.',
  },
  {
    errno: ['EINVAL'],
    file: /^memory\.(memsw\.)?limit_in_bytes$/,
    hint: 'memory.swap limits memory and swap together, so it must not be below memory.limit.',
  },
  {
    errno: ['ENOENT', 'EACCES'],
    file: /^memory\.(memsw|swap)\./,
    hint: 'This kernel does not count swap; it may need the boot parameter swapaccount=1.',
  },
  {
    errno: ['EINVAL'],
    file: /^memory\.swappiness$/,
    hint: 'The range of swappiness is 0 to 100 (200 on newer kernels).',
  },
  {
    errno: ['EINVAL'],
    file: /^memory\.use_hierarchy$/,
    hint: 'Since Linux 5.11 memory is always counted hierarchically: leave useHierarchy out.',
  },
  {
    errno: ['EINVAL'],
    file: /^cpu\.(cfs_|max)/,
    hint: 'The period is 1000 to 1000000 us, the quota at least 1000 us, the burst at most the quota, and a parent cgroup may allow less.',
  },
  { errno: ['EINVAL'], file: /^cpu\.weight/, hint: 'A cgroup with cpu.idle=1 has no weight.' },
  { errno: ['EINVAL'], file: /^cpu\.rt_/, hint: 'Real-time run time must first be given to all parent cgroups.' },
  { errno: ['ENOENT', 'EACCES'], file: /^cpu\.rt_/, hint: 'This kernel is built without CONFIG_RT_GROUP_SCHED.' },
  {
    errno: ['ENOENT', 'EACCES'],
    file: /^cpu\.(idle|cfs_burst_us|max\.burst)$/,
    hint: 'This kernel is too old for it (cpu.idle needs 5.15, burst 5.14).',
  },
  {
    errno: ['EACCES', 'EINVAL', 'ERANGE', 'ENOSPC', 'ENODEV'],
    file: /^cpuset\./,
    hint: 'The list must name CPUs or memory nodes that are online and that the parent cgroup has.',
  },
  {
    errno: ['EPERM'],
    file: /^devices\./,
    hint: 'The parent cgroup does not allow these devices, so a child cannot either.',
  },
  { errno: ['EINVAL'], file: /^devices\./, hint: 'The rule cannot be set while the cgroup has children.' },
  {
    errno: ['ENODEV', 'ENXIO'],
    file: /^(blk)?io\./,
    hint: 'There is no whole disk with these numbers (a partition has no limits of its own): see /sys/block/*/dev.',
  },
  {
    errno: ['ENOENT'],
    file: /^(blk)?io\.(bfq\.)?weight/,
    hint: 'Weights need the BFQ scheduler (modprobe bfq), or on cgroup v2 CONFIG_BLK_CGROUP_IOCOST.',
  },
  { errno: ['EOPNOTSUPP'], file: /^(blk)?io\.(bfq\.)?weight/, hint: 'The disk of these numbers has no BFQ scheduler.' },
  {
    errno: ['ENOENT'],
    file: /^hugetlb\./,
    hint: 'The sizes of this host are the names in /sys/kernel/mm/hugepages (2048kB is "2MB").',
  },
  {
    errno: ['ENODEV', 'EINVAL'],
    file: /^net_prio\./,
    hint: 'The interface must exist in the network namespace of the runtime.',
  },
  { errno: ['ENODEV', 'EINVAL'], file: /^rdma\./, hint: 'The RDMA devices of this host are in /sys/class/infiniband.' },
  {
    errno: ['ENOENT'],
    file: /./,
    hint: 'The controller is not enabled here: a parent cgroup with processes of its own cannot enable it for its children.',
  },
  {
    errno: ['EROFS'],
    file: /./,
    hint: 'The cgroup file system is mounted read-only: a container in a container needs it writable.',
  },
  {
    errno: ['EACCES', 'EPERM'],
    file: /./,
    hint: 'This user may not change that cgroup: have it delegated (systemd: Delegate=yes), or run as root.',
  },
  { errno: ['EINVAL', 'ERANGE'], file: /./, hint: 'The kernel does not take this value.' },
];

/** @param file name of the control file */
function hintFor(errno: string | undefined, file: string): string | undefined {
  return hints.find((row) => errno !== undefined && row.errno.includes(errno) && row.file.test(file))?.hint;
}

/**
 * A control file could not be written.
 * @param usage for limits of bytes: how many are in use, which EBUSY is about
 */
export function writeFailed({ write, path, value }: Placed, cause: unknown, usage?: number): TsruncError {
  const errno = errnoName(cause);
  const hint = hintFor(errno, path.slice(path.lastIndexOf('/') + 1));
  const why = errno === 'EBUSY' && usage !== undefined ? `: ${belowUsage(value, usage)}` : '';
  return new TsruncError('CGROUP_FAILED', `Cannot write "${value}" to ${path}: ${errno ?? String(cause)}${why}`, {
    cause,
    ...placeOf(write.from),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** "4 MiB is below what is in use, 9.3 MiB" */
export const belowUsage = (limit: string, usage: number): string =>
  `${readableBytes(Number(limit))} is below what is in use, ${readableBytes(usage)}`;

function readableBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const number = bytes / 1024 ** power;
  return `${Number.isInteger(number) ? number : number.toFixed(1)} ${units[power]}`;
}

/** Anything else that failed on a cgroup directory. @param action "make", "remove", "freeze" */
export function cgroupFailed(action: string, directory: string, cause: unknown): TsruncError {
  const errno = errnoName(cause);
  // Permission is spelled out: engines turn the words into an exit status.
  const words = { EACCES: 'permission denied', EPERM: 'operation not permitted', EROFS: 'read-only file system' };
  const reason = words[errno as keyof typeof words] ?? errno ?? String(cause);
  const hint = hintFor(errno, 'cgroup');
  return new TsruncError('CGROUP_FAILED', `Cannot ${action} the cgroup ${directory}: ${reason}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What `work` answers; a failing system call becomes cgroupFailed. */
export async function onCgroup<T>(action: string, directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TsruncError ? error : cgroupFailed(action, directory, error);
  }
}

/** Place of a field of the container's configuration; nothing for '' (what the runtime itself asks for). */
export function placeOf(pointer: string): { place?: { file: string; pointer: string } } {
  return pointer === '' ? {} : { place: { file: 'config.json', pointer } };
}

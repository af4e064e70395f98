/**
 * What this host is, read once at the edge and passed in from there (HostFacts). Only small kernel files are read, each
 * once and synchronously: this runs before every container.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { cgroupFacts } from './cgroup.ts';
import type { CgroupFacts, HostFacts } from './facts.ts';
import { type Limit, parseCgroup, parseLimit, parseMountinfo, parseStatus } from './parse.ts';

/** Inode of the initial user namespace: fixed by the kernel (PROC_USER_INIT_INO). */
const initialUserNamespace = 'user:[4026531837]';
const capSysAdmin = 21n;
const capSysResource = 24n;
/** The oldest kernel with all of mount_setattr, openat2, clone3 into a cgroup, and pidfds. */
const oldestKernel = { major: 5, minor: 12 } as const;

/**
 * Probe this host and this process.
 * @throws TsruncError SYSTEM when /proc is missing or unreadable.
 */
export function probeHost(): HostFacts {
  const status = parseStatus(readKernelFile('/proc/self/status'));
  const nested = inUserNamespace();
  const has = (capability: bigint): boolean => ((status.effective >> capability) & 1n) === 1n;
  let cgroup: CgroupFacts | undefined;
  return {
    kernel: parseKernel(readKernelFile('/proc/sys/kernel/osrelease').trim()),
    user: {
      euid: status.euid,
      egid: status.egid,
      privileged: has(capSysAdmin) && !nested,
      inUserNamespace: nested,
      sysResource: has(capSysResource),
      // Only a user namespace can have it denied; outside there is nothing to read.
      setgroupsDenied: nested && (readOptional('/proc/self/setgroups') ?? '').trim() === 'deny',
    },
    // A good part of the whole probe, and only what makes a cgroup asks for it: a further process enters one that is known.
    get cgroup() {
      cgroup ??= probeCgroup();
      return cgroup;
    },
    callerNofile: callerNofile(status.ppid),
    seccomp: status.seccomp,
    lsm: probeLsm(),
    namespaces: readdirSync('/proc/self/ns').filter((name) => !name.endsWith('_for_children')),
  };
}

/**
 * Whether this process lives in a user namespace other than the initial one. The map in /proc/self/uid_map cannot tell: a
 * nested namespace may map every id onto itself.
 */
export function inUserNamespace(): boolean {
  return readlinkSync('/proc/self/ns/user') !== initialUserNamespace;
}

/** Parse uname's release, "6.1.0-13-amd64". */
export function parseKernel(text: string): HostFacts['kernel'] {
  const [major, minor] = text.split('.', 2);
  return { release: text, major: Number.parseInt(major ?? '0', 10), minor: Number.parseInt(minor ?? '0', 10) };
}

/**
 * Refuse kernels that lack the system calls which every container needs.
 * @throws TsruncError HOST_UNSUITABLE under Linux 5.12.
 */
export function requireKernel({ kernel }: Pick<HostFacts, 'kernel'>): void {
  const { major, minor } = oldestKernel;
  if (kernel.major > major || (kernel.major === major && kernel.minor >= minor)) return;
  throw new TsruncError('HOST_UNSUITABLE', `tsrunc needs Linux ${major}.${minor} or newer, this is ${kernel.release}`, {
    hint: 'Boot a newer kernel: containers are mounted by calls that older ones do not have (mount_setattr).',
  });
}

function probeCgroup(): CgroupFacts {
  const mounts = readKernelFile('/proc/self/mountinfo');
  return cgroupFacts(
    [...parseMountinfo(mounts, 'cgroup'), ...parseMountinfo(mounts, 'cgroup2')],
    parseCgroup(readOptional('/proc/self/cgroup') ?? ''),
    {
      deviceOf: (path) => {
        const status = statSync(path, { throwIfNoEntry: false });
        return status === undefined ? undefined : deviceNumber(status.dev);
      },
      controllersAt: (mountpoint) => (readOptional(`${mountpoint}/cgroup.controllers`) ?? '').trim(),
    },
  );
}

/** "major:minor" of a st_dev, as mountinfo writes it: the kernel's 12 and 20 bits as makedev(3) spreads them. */
export function deviceNumber(dev: number): string {
  const major = (dev >>> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xf_ff00);
  return `${major}:${minor}`;
}

/**
 * The caller's RLIMIT_NOFILE. The JS engine raised our soft limit before our first line ran, so the parent's is the best
 * witness of what we were started with; the hard limit is untouched, and bounds it where the caller lowered it just
 * before exec.
 */
function callerNofile(ppid: number): HostFacts['callerNofile'] {
  const label = 'Max open files';
  const own = parseLimit(readOptional('/proc/self/limits') ?? '', label);
  const parent = parseLimit(readOptional(`/proc/${ppid}/limits`) ?? '', label);
  return own === undefined || parent === undefined ? undefined : boundLimit(parent, own);
}

/** The witness's soft limit under our own hard limit. */
export function boundLimit(witness: Limit, own: Limit): Limit {
  const { hard } = own;
  return witness.soft > hard ? { soft: hard, hard } : { soft: witness.soft, hard };
}

function probeLsm(): HostFacts['lsm'] {
  const list = readOptional('/sys/kernel/security/lsm')?.trim().split(',');
  if (list !== undefined) return { apparmor: list.includes('apparmor'), selinux: list.includes('selinux') };
  // securityfs is often not mounted in minimal systems and containers.
  return {
    apparmor: readOptional('/sys/module/apparmor/parameters/enabled')?.startsWith('Y') ?? false,
    selinux: readOptional('/sys/fs/selinux/enforce') !== undefined,
  };
}

function readKernelFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const hint = 'Is a procfs mounted at /proc?';
    throw new TsruncError('SYSTEM', `Cannot read ${path}`, { cause, hint });
  }
}

/** Files whose absence or protection is itself an answer: an LSM that is not there, another user's process. */
function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

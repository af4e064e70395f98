/**
 * Pure parsers of the kernel's text files in /proc. Each takes the whole text of one file, so that every kind of host is a
 * test sample. Plain string scanning on purpose: a host can have thousands of mounts, and this runs before every command.
 */

/** One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5). */
export interface MountEntry {
  /** "major:minor" of the file system, as st_dev of its files. */
  readonly device: string;
  /** Root of the mount within its file system. */
  readonly root: string;
  readonly mountpoint: string;
  readonly fstype: string;
  /** Options of the file system (super block), ["rw", "cpu", "cpuacct"]. */
  readonly superOptions: readonly string[];
}

/** One line of /proc/PID/cgroup, see cgroups(7). */
export interface CgroupMembership {
  /** ["cpu", "cpuacct"], ["name=systemd"]; empty for cgroup v2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** What this project needs of /proc/PID/status. */
export interface StatusFacts {
  readonly ppid: number;
  readonly euid: number;
  readonly egid: number;
  /** Effective capabilities as a bit mask. */
  readonly effective: bigint;
  /** The kernel was built with seccomp(2). */
  readonly seccomp: boolean;
}

/** RLIM_INFINITY of the kernel. */
export const unlimited = 2n ** 64n - 1n;

/** Undo the kernel's escapes of blank, tab, newline and backslash in paths ("\040"). */
export function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/**
 * The mounts of one file system type, in the order of the file. Searched for in the whole text, so that the lines of the other
 * types, thousands on some hosts, cost nothing.
 */
export function parseMountinfo(text: string, fstype: string): MountEntry[] {
  const entries: MountEntry[] = [];
  // Optional fields make the line's length vary, but nothing before the type can hold " - ": the kernel escapes blanks in paths.
  const separator = ` - ${fstype} `;
  for (let found = text.indexOf(separator); found >= 0; found = text.indexOf(separator, found + 1)) {
    const end = text.indexOf('\n', found);
    const line = text.slice(text.lastIndexOf('\n', found) + 1, end < 0 ? undefined : end);
    const [, , device, root, mountpoint] = line.split(' ', 5);
    if (device === undefined || root === undefined || mountpoint === undefined) continue;
    const superOptions = line.slice(line.lastIndexOf(' ') + 1).split(',');
    entries.push({ device, root: unescapeOctal(root), mountpoint: unescapeOctal(mountpoint), fstype, superOptions });
  }
  return entries;
}

/** All memberships of /proc/PID/cgroup. The path may hold colons, so only the first two separate. */
export function parseCgroup(text: string): CgroupMembership[] {
  const memberships: CgroupMembership[] = [];
  for (const line of text.split('\n')) {
    const first = line.indexOf(':');
    const second = line.indexOf(':', first + 1);
    if (first < 0 || second < 0) continue;
    const names = line.slice(first + 1, second);
    memberships.push({ controllers: names === '' ? [] : names.split(','), path: line.slice(second + 1) });
  }
  return memberships;
}

/** One row of /proc/PID/limits by its label ("Max open files"); undefined when the row is missing or malformed. */
export function parseLimit(text: string, label: string): Limit | undefined {
  const start = text.indexOf(`\n${label} `);
  if (start < 0) return undefined;
  const end = text.indexOf('\n', start + 1);
  const words = text
    .slice(start + label.length + 1, end < 0 ? undefined : end)
    .split(' ')
    .filter(Boolean);
  const soft = limitValue(words[0]);
  const hard = limitValue(words[1]);
  return soft === undefined || hard === undefined ? undefined : { soft, hard };
}

function limitValue(text: string | undefined): bigint | undefined {
  if (text === 'unlimited') return unlimited;
  const value = Number(text);
  // The kernel's files hold no other integers than these: limits above are "unlimited".
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

/** The needed rows of /proc/PID/status. Throws a plain Error when one is missing: no such kernel exists. */
export function parseStatus(text: string): StatusFacts {
  const field = (name: string): string[] => {
    const start = text.indexOf(`\n${name}:\t`);
    if (start < 0) throw new Error(`/proc/self/status has no line "${name}:"`);
    const from = start + name.length + 3;
    return text.slice(from, text.indexOf('\n', from)).split('\t');
  };
  return {
    ppid: Number(field('PPid')[0]),
    // Uid and Gid: real, effective, saved, file system.
    euid: Number(field('Uid')[1]),
    egid: Number(field('Gid')[1]),
    effective: BigInt(`0x${field('CapEff')[0]}`),
    // proc_pid_status(5): only with CONFIG_SECCOMP.
    seccomp: text.includes('\nSeccomp:\t'),
  };
}

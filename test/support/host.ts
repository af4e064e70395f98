/** What this host is and has, for expectations that differ by the kind of host. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parseCgroup, parseMountinfo } from '../../src/host/parse.ts';

export const repository = join(import.meta.dirname, '..', '..');

/** The runtime under test: $TSRUNC (a path, or a name in PATH), else the executable of `npm run build`. */
export const runtime = process.env.TSRUNC ?? join(repository, 'dist', 'tsrunc');

export const isRoot = process.getuid?.() === 0;

/** True for the unified hierarchy, false for v1 and hybrid hosts. */
export const isCgroupV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');

const capabilityNumbers = { NET_ADMIN: 12, SYS_ADMIN: 21, SYS_RESOURCE: 24, MKNOD: 27 } as const;

/** Whether this process has a capability in its effective set. */
export const hasCapability = (name: keyof typeof capabilityNumbers): boolean => {
  const set = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${set}`) >> BigInt(capabilityNumbers[name])) & 1n) === 1n;
};

/** Whether a program is in PATH. */
export const hasCommand = (name: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Where the host's cgroup hierarchies are mounted. */
export const cgroupRoots = (): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');

/** Whether this host's cgroups have a controller, "memory": newer kernels may lack its files of cgroup v1. */
export const hasController = (name: string): boolean =>
  isCgroupV2
    ? readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ').includes(name)
    : parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'), 'cgroup').some(({ superOptions }) =>
        superOptions.includes(name),
      );

/** The directories of a process's cgroups, one for each mounted hierarchy. */
export const cgroupsOf = (pid: number | 'self' | undefined): string[] => {
  const text = readFileSync('/proc/self/mountinfo', 'utf8');
  const mounts = ['cgroup', 'cgroup2'].flatMap((fstype) => parseMountinfo(text, fstype));
  return parseCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).flatMap(({ controllers: [first], path }) => {
    const mount = mounts.find(({ fstype, superOptions }) =>
      first === undefined ? fstype === 'cgroup2' : superOptions.includes(first),
    );
    return mount === undefined ? [] : [join(mount.mountpoint, path)];
  });
};

/** Paths of the host's cgroup directories whose last component is `name`, in every hierarchy (absolute cgroupsPath: /name). */
export const cgroupDirectories = (name: string): string[] =>
  cgroupRoots()
    .map((root) => join(root, name))
    .filter((path) => existsSync(path));

/**
 * Which mounts of a container criu cannot bring back by itself, because they show something of the host. They are named by a
 * key in the checkpoint, and restore says what each key stands for.
 */
import { posix } from 'node:path';
import type { Mount, Spec } from '../config/spec.ts';
import { unescapeOctal } from '../host/parse.ts';

/** One line of mountinfo (proc_pid_mountinfo(5)). */
export interface MountLine {
  readonly id: string;
  /** "major:minor" of the file system. */
  readonly device: string;
  /** The part of the file system that is mounted. */
  readonly root: string;
  readonly mountpoint: string;
  readonly fstype: string;
}

export function parseMounts(text: string): readonly MountLine[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', , device = '', root = '', mountpoint = ''] = line.split(' ', 5);
    const fstype = line.split(' - ', 2)[1]?.split(' ', 1)[0] ?? '';
    if (fstype === '') return [];
    return [{ id, device, root: unescapeOctal(root), mountpoint: unescapeOctal(mountpoint), fstype }];
  });
}

export interface MountKey {
  readonly key: string;
  readonly val: string;
}

/** Stands for the null device that hides a file; it has the name that runc gives it. */
export const NULL_KEY = '/dev/null';

const isBelow = (path: string, parent: string): boolean =>
  parent === '/' || path === parent || path.startsWith(`${parent}/`);

export const cleanTarget = (destination: string): string => posix.normalize(`/${destination}`).replace(/(.)\/$/, '$1');

export const isBindMount = ({ type, options = [] }: Mount): boolean =>
  type === 'bind' || options.includes('bind') || options.includes('rbind');

const isCgroupMount = ({ type }: Mount): boolean => type === 'cgroup' || type === 'cgroup2';

interface Target {
  readonly mount: Mount;
  /** The destination of the configuration. */
  readonly key: string;
  /** What that is in the container. */
  readonly path: string;
}

/**
 * What a dump has to be told: each external mount and its key.
 * @param resolve a destination of the configuration as it is in the container, without symbolic links
 */
export function dumpedMounts(spec: Spec, lines: readonly MountLine[], resolve: (target: string) => string): MountKey[] {
  const targets = (spec.mounts ?? []).map((mount): Target => {
    const key = cleanTarget(mount.destination);
    return { mount, key, path: resolve(key) };
  });
  const masked = new Set(spec.linux?.maskedPaths?.map((path) => resolve(cleanTarget(path))));
  const hasCgroups = spec.linux?.namespaces?.some(({ type }) => type === 'cgroup') ?? false;
  return lines.flatMap((line) => {
    const { mountpoint, fstype } = line;
    if (mountpoint === '/' || (hasCgroups && /^cgroup2?$/.test(fstype))) return [];
    // A masked directory is a file system of the container's own.
    if (masked.has(mountpoint)) return line.root === '/' ? [] : [{ key: mountpoint, val: NULL_KEY }];
    return externalKey(line, nearest(targets, mountpoint), lines);
  });
}

/** The mount of the configuration that this one is, or is in. */
const nearest = (targets: readonly Target[], mountpoint: string): Target | undefined =>
  targets
    .filter(({ path }) => isBelow(mountpoint, path))
    .toSorted((a, b) => a.path.length - b.path.length)
    .at(-1);

function externalKey(line: MountLine, target: Target | undefined, lines: readonly MountLine[]): MountKey[] {
  const { mountpoint } = line;
  const ofHost = target !== undefined && isBindMount(target.mount);
  if (!ofHost && hasRoot(line, lines)) return [];
  return [
    {
      key: mountpoint,
      val: target === undefined ? mountpoint : posix.join(target.key, mountpoint.slice(target.path.length)),
    },
  ];
}

/** Whether the container has the whole file system, or at least what this mount shows of it, also mounted as its own. */
function hasRoot(line: MountLine, lines: readonly MountLine[]): boolean {
  return lines.some(
    ({ device, root, mountpoint }) =>
      device === line.device && (root === '/' || (mountpoint === '/' && isBelow(line.root, root))),
  );
}

export interface RestoreSources {
  /** Absolute path of the source of a bind mount. */
  readonly sourceOf: (mount: Mount) => string;
  /** The container's own cgroups: name of the directory in a cgroup mount ('' on v2), and its path on the host. */
  readonly cgroups: readonly { readonly name: string; readonly path: string }[];
  /** Mountpoints of the host, for those below the sources of recursive binds. */
  readonly hostMounts: readonly string[];
}

/** What every key that a checkpoint may have stands for now. Keys that it does not have are of no consequence. */
export function restoredMounts(spec: Spec, sources: RestoreSources): MountKey[] {
  const mounts = spec.mounts ?? [];
  const binds = mounts.filter(isBindMount).flatMap((mount) => bindKeys(spec, mount, sources));
  const cgroups = mounts
    .filter(isCgroupMount)
    .flatMap(({ destination }) =>
      sources.cgroups.map(({ name, path }) => ({ key: posix.join(cleanTarget(destination), name), val: path })),
    );
  const devices = [...(spec.linux?.devices ?? []).map(({ path }) => path), ...defaultDevices];
  return [...binds, ...cgroups, ...devices.map((path) => ({ key: path, val: path }))];
}

/** Also the key of what hides files: /dev/null. */
const defaultDevices: readonly string[] = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map(
  (name) => `/dev/${name}`,
);

/** The mount itself, what the host has mounted below its source, and the paths in it that were made read-only. */
function bindKeys(spec: Spec, mount: Mount, { sourceOf, hostMounts }: RestoreSources): MountKey[] {
  const key = cleanTarget(mount.destination);
  const source = sourceOf(mount);
  const below = hostMounts
    .filter((path) => path !== source && isBelow(path, source))
    .map((path) => path.slice(source === '/' ? 0 : source.length));
  const readonly = (spec.linux?.readonlyPaths ?? [])
    .map(cleanTarget)
    .filter((path) => path !== key && isBelow(path, key))
    .map((path) => path.slice(key === '/' ? 0 : key.length));
  return ['', ...below, ...readonly].map((rest) => ({ key: posix.join(key, rest), val: posix.join(source, rest) }));
}

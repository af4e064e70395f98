import { didYouMean } from '../../config/nearest.ts';
import type { CgroupFacts } from '../../host/facts.ts';
import { type CgroupDirectory, type Fragment, refuse, sequence } from '../context.ts';
import { hasOwn, isUnprivileged } from '../namespaces.ts';
import type { Op, OpNamed } from '../ops.ts';
import { bind } from './bind.ts';
import { type Entry, ownAttrs, refuseOptions } from './entry.ts';
import { unchanged } from './filesystem.ts';
import { knownMountOptions, mountAttrs } from './options.ts';

/** config.json says "cgroup" for whatever the host has; "cgroup2" is taken literally. */
export const isCgroup = ({ mount, context }: Entry): boolean =>
  mount.type === 'cgroup' || (mount.type === 'cgroup2' && context.host.cgroup.layout === 'v2');

/** The container's own cgroups at one directory: with a cgroup namespace as file systems of its own, else bound from the host's. */
export function planCgroupMount(entry: Entry): Fragment {
  refuseOptions(entry, 'the cgroup mount', []);
  refuseData(entry);
  const { cgroup } = entry.context.host;
  if (cgroup.layout === 'none') {
    refuse(
      'UNSUPPORTED',
      entry.pointer,
      `This host has no cgroups to mount at "${entry.target}"`,
      'Leave the mount out.',
    );
  }
  return cgroup.layout === 'v2' ? planUnified(entry, cgroup) : planHierarchies(entry, cgroup);
}

/**
 * Options of the one hierarchy of v2 (cgroup-v2.rst "Mounting"). Engines repeat those of the host's mount, as containerd 2 does for
 * privileged containers; the kernel takes them from nobody but the initial cgroup namespace.
 */
const ofHierarchy = new Set([
  'nsdelegate',
  'favordynmods',
  'memory_localevents',
  'memory_recursiveprot',
  'memory_hugetlb_accounting',
  'pids_localevents',
]);

/** There is one instance of each hierarchy, with the options of the host. */
function refuseData({ options, mount, pointer, context }: Entry): void {
  const isUnified = context.host.cgroup.layout === 'v2';
  const unknown = options.data.find(({ option }) => !isUnified || !ofHierarchy.has(option));
  const option = unknown?.option ?? options.superblock[0];
  if (option === undefined) return;
  refuse(
    'CONFIG_INVALID',
    unknown === undefined ? `${pointer}/options` : `${pointer}/options/${unknown.index}`,
    `The cgroup mount at "${mount.destination}" has the option "${option}", but its file systems have the options of the host`,
    didYouMean(option, knownMountOptions()),
  );
}

type V2 = Extract<CgroupFacts, { readonly layout: 'v2' }>;
type V1 = Extract<CgroupFacts, { readonly layout: 'v1' | 'hybrid' }>;

function planUnified(entry: Entry, facts: V2): Fragment {
  const { spec, options } = entry.context;
  if (hasOwn(spec, 'cgroup'))
    return sequence([cgroupMount(entry, { fstype: 'cgroup2', target: entry.target, options: [] })]);
  const { mountpoint, path } =
    options.cgroup.kind === 'v2' ? options.cgroup : { mountpoint: facts.mountpoint, path: facts.ownPath };
  return bind(entry, { source: below(mountpoint, path), recursive: true });
}

/** The layout that programs know from the host: a directory per hierarchy in a tmpfs, and a link for each joint controller. */
function planHierarchies(entry: Entry, facts: V1): Fragment {
  const hierarchies = directories(entry, facts);
  const mounted = hierarchies.map((hierarchy) => planHierarchy(entry, hierarchy));
  const links = hierarchies.flatMap((hierarchy) => planLinks(entry, hierarchy));
  return sequence([holder(entry)], ...mounted, links, closeHolder(entry));
}

/** A container without cgroups of its own stays in the runtime's. */
function directories({ context }: Entry, facts: V1): readonly CgroupDirectory[] {
  if (context.options.cgroup.kind === 'v1') return context.options.cgroup.hierarchies;
  return facts.hierarchies.map(({ controllers, mountpoint, root, ownPath }) => ({
    controllers,
    mountpoint,
    path: root !== '/' && ownPath.startsWith(root) ? ownPath.slice(root.length) : ownPath,
  }));
}

function planHierarchy(entry: Entry, hierarchy: CgroupDirectory): Fragment {
  const target = `${entry.target}/${directoryName(hierarchy)}`;
  if (!hasOwn(entry.context.spec, 'cgroup')) {
    return bind(entry, { source: below(hierarchy.mountpoint, hierarchy.path), recursive: true, target });
  }
  return sequence([cgroupMount(entry, { fstype: 'cgroup', target, options: hierarchy.controllers })]);
}

const directoryName = ({ mountpoint }: CgroupDirectory): string => mountpoint.slice(mountpoint.lastIndexOf('/') + 1);

function planLinks({ target, pointer }: Entry, hierarchy: CgroupDirectory): readonly Op[] {
  const text = directoryName(hierarchy);
  return hierarchy.controllers
    .filter((controller) => controller !== text && !controller.startsWith('name='))
    .map((controller) => ({ op: 'symlink', target: `${target}/${controller}`, text, mustReplace: 0, from: pointer }));
}

interface CgroupMount {
  readonly fstype: string;
  readonly target: string;
  readonly options: readonly string[];
}

const cgroupMount = (
  { mount, options, pointer }: Entry,
  { fstype, target, options: data }: CgroupMount,
): OpNamed<'mount'> => ({
  op: 'mount',
  fstype,
  source: mount.source ?? 'cgroup',
  target,
  options: data,
  attrs: ownAttrs(options).set,
  propagation: options.propagation,
  propagationRecursive: options.propagationRecursive ? 1 : 0,
  noSymlinks: 0,
  copyUp: 0,
  idmap: '',
  from: pointer,
});

/** Writable until the directories of the hierarchies are made in it. */
const holder = (entry: Entry): Op => ({
  ...cgroupMount(entry, { fstype: 'tmpfs', target: entry.target, options: ['mode=755'] }),
  op: 'mount',
  source: 'tmpfs',
  attrs: ownAttrs(entry.options).set & ~mountAttrs.rdonly,
});

function closeHolder({ context, options, target, pointer }: Entry): readonly Op[] {
  if ((ownAttrs(options).set & mountAttrs.rdonly) === 0n) return [];
  const keepLocked = isUnprivileged(context.spec, context.host) ? 1 : 0;
  return [{ op: 'remount', target, ...unchanged, attrsSet: mountAttrs.rdonly, keepLocked, from: pointer }];
}

const below = (mountpoint: string, path: string): string =>
  path === '/' || path === '' ? mountpoint : `${mountpoint}${path}`;

import { didYouMean } from '../../config/nearest.ts';
import { type Fragment, onHost, refuse, sequence } from '../context.ts';
import { isCapable, isUnprivileged, leavesUserNamespace } from '../namespaces.ts';
import type { Op, OpNamed } from '../ops.ts';
import type { FdRequest } from '../plan.ts';
import { type Entry, insideRoot, refuseOptions } from './entry.ts';
import { type Idmap, idmapOf } from './idmap.ts';
import { knownMountOptions } from './options.ts';

/** A bind mount of config.json. Attributes that no option names stay as the source has them. */
export function planBind(entry: Entry): Fragment {
  refuseFileSystemOptions(entry);
  refuseOptions(entry, 'a bind mount', ['copySymlink', 'sourceNoFollow', 'targetNoFollow', 'idmap']);
  const source = sourceOf(entry);
  const bound = bind(entry, { source, recursive: entry.options.bind === 'recursive', idmap: idmapOf(entry) });
  return sequence(bound, closeCgroups(entry, source));
}

/**
 * A misspelled flag ("nosiud") would leave the mount less safe than was asked for. Settings ("mode=755") do nothing: engines
 * pass them on to whatever the mount is, the other runtimes let them pass, and the configuration's rules warn.
 */
export function refuseFileSystemOptions({ mount, options, pointer }: Entry): void {
  const unknown = options.data.find(({ option }) => !option.includes('='));
  if (unknown !== undefined) {
    refuse(
      'CONFIG_INVALID',
      `${pointer}/options/${unknown.index}`,
      `The bind mount at "${mount.destination}" has the option "${unknown.option}", but a bind mount has no file system options of its own`,
      didYouMean(unknown.option, knownMountOptions()),
    );
  }
  const flag = options.superblock[0];
  if (flag === undefined) return;
  refuse(
    'UNSUPPORTED',
    `${pointer}/options`,
    `The option "${flag}" belongs to a file system and cannot be set on the bind mount at "${mount.destination}"`,
  );
}

function sourceOf({ mount, pointer, context }: Entry): string {
  const { source = '' } = mount;
  if (source === '') refuse('CONFIG_INVALID', pointer, `The bind mount at "${mount.destination}" has no source`);
  return onHost(context.options.bundle, source);
}

interface Binding {
  readonly source: string;
  readonly recursive: boolean;
  readonly idmap?: Idmap | undefined;
  /** Where it is not the entry's own target. */
  readonly target?: string;
}

/**
 * Bind a path of the host with the options of the entry. Inside a new or joined user namespace the source may be out of the
 * helper's reach; a capable runtime then opens it.
 */
export function bind(entry: Entry, binding: Binding): Fragment {
  const { context, pointer } = entry;
  const opensTree = leavesUserNamespace(context.spec) && isCapable(context.host);
  const tree = opensTree ? treeOf(entry, binding) : undefined;
  const fds = [...(binding.idmap === undefined ? [] : [binding.idmap.request]), ...(tree === undefined ? [] : [tree])];
  return { ops: [bindOp(entry, binding, tree?.name ?? '', pointer)], fds };
}

function treeOf(
  { options, pointer, target: own }: Entry,
  { source, recursive, idmap, target = own }: Binding,
): FdRequest {
  const request = {
    name: target === own ? `tree:${pointer}` : `tree:${pointer}${target.slice(own.length)}`,
    from: `${pointer}/source`,
    kind: 'tree',
    path: source,
    recursive,
    noFollow: options.switches.has('sourceNoFollow') || options.switches.has('copySymlink'),
  } as const;
  if (idmap === undefined) return request;
  return { ...request, idmap: { userNamespace: idmap.request.name, recursive: idmap.recursive } };
}

function bindOp(entry: Entry, binding: Binding, tree: string, from: string): OpNamed<'bind'> {
  const { options, context } = entry;
  const { source, recursive, idmap, target = entry.target } = binding;
  return {
    op: 'bind',
    source,
    tree,
    target,
    recursive: recursive ? 1 : 0,
    sourceNoFollow: options.switches.has('sourceNoFollow') ? 1 : 0,
    targetNoFollow: options.switches.has('targetNoFollow') ? 1 : 0,
    copyLink: options.switches.has('copySymlink') ? 1 : 0,
    attrsSet: options.attrsSet,
    attrsClear: options.attrsClear,
    recursiveSet: options.recursiveSet,
    recursiveClear: options.recursiveClear,
    propagation: options.propagation,
    propagationRecursive: options.propagationRecursive ? 1 : 0,
    keepLocked: isUnprivileged(context.spec, context.host) ? 1 : 0,
    // A tree that the runtime opened has its mapping already.
    idmap: tree === '' ? (idmap?.request.name ?? '') : '',
    idmapRecursive: tree === '' && idmap?.recursive === true ? 1 : 0,
    from,
  };
}

const CGROUPS = '/sys/fs/cgroup';

/**
 * A recursive bind of what is above the host's cgroup mounts brings them along, writable whatever the options of the top mount
 * say; the container could change the cgroups of its user (CVE-2023-25809). Who binds the cgroups themselves wants just that.
 */
function closeCgroups({ context, options, target, pointer }: Entry, source: string): readonly Op[] {
  if (options.bind !== 'recursive' || !isUnprivileged(context.spec, context.host)) return [];
  const above = insideRoot(source).replace(/\/$/, '');
  if (!CGROUPS.startsWith(`${above}/`)) return [];
  return [{ op: 'readonlyPath', path: target + CGROUPS.slice(above.length), from: pointer }];
}

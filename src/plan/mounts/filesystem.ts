import { type Fragment, refuse } from '../context.ts';
import { isUnprivileged, leavesUserNamespace } from '../namespaces.ts';
import type { Op, OpNamed } from '../ops.ts';
import { refuseFileSystemOptions } from './bind.ts';
import { type Entry, isBind, ownAttrs, refuseOptions } from './entry.ts';
import { type Idmap, idmapOf } from './idmap.ts';
import { mountAttrs } from './options.ts';

/** Made by the kernel without a device: read-only is a matter of the mount, and their instances may be shared with the host. */
const virtual: ReadonlySet<string> = new Set(
  'proc sysfs tmpfs ramfs devpts devtmpfs mqueue cgroup cgroup2 securityfs debugfs tracefs bpf configfs fusectl hugetlbfs'.split(
    ' ',
  ),
);

/** CVE-2019-19921: a volume with symbolic links at the place of /proc could make the runtime write to the wrong files. */
const refusesSymlinks: ReadonlySet<string> = new Set(['proc', 'sysfs']);

/** A new instance of a file system. */
export function planFilesystem(entry: Entry): Fragment {
  const { mount, options, target, pointer } = entry;
  refuseOptions(entry, 'a new file system', ['copyUp', 'idmap']);
  const fstype = fstypeOf(entry);
  const idmap = newIdmap(entry);
  const attrs = ownAttrs(options).set;
  const op: Op = {
    op: 'mount',
    fstype,
    source: mount.source ?? '',
    target,
    options: [...filesystemOptions(entry, fstype), ...labelOption(entry, fstype)],
    attrs: isReadonlyLater(entry) ? attrs & ~mountAttrs.rdonly : attrs,
    propagation: options.propagation,
    propagationRecursive: options.propagationRecursive ? 1 : 0,
    noSymlinks: refusesSymlinks.has(fstype) ? 1 : 0,
    copyUp: options.switches.has('copyUp') ? 1 : 0,
    idmap: idmap?.request.name ?? '',
    from: pointer,
  };
  return { ops: [op, ...planFileLabel(entry, fstype)], fds: idmap === undefined ? [] : [idmap.request] };
}

/**
 * The mapping must come from a user namespace that the one who mounts controls, and the runtime's are not the helper's once
 * that lives in a user namespace of the container.
 */
function newIdmap(entry: Entry): Idmap | undefined {
  const idmap = idmapOf(entry);
  if (idmap === undefined || !leavesUserNamespace(entry.context.spec)) return idmap;
  return refuse(
    'UNSUPPORTED',
    entry.pointer,
    `The new file system at "${entry.mount.destination}" cannot be idmapped in a user namespace of the container`,
    "Leave the mapping out: the file system belongs to the user namespace, and its ids are the container's already.",
  );
}

function fstypeOf({ mount, options, pointer }: Entry): string {
  const { type = '' } = mount;
  if (type === '' || type === 'none') {
    refuse(
      'CONFIG_INVALID',
      pointer,
      `The mount at "${mount.destination}" has no type`,
      'Give it a file system type, or the option "bind" or "rbind".',
    );
  }
  if (options.switches.has('copyUp') && type !== 'tmpfs') {
    refuse(
      'CONFIG_INVALID',
      `${pointer}/options`,
      `The option "tmpcopyup" is for tmpfs, but the mount at "${mount.destination}" is ${type}`,
    );
  }
  return type;
}

/** What fsconfig is told: flags of the superblock, then the options that are the file system's own. */
function filesystemOptions({ options }: Entry, fstype: string): readonly string[] {
  const readonly = !virtual.has(fstype) && (ownAttrs(options).set & mountAttrs.rdonly) !== 0n;
  return [
    ...(readonly ? ['ro'] : []),
    // ext4 alone ever made change counters a choice; others have them always or never.
    ...options.superblock.filter((flag) => flag !== 'i_version' || fstype === 'ext4'),
    ...options.data.map(({ option }) => option),
  ];
}

/** Their files have labels of their own, or, as cgroups, none. */
const labelled = (fstype: string): boolean => !['proc', 'sysfs', 'mqueue'].includes(fstype);

const hasContext = ({ options }: Entry): boolean =>
  options.data.some(({ option }) => /^(fs|def|root)?context=/.test(option));

/** SELinux context of all files of the new file system (config-linux.md "Mount Label"). */
function labelOption(entry: Entry, fstype: string): readonly string[] {
  const label = entry.context.spec.linux?.mountLabel ?? '';
  return label === '' || !labelled(fstype) || hasContext(entry) ? [] : [`context=${label}`];
}

/** The kernel mounts the message queues of an IPC namespace itself, before anybody can say a context. */
function planFileLabel({ context, target }: Entry, fstype: string): readonly Op[] {
  const label = context.spec.linux?.mountLabel ?? '';
  return label === '' || fstype !== 'mqueue' ? [] : [{ op: 'setFileLabel', target, label, from: '/linux/mountLabel' }];
}

/**
 * Files and mount points are still to be made in a tmpfs and in /dev, so these become read-only when all of that is done.
 */
export const isReadonlyLater = (entry: Entry): boolean =>
  !isBind(entry) &&
  !entry.options.switches.has('remount') &&
  (entry.mount.type === 'tmpfs' || entry.target === '/dev') &&
  (ownAttrs(entry.options).set & mountAttrs.rdonly) !== 0n;

/** A remount that changes nothing. */
export const unchanged = {
  attrsSet: 0n,
  attrsClear: 0n,
  recursiveSet: 0n,
  recursiveClear: 0n,
  propagation: 0,
  propagationRecursive: 0,
  options: [],
  keepLocked: 0,
} as const satisfies Omit<OpNamed<'remount'>, 'op' | 'target' | 'from'>;

export const makeReadonly = ({ target, pointer }: Entry): Op => ({
  op: 'remount',
  target,
  ...unchanged,
  attrsSet: mountAttrs.rdonly,
  from: pointer,
});

/** Change what is already mounted there; with `bind` only the mount, otherwise the file system as well (mount(2)). */
export function planRemount(entry: Entry): Fragment {
  const { context, mount, options, target, pointer } = entry;
  refuseOptions(entry, 'a remount', ['remount']);
  if (isBind(entry)) refuseFileSystemOptions(entry);
  const op: Op = {
    op: 'remount',
    target,
    attrsSet: options.attrsSet,
    attrsClear: options.attrsClear,
    recursiveSet: options.recursiveSet,
    recursiveClear: options.recursiveClear,
    propagation: options.propagation,
    propagationRecursive: options.propagationRecursive ? 1 : 0,
    options: isBind(entry) ? [] : filesystemOptions(entry, mount.type ?? 'none'),
    keepLocked: isUnprivileged(context.spec, context.host) ? 1 : 0,
    from: pointer,
  };
  return { ops: [op], fds: [] };
}

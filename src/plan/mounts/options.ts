/**
 * THE mount option table: every option that runtime-spec's config.md ("Linux mount options") lists as MUST, SHOULD or MAY,
 * and what it does. Whatever is not in it goes to the file system as it stands.
 */

/** MOUNT_ATTR_* of linux/mount.h. */
export const mountAttrs = {
  rdonly: 0x1n,
  nosuid: 0x2n,
  nodev: 0x4n,
  noexec: 0x8n,
  noatime: 0x10n,
  strictatime: 0x20n,
  nodiratime: 0x80n,
  nosymfollow: 0x20_0000n,
} as const;

/** The access time attributes are one number in several bits, of which 0 is relatime. */
export const ATIME_FIELD = 0x70n;

/** MS_* of linux/mount.h, as mount_setattr's propagation takes them. */
export const propagations = {
  unbindable: 0x2_0000,
  private: 0x4_0000,
  slave: 0x8_0000,
  shared: 0x10_0000,
} as const;

/** What an option does. */
export type Effect =
  | { readonly kind: 'attrs'; readonly set: bigint; readonly clear: bigint; readonly recursive: boolean }
  | { readonly kind: 'propagation'; readonly propagation: number; readonly recursive: boolean }
  /** A flag of the file system itself (fsconfig), not of this mount of it. */
  | { readonly kind: 'superblock'; readonly flag: string; readonly on: boolean }
  | { readonly kind: 'bind'; readonly recursive: boolean }
  | { readonly kind: 'idmap'; readonly recursive: boolean }
  | { readonly kind: 'switch'; readonly name: Switch }
  | { readonly kind: 'nothing' };

export type Switch = 'remount' | 'copyUp' | 'copySymlink' | 'sourceNoFollow' | 'targetNoFollow';

const set = (attr: keyof typeof mountAttrs): Effect => ({
  kind: 'attrs',
  set: mountAttrs[attr],
  clear: 0n,
  recursive: false,
});
const clear = (attr: keyof typeof mountAttrs): Effect => ({
  kind: 'attrs',
  set: 0n,
  clear: mountAttrs[attr],
  recursive: false,
});
/** The kernel demands that the whole field is cleared when one of its values is set. */
const atime = (value: bigint): Effect => ({ kind: 'attrs', set: value, clear: ATIME_FIELD, recursive: false });
const below = (effect: Effect): Effect => (effect.kind === 'attrs' ? { ...effect, recursive: true } : effect);
const spread = (name: keyof typeof propagations, recursive: boolean): Effect => ({
  kind: 'propagation',
  propagation: propagations[name],
  recursive,
});
const superblock = (flag: string, on: boolean): Effect => ({ kind: 'superblock', flag, on });
const turn = (name: Switch): Effect => ({ kind: 'switch', name });
const nothing: Effect = { kind: 'nothing' };

export const mountOptions = {
  defaults: nothing,

  ro: set('rdonly'),
  rw: clear('rdonly'),
  nosuid: set('nosuid'),
  suid: clear('nosuid'),
  nodev: set('nodev'),
  dev: clear('nodev'),
  noexec: set('noexec'),
  exec: clear('noexec'),
  nodiratime: set('nodiratime'),
  diratime: clear('nodiratime'),
  nosymfollow: set('nosymfollow'),
  symfollow: clear('nosymfollow'),
  noatime: atime(mountAttrs.noatime),
  strictatime: atime(mountAttrs.strictatime),
  relatime: atime(0n),
  atime: atime(0n),
  nostrictatime: atime(0n),
  // The kernel's default is relatime, so mount(2) without MS_RELATIME is no different.
  norelatime: nothing,

  rro: below(set('rdonly')),
  rrw: below(clear('rdonly')),
  rnosuid: below(set('nosuid')),
  rsuid: below(clear('nosuid')),
  rnodev: below(set('nodev')),
  rdev: below(clear('nodev')),
  rnoexec: below(set('noexec')),
  rexec: below(clear('noexec')),
  rnodiratime: below(set('nodiratime')),
  rdiratime: below(clear('nodiratime')),
  rnosymfollow: below(set('nosymfollow')),
  rsymfollow: below(clear('nosymfollow')),
  rnoatime: below(atime(mountAttrs.noatime)),
  rstrictatime: below(atime(mountAttrs.strictatime)),
  rrelatime: below(atime(0n)),
  ratime: below(atime(0n)),
  rnostrictatime: below(atime(0n)),
  rnorelatime: nothing,

  sync: superblock('sync', true),
  async: superblock('sync', false),
  dirsync: superblock('dirsync', true),
  mand: superblock('mand', true),
  nomand: superblock('mand', false),
  lazytime: superblock('lazytime', true),
  nolazytime: superblock('lazytime', false),
  iversion: superblock('i_version', true),
  noiversion: superblock('i_version', false),
  // They say how much the kernel logs when a mount fails; the file system context API keeps that out of the log anyway.
  silent: nothing,
  loud: nothing,

  bind: { kind: 'bind', recursive: false },
  rbind: { kind: 'bind', recursive: true },
  remount: turn('remount'),

  private: spread('private', false),
  rprivate: spread('private', true),
  shared: spread('shared', false),
  rshared: spread('shared', true),
  slave: spread('slave', false),
  rslave: spread('slave', true),
  unbindable: spread('unbindable', false),
  runbindable: spread('unbindable', true),

  tmpcopyup: turn('copyUp'),
  idmap: { kind: 'idmap', recursive: false },
  ridmap: { kind: 'idmap', recursive: true },

  // Not in the runtime-spec; crun has them.
  'src-nofollow': turn('sourceNoFollow'),
  'dest-nofollow': turn('targetNoFollow'),
  'copy-symlink': turn('copySymlink'),
} as const satisfies Readonly<Record<string, Effect>>;

/** Names of all options that the runtime itself understands, sorted (the `features` document). */
export const knownMountOptions = (): string[] => Object.keys(mountOptions).sort();

/** What the options of one mount ask for together; a later option overrides an earlier one. */
export interface ParsedOptions {
  readonly attrsSet: bigint;
  readonly attrsClear: bigint;
  readonly recursiveSet: bigint;
  readonly recursiveClear: bigint;
  /** MS_*; 0: leave it. */
  readonly propagation: number;
  readonly propagationRecursive: boolean;
  readonly superblock: readonly string[];
  readonly bind: 'no' | 'single' | 'recursive';
  readonly idmap: 'no' | 'single' | 'recursive';
  readonly switches: ReadonlySet<Switch>;
  /** Options for the file system, with their place in the list. */
  readonly data: readonly { readonly option: string; readonly index: number }[];
}

const effects: ReadonlyMap<string, Effect> = new Map<string, Effect>(Object.entries(mountOptions));

/** ParsedOptions while it is being read; changed in place, since this is on the path of every start of a container. */
type Draft = { -readonly [K in keyof ParsedOptions]: ParsedOptions[K] } & {
  readonly data: { option: string; index: number }[];
  readonly switches: Set<Switch>;
};

export function parseOptions(options: readonly string[] = []): ParsedOptions {
  const draft: Draft = {
    attrsSet: 0n,
    attrsClear: 0n,
    recursiveSet: 0n,
    recursiveClear: 0n,
    propagation: 0,
    propagationRecursive: false,
    superblock: [],
    bind: 'no',
    idmap: 'no',
    switches: new Set(),
    data: [],
  };
  options.forEach((option, index) => {
    const effect = effects.get(option);
    if (effect === undefined) draft.data.push({ option, index });
    else applyEffect(draft, effect);
  });
  return draft;
}

function applyEffect(draft: Draft, effect: Effect): void {
  switch (effect.kind) {
    case 'attrs':
      changeAttrs(draft, effect);
      return;
    case 'propagation':
      draft.propagation = effect.propagation;
      draft.propagationRecursive = effect.recursive;
      return;
    case 'superblock':
      draft.superblock = withFlag(draft.superblock, effect);
      return;
    case 'bind':
    case 'idmap':
      draft[effect.kind] = effect.recursive ? 'recursive' : 'single';
      return;
    case 'switch':
      draft.switches.add(effect.name);
      return;
    case 'nothing':
      return;
  }
}

type AttrsEffect = Extract<Effect, { readonly kind: 'attrs' }>;

function changeAttrs(draft: Draft, effect: AttrsEffect): void {
  if (effect.recursive) {
    const change = override({ set: draft.recursiveSet, clear: draft.recursiveClear }, effect);
    draft.recursiveSet = change.set;
    draft.recursiveClear = change.clear;
  } else {
    const change = override({ set: draft.attrsSet, clear: draft.attrsClear }, effect);
    draft.attrsSet = change.set;
    draft.attrsClear = change.clear;
  }
}

export interface AttrChange {
  readonly set: bigint;
  readonly clear: bigint;
}

/** The change that has the effect of `first` and then `second`. */
export function override(first: AttrChange, second: AttrChange): AttrChange {
  const keptClear = first.clear & ~(second.set & ~ATIME_FIELD);
  return { set: (first.set & ~second.clear) | second.set, clear: keptClear | second.clear };
}

const withFlag = (
  flags: readonly string[],
  { flag, on }: { readonly flag: string; readonly on: boolean },
): readonly string[] => {
  const others = flags.filter((other) => other !== flag);
  return on ? [...others, flag] : others;
};

/** Attributes as option names, for people. */
export function attrNames(attrs: bigint): string[] {
  return Object.entries(mountAttrs)
    .filter(([, bit]) => (attrs & bit) !== 0n)
    .map(([name]) => (name === 'rdonly' ? 'ro' : name));
}

/** MS_* propagation as an option name; '' for none. */
export function propagationName(propagation: number, recursive: boolean): string {
  const name = Object.entries(propagations).find(([, flag]) => flag === propagation)?.[0] ?? '';
  return recursive && name !== '' ? `r${name}` : name;
}

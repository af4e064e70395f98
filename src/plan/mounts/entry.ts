import type { Mount } from '../../config/spec.ts';
import { type Context, refuse } from '../context.ts';
import { override, type ParsedOptions, parseOptions, type Switch } from './options.ts';

/** One entry of `mounts`, read: what every kind of mount starts from. */
export interface Entry {
  readonly context: Context;
  readonly mount: Mount;
  /** JSON pointer of the entry. */
  readonly pointer: string;
  /** Absolute inside the container, without "." and ".." and trailing slashes. */
  readonly target: string;
  readonly options: ParsedOptions;
}

export function readEntry(context: Context, mount: Mount, index: number): Entry {
  const pointer = `/mounts/${index}`;
  const target = insideRoot(mount.destination);
  if (target === '/') {
    refuse(
      'CONFIG_INVALID',
      `${pointer}/destination`,
      'A mount cannot cover the root of the container',
      'Use root.path instead.',
    );
  }
  const options = parseOptions(mount.options);
  return { context, mount, pointer, target, options };
}

/** A path in the container, lexically clean; a relative one (deprecated since runtime-spec 1.2) is below "/". */
export function insideRoot(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

export const isBind = ({ mount, options }: Pick<Entry, 'mount' | 'options'>): boolean =>
  mount.type === 'bind' || options.bind !== 'no';

type Special = Switch | 'idmap';

const optionOf = {
  remount: 'remount',
  copyUp: 'tmpcopyup',
  copySymlink: 'copy-symlink',
  sourceNoFollow: 'src-nofollow',
  targetNoFollow: 'dest-nofollow',
} as const satisfies Record<Switch, string>;

/** What an option asks for is done or refused, never left out. `taken`: those that mean something for this kind of mount. */
export function refuseOptions(entry: Entry, kind: string, taken: readonly Special[]): void {
  const { mount, options, pointer } = entry;
  const useless = [...options.switches].find((name) => !taken.includes(name));
  if (useless !== undefined) refuseOption(entry, kind, optionOf[useless]);
  if (taken.includes('idmap')) return;
  if (options.idmap !== 'no') refuseOption(entry, kind, options.idmap === 'single' ? 'idmap' : 'ridmap');
  if (mount.uidMappings !== undefined && mount.uidMappings.length > 0) {
    refuse(
      'CONFIG_INVALID',
      `${pointer}/uidMappings`,
      `Mappings of ids cannot be used with ${kind}, as at "${mount.destination}"`,
    );
  }
}

function refuseOption({ mount, pointer }: Entry, kind: string, option: string): never {
  const place = `${pointer}/options/${mount.options?.lastIndexOf(option)}`;
  return refuse(
    'CONFIG_INVALID',
    place,
    `The option "${option}" cannot be used with ${kind}, as at "${mount.destination}"`,
  );
}

/** The attributes of a mount that has nothing below it: recursive options are ordinary ones there. */
export const ownAttrs = ({ attrsSet, attrsClear, recursiveSet, recursiveClear }: ParsedOptions) =>
  override({ set: recursiveSet, clear: recursiveClear }, { set: attrsSet, clear: attrsClear });

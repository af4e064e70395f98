import type { Mount } from '../../config/spec.ts';
import { type Context, refuse } from '../context.ts';
import { override, type ParsedOptions, parseOptions } from './options.ts';

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
  if (options.switches.has('copySymlink')) {
    refuse('UNSUPPORTED', `${pointer}/options`, 'The mount option "copy-symlink" is not supported');
  }
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

/** The attributes of a mount that has nothing below it: recursive options are ordinary ones there. */
export const ownAttrs = ({ attrsSet, attrsClear, recursiveSet, recursiveClear }: ParsedOptions) =>
  override({ set: recursiveSet, clear: recursiveClear }, { set: attrsSet, clear: attrsClear });

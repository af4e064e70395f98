import type { Device } from '../config/spec.ts';
import type { Context } from './context.ts';
import { insideRoot, isBind } from './mounts/entry.ts';
import { parseOptions } from './mounts/options.ts';
import { isUnprivileged } from './namespaces.ts';
import type { Op, OpNamed } from './ops.ts';

/** config-linux.md "Default Devices"; /dev/console and /dev/ptmx are not plain nodes. */
const defaultDevices: readonly Device[] = [
  { type: 'c', path: '/dev/null', major: 1, minor: 3 },
  { type: 'c', path: '/dev/zero', major: 1, minor: 5 },
  { type: 'c', path: '/dev/full', major: 1, minor: 7 },
  { type: 'c', path: '/dev/random', major: 1, minor: 8 },
  { type: 'c', path: '/dev/urandom', major: 1, minor: 9 },
  { type: 'c', path: '/dev/tty', major: 5, minor: 0 },
];

/** runtime-linux.md "Dev symbolic links", and /dev/core, which programs expect as well. */
const links: readonly (readonly [target: string, text: string])[] = [
  ['/dev/fd', '/proc/self/fd'],
  ['/dev/stdin', '/proc/self/fd/0'],
  ['/dev/stdout', '/proc/self/fd/1'],
  ['/dev/stderr', '/proc/self/fd/2'],
  ['/dev/core', '/proc/kcore'],
];

const DEFAULT_MODE = 0o666;
const PERMISSIONS = 0o7777;
const typeBits = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 } as const satisfies Record<
  Device['type'],
  number
>;

const PTMX = '/dev/ptmx';

/** Whether what is seen at /dev was bound from the host. It belongs to the host: nothing is made in it. */
export function isBoundDev({ spec }: Pick<Context, 'spec'>): boolean {
  const dev = spec.mounts?.findLast(
    ({ destination, options = [] }) => insideRoot(destination) === '/dev' && !options.includes('remount'),
  );
  return dev !== undefined && isBind({ mount: dev, options: parseOptions(dev.options) });
}

/** Device nodes and links of /dev. A device of the config takes the place of a default or an earlier one of the same path. */
export function planDevices(context: Context): readonly Op[] {
  if (isBoundDev(context)) return [];
  const configured = (context.spec.linux?.devices ?? []).map((device, index) => ({
    device,
    from: `/linux/devices/${index}`,
  }));
  const taken = new Map(configured.map(({ device }, index) => [insideRoot(device.path), index]));
  const defaults = defaultDevices.filter(({ path }) => !taken.has(path)).map((device) => ({ device, from: '' }));
  const last = configured.filter(({ device }, index) => taken.get(insideRoot(device.path)) === index);
  // The specification wants a link at /dev/ptmx, whatever node is asked for.
  const nodes = [...defaults, ...last.filter(({ device }) => insideRoot(device.path) !== PTMX)];
  return [...nodes.map(({ device, from }) => planDevice(context, device, from)), ...planLinks()];
}

/**
 * Devices cannot be made in a user namespace: the node of the host is bound there. Elsewhere it is the way out when the kernel
 * denies mknod all the same (no CAP_MKNOD). FIFOs need no privilege, and the host's is another one.
 */
function planDevice({ spec, host }: Context, device: Device, from: string): OpNamed<'device'> {
  const path = insideRoot(device.path);
  const isFifo = device.type === 'p';
  return {
    op: 'device',
    path,
    mode: typeBits[device.type] | ((device.fileMode ?? DEFAULT_MODE) & PERMISSIONS),
    major: device.major ?? 0,
    minor: device.minor ?? 0,
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
    fallback: isFifo ? '' : path,
    bindOnly: !isFifo && isUnprivileged(spec, host) ? 1 : 0,
    from,
  };
}

function planLinks(): readonly Op[] {
  const ptmx: Op = { op: 'symlink', target: PTMX, text: 'pts/ptmx', mustReplace: 1, from: '' };
  return [...links.map(([target, text]): Op => ({ op: 'symlink', target, text, mustReplace: 0, from: '' })), ptmx];
}

import type { Mount } from '../config/spec.ts';
import { isBindMount } from '../criu/mounts.ts';
import { type Context, type Fragment, onHost, sequence } from './context.ts';
import { planDevices } from './devices.ts';
import { planMounts } from './mounts/mounts.ts';
import { propagations } from './mounts/options.ts';
import { namespaceFlags, planFirstJoin } from './namespaces.ts';
import type { Op } from './ops.ts';

/** criu as a program that we start: by the same helper, for it starts with clean signals and no descriptors of ours. */
export interface CriuProgram {
  /** Absolute path. */
  readonly path: string;
  readonly searchPath: string;
  /** Descriptors from 3 on that it gets; the first is the socket. */
  readonly fds: number;
}

const reset: Op = { op: 'resetProcess', from: '' };

/** The socket of the conversation is fd 3 (criu(8), swrk). */
export const planCriu = ({ path, searchPath, fds }: CriuProgram): readonly Op[] => [
  { op: 'findProgram', name: path, directories: [], from: '' },
  { op: 'closeFds', preserve: fds, from: '' },
  { op: 'ready', from: '' },
  { op: 'awaitStart', listener: '', from: '' },
  { op: 'exec', args: ['criu', 'swrk', '3'], env: [`PATH=${searchPath}`], from: '' },
];

export const planDump = (program: CriuProgram): readonly Op[] => [reset, ...planCriu(program)];

/**
 * For a restore criu is placed where the container is to be, whose processes are its children. It demands that the root is a
 * mountpoint, which it becomes in a mount namespace that goes with criu.
 */
export const planRestore = (context: Context, program: CriuProgram): Fragment =>
  sequence([reset], planFirstJoin(context), enterMounts(context, 'slave'), planCriu(program));

/**
 * criu mounts, but makes no mountpoints: those that create makes in the root file system are made by mounting as create does,
 * in a mount namespace that nobody keeps. What is no bind mount is a tmpfs here, which needs no other namespace.
 */
export function planMountpoints(context: Context): Fragment {
  const mounts = (context.spec.mounts ?? []).filter(({ options = [] }) => !options.includes('remount')).map(harmless);
  const changed = { ...context, spec: { ...context.spec, mounts } };
  return sequence([reset], enterMounts(context, 'private'), planMounts(changed), planDevices(changed), [
    { op: 'ready', from: '' },
  ]);
}

const harmless = (mount: Mount): Mount =>
  isBindMount(mount) ? mount : { destination: mount.destination, type: 'tmpfs', source: 'tmpfs' };

const enterMounts = ({ spec, options }: Context, kind: keyof typeof propagations): readonly Op[] => [
  { op: 'unshare', flags: namespaceFlags.mount, from: '' },
  { op: 'setPropagation', propagation: propagations[kind], recursive: 1, from: '' },
  { op: 'openRoot', path: onHost(options.bundle, spec.root?.path ?? 'rootfs'), privateParent: 0, from: '/root/path' },
];

/** Set the loopback device of a process's network namespace up. */
export const planLoopbackOf = (pid: number): Fragment => ({
  ops: [
    reset,
    { op: 'joinNamespace', namespace: 'network', flag: namespaceFlags.network, from: '' },
    { op: 'bringLoopbackUp', from: '' },
    { op: 'ready', from: '' },
  ],
  fds: [{ name: 'network', kind: 'namespace', path: `/proc/${pid}/ns/net`, flag: namespaceFlags.network, from: '' }],
});

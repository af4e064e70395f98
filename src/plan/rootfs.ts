import { type Context, onHost, refuse } from './context.ts';
import { propagations } from './mounts/options.ts';
import { hasOwnMounts } from './namespaces.ts';
import type { Op } from './ops.ts';

interface Propagation {
  readonly kind: keyof typeof propagations;
  readonly recursive: boolean;
}

function rootPropagation({ spec }: Context): Propagation | undefined {
  // The runtime-spec names four values; engines also write the recursive ones, as in mount options.
  const asked: string = spec.linux?.rootfsPropagation ?? '';
  if (asked === '') return undefined;
  const recursive = asked.startsWith('r');
  const name = recursive ? asked.slice(1) : asked;
  const kind = (Object.keys(propagations) as readonly (keyof typeof propagations)[]).find((known) => known === name);
  if (kind !== undefined) return { kind, recursive };
  return refuse(
    'CONFIG_INVALID',
    '/linux/rootfsPropagation',
    `"${asked}" is not a mount propagation`,
    'Use private, shared, slave or unbindable.',
  );
}

const PROPAGATION = '/linux/rootfsPropagation';

/** Make the root directory the place that all later targets are resolved under. */
export function planRoot(context: Context): readonly Op[] {
  const { spec, options } = context;
  const path = onHost(options.bundle, spec.root?.path ?? 'rootfs');
  if (!hasOwnMounts(context)) return [{ op: 'useRoot', path: refuseRootChanges(context, path), from: '/root/path' }];
  const before = propagationBefore(rootPropagation(context));
  const privateParent = before.kind === 'shared' || !before.recursive ? 1 : 0;
  return [
    {
      op: 'setPropagation',
      propagation: propagations[before.kind],
      recursive: before.recursive ? 1 : 0,
      from: spec.linux?.rootfsPropagation === undefined ? '' : PROPAGATION,
    },
    { op: 'openRoot', path, privateParent, from: '/root/path' },
  ];
}

/**
 * Mounts made for the container must not appear on the host, so all that came with the namespace becomes at least a slave; only
 * "shared" leaves peers of the host alone, since bind mounts with "rshared" are to reach it. An unbindable root
 * could not be cloned: it is private until it is in place.
 */
function propagationBefore(asked: Propagation | undefined): Propagation {
  if (asked?.kind === 'shared') return asked;
  return { kind: asked === undefined || asked.kind === 'slave' ? 'slave' : 'private', recursive: true };
}

function refuseRootChanges(context: Context, path: string): string {
  const hint = 'Add {"type": "mount"} to linux.namespaces.';
  if (context.spec.root?.readonly === true) {
    refuse('UNSUPPORTED', '/root/readonly', 'A read-only root needs a mount namespace made for the container', hint);
  }
  if (rootPropagation(context) !== undefined) {
    refuse(
      'UNSUPPORTED',
      PROPAGATION,
      'The propagation of the root needs a mount namespace made for the container',
      hint,
    );
  }
  return path;
}

export function planEnterRoot(context: Context): readonly Op[] {
  if (!hasOwnMounts(context)) return [{ op: 'changeRoot', from: '/root/path' }];
  return [{ op: context.options.pivot ? 'pivotRoot' : 'moveRoot', from: '/root/path' }];
}

/**
 * Not recursive: the mounts below have the propagation that their own options ask for. A container without the field keeps
 * what the root has: a slave.
 */
export function planRootPropagation(context: Context): readonly Op[] {
  const asked = hasOwnMounts(context) ? rootPropagation(context) : undefined;
  if (asked === undefined) return [];
  return [
    {
      op: 'setRootAttrs',
      attrsSet: 0n,
      propagation: propagations[asked.kind],
      propagationRecursive: 0,
      from: PROPAGATION,
    },
  ];
}

/** A missing working directory is made (as runc does) while that is possible. */
export function planDirectoryInReadonlyRoot({ spec }: Context): readonly Op[] {
  const cwd = spec.process?.cwd ?? '/';
  if (spec.root?.readonly !== true || cwd === '/') return [];
  return [{ op: 'makeDirectory', target: cwd, mode: 0o755, from: '/process/cwd' }];
}

export const planRootReadonly = (context: Context): readonly Op[] =>
  context.spec.root?.readonly === true
    ? [{ op: 'setRootAttrs', attrsSet: 1n, propagation: 0, propagationRecursive: 0, from: '/root/readonly' }]
    : [];

import type { Spec } from '../config/spec.ts';
import { type ErrorCode, type Place, TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Op } from './ops.ts';
import type { FdRequest } from './plan.ts';

/** Where the container's processes go; the paths are below the mountpoints. */
export type CgroupPlacement =
  | { readonly kind: 'none' }
  | { readonly kind: 'v1'; readonly hierarchies: readonly CgroupDirectory[] }
  | { readonly kind: 'v2'; readonly mountpoint: string; readonly path: string };

export interface CgroupDirectory {
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  readonly path: string;
}

/** Text around the pid in the state that a hook reads on its stdin. */
export interface HookState {
  readonly prefix: string;
  readonly suffix: string;
}

/** What a plan depends on besides the configuration and the host. */
export interface PlanOptions {
  readonly id: string;
  /** Directory of the bundle, absolute. */
  readonly bundle: string;
  /** false: move the root over "/" instead of pivot_root (a ramdisk root cannot be pivoted). */
  readonly pivot: boolean;
  readonly newKeyring: boolean;
  /** Number of file descriptors from 3 on that the program inherits. */
  readonly preserveFds: number;
  /** How many of them are sockets for LISTEN_FDS (sd_listen_fds(3)); 0: none. */
  readonly listenFds: number;
  /** Start is said on the listening socket; false: by the runtime itself. */
  readonly hasListener: boolean;
  readonly cgroup: CgroupPlacement;
  /** The compiled filter of linux.seccomp (struct sock_filter); where it is missing the plan is only to be shown. */
  readonly filter?: Uint8Array | undefined;
  readonly hookState: (status: 'created') => HookState;
}

/** What every topic of the compiler may look at. */
export interface Context {
  readonly spec: Spec;
  readonly host: HostFacts;
  readonly options: PlanOptions;
}

/** Operations, and the file descriptors that they name. */
export interface Fragment {
  readonly ops: readonly Op[];
  readonly fds: readonly FdRequest[];
}

/** Fragments one after the other; plain operations are a fragment without file descriptors. */
export function sequence(...parts: readonly (Fragment | readonly Op[])[]): Fragment {
  const ops: Op[] = [];
  const fds: FdRequest[] = [];
  for (const part of parts) {
    if ('ops' in part) {
      ops.push(...part.ops);
      fds.push(...part.fds);
    } else ops.push(...part);
  }
  return { ops, fds };
}

/** Operations and requests that nobody can change any more: what is shown is what runs. */
export const frozen = ({ ops, fds }: Fragment): Fragment =>
  Object.freeze({
    ops: Object.freeze(ops.map((op) => Object.freeze(op))),
    fds: Object.freeze(fds.map((fd) => Object.freeze(fd))),
  });

/** A path on the host: absolute as it is, otherwise below the bundle (config.md "Root", "Mounts"). */
export const onHost = (bundle: string, path: string): string =>
  path.startsWith('/') ? path : path === '.' ? bundle : `${bundle.replace(/\/+$/, '')}/${path}`;

/** One reference token of a JSON pointer (RFC 6901 section 3). */
export const pointerToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** The configuration asks for something that cannot be planned. */
export function refuse(
  code: ErrorCode & ('CONFIG_INVALID' | 'UNSUPPORTED'),
  pointer: string,
  message: string,
  hint?: string,
): never {
  const place: Place = { file: 'config.json', pointer };
  throw new TsruncError(code, message, hint === undefined ? { place } : { place, hint });
}

import type { FdName, Op } from './ops.ts';

/**
 * A file descriptor that the runtime opens before it sends the plan. The plan stays pure data: it names what it needs,
 * the lifecycle opens it.
 */
export type FdRequest = { readonly name: FdName; readonly from: string } & (
  | { readonly kind: 'namespace'; readonly path: string; readonly flag: number } // verified with NS_GET_NSTYPE
  | {
      readonly kind: 'tree'; // open_tree clone
      readonly path: string;
      readonly recursive: boolean;
      readonly noFollow: boolean;
      /**
       * Mapping to give the tree at once: the kernel lets only the owner of the file system's user namespace do it, which the
       * helper in a user namespace of its own is not.
       */
      readonly idmap?: { readonly userNamespace: FdName; readonly recursive: boolean };
    }
  | { readonly kind: 'userNamespace'; readonly uidMap: readonly IdMap[]; readonly gidMap: readonly IdMap[] } // for idmapped mounts
  | { readonly kind: 'startSocket' } // the listening socket in the container's state directory
  | { readonly kind: 'cgroupTasks'; readonly hierarchy: string } // v1 `tasks` file of the container's cgroup, v2 `cgroup.procs` for ''
  | { readonly kind: 'container' } // pidfd of the container's first process
);

export interface IdMap {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

/** What has to happen in the kernel to make the container, in order; a pure function of (Spec, HostFacts, options). */
export interface Plan {
  /** CLONE_NEW* flags for clone3 itself (others are unshared or joined by the prologue). */
  readonly cloneFlags: number;
  /** Sent right after clone: enter namespaces. Needs no file descriptors but namespaces. */
  readonly prologue: readonly Op[];
  /** Sent when cgroups and state exist: everything else, up to exec. */
  readonly init: readonly Op[];
  readonly fds: readonly FdRequest[];
}

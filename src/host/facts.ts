/**
 * What the compiler and the drivers may know of this host. Probed once at the edge (src/host/probe.ts) and passed in, so
 * that every combination is a unit test on any machine.
 */
export interface HostFacts {
  readonly kernel: { readonly release: string; readonly major: number; readonly minor: number };
  /** Identity and reach of this process. */
  readonly user: {
    readonly euid: number;
    readonly egid: number;
    /** CAP_SYS_ADMIN in the initial user namespace: may mount, place in cgroups, and so on. */
    readonly privileged: boolean;
    /** This process itself lives in a user namespace that is not the initial one (rootless podman, nested). */
    readonly inUserNamespace: boolean;
    /** CAP_SYS_RESOURCE effective: may raise rlimits, lower oom_score_adj. */
    readonly sysResource: boolean;
    /** /proc/self/setgroups says "deny": supplementary groups can be neither set nor dropped. */
    readonly setgroupsDenied?: boolean;
  };
  readonly cgroup: CgroupFacts;
  /** Soft RLIMIT_NOFILE of our caller (the JS engine raised our own); undefined when it cannot be told. */
  readonly callerNofile: { readonly soft: bigint; readonly hard: bigint } | undefined;
  /** The kernel can filter system calls. */
  readonly seccomp: boolean;
  readonly lsm: { readonly apparmor: boolean; readonly selinux: boolean };
  /** Namespace types that the kernel has (/proc/self/ns). */
  readonly namespaces: readonly string[];
}

export type CgroupFacts =
  | {
      readonly layout: 'v1' | 'hybrid';
      /** One per mounted v1 hierarchy, in mount order. */
      readonly hierarchies: readonly CgroupHierarchy[];
    }
  | {
      readonly layout: 'v2';
      readonly mountpoint: string;
      /** This process's own cgroup, as in /proc/self/cgroup. */
      readonly ownPath: string;
      readonly controllers: readonly string[];
    }
  | { readonly layout: 'none' };

export interface CgroupHierarchy {
  /** Controllers mounted together, ["cpu","cpuacct"]; ["name=systemd"] for a named hierarchy. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** Root of the mount within the hierarchy (mountinfo field 4). */
  readonly root: string;
  readonly ownPath: string;
}

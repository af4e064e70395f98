/**
 * The port behind which every way of managing cgroups stands: cgroup v1, v2, systemd, none. Chosen once, by
 * chooseCgroup for a new container and by openCgroup for an existing one.
 */
import type { Resources } from '../config/spec.ts';
import type { CgroupPlace, CgroupRecord } from './record.ts';
import type { Unapplied } from './unapplied.ts';

/** Where the container's processes go, for the planner. */
export type CgroupPlacement =
  | { readonly kind: 'none' }
  /** One per hierarchy; the path is below the mountpoint. */
  | { readonly kind: 'v1'; readonly hierarchies: readonly CgroupPlace[] }
  | { readonly kind: 'v2'; readonly mountpoint: string; readonly path: string };

/** The part of the native addon that device rules on cgroup v2 need. */
export interface DeviceProgramLoader {
  /**
   * Load instructions (struct bpf_insn, 8 bytes each) as a BPF_PROG_TYPE_CGROUP_DEVICE program, licence "Apache-2.0", and attach it to
   * the cgroup directory open at cgroupFd with BPF_F_ALLOW_MULTI; the program lives as long as the cgroup. Throws
   * SystemCallError.
   */
  attachDeviceProgram(cgroupFd: number, instructions: Uint8Array): void;
}

export interface UpdateRequest {
  /** What is to change; no zeros and empty strings that mean "unset" (see controllers/update.ts). */
  readonly asked: Resources;
  /** All limits that hold then, `asked` among them: some values are made of several fields. */
  readonly resources: Resources;
}

/** One control file (or property of systemd) that an update has written. */
export interface Change {
  /** Path of the control file. */
  readonly path: string;
  /** What to write to get back what was; undefined where the kernel does not tell. */
  readonly before: string | undefined;
  readonly after: string;
}

export interface CgroupDriver {
  /**
   * For state.json. Already before create() it is enough to remove everything, so that a crash during it leaves nothing unknown;
   * after it what an ordinary user could not make is no longer in it.
   */
  readonly record: CgroupRecord | undefined;
  /** Final only after create(): hierarchies that this user may not use drop out then. */
  readonly placement: CgroupPlacement;
  /**
   * Whether the cgroup comes before its first process, which is then born in it (CLONE_INTO_CGROUP). Else it is made once that
   * process waits: on v1 it joins by steps of its plan, and systemd has no scope without a process.
   */
  readonly precedes: boolean;
  /** What could not be made and was not asked for, in sentences; filled by create() and apply(). */
  readonly skipped: readonly string[];
  /** What was asked for and this user has no right to, filled by create() and apply(); for root that is an error. */
  readonly unapplied: readonly Unapplied[];
  /** Why the container has no cgroup, as the second half of a sentence; undefined where it has one. Final after create(). */
  readonly absence: string | undefined;
  /** What was asked for and left out all the same, in sentences; filled by apply() and update(). */
  readonly warnings: readonly string[];
  /**
   * Make the directories and, on v2, enable the controllers on the way to them.
   * @param pid the container's first process, which systemd moves; needless where the cgroup precedes it
   * @throws TsruncError CGROUP_FAILED; also when the cgroup exists and is not empty, or is frozen
   */
  create(pid?: number): void | Promise<void>;
  /**
   * Write the limits of a new container; device access is denied but for the rules and the default devices.
   * @throws TsruncError CGROUP_FAILED with file, value and place; UNSUPPORTED for what this layout cannot do
   */
  apply(resources: Resources): Promise<void>;
  /**
   * Change the limits of a container to all that is asked for, or to nothing of it. Device rules stay as they are.
   * @returns what was written, in this order
   * @throws TsruncError as apply(); the message tells whether everything is as before
   */
  update(request: UpdateRequest): Promise<readonly Change[]>;
  /**
   * The container's directory in a v1 hierarchy, by one of its controllers or all of them ("cpu", "cpu,cpuacct").
   * @throws TsruncError CGROUP_FAILED when there is none
   */
  directory(hierarchy: string): string;
  /**
   * The list of processes in a v1 hierarchy, open for the first process to enter by; the caller closes it. A new container's cgroup is
   * made again, with its limits, where it has vanished: systemd removes what is empty in a slice of its own whenever that changes.
   * @throws TsruncError CGROUP_FAILED
   */
  openTasks(hierarchy: string): number;
  /**
   * The first process of a new container has entered by those lists, but for cgroups of v1 that vanished at that moment: they are
   * made again, with their limits, and it is moved there.
   * @throws TsruncError CGROUP_FAILED
   */
  ensureInside(pid: number): void;
  /** The v2 directory opened for CLONE_INTO_CGROUP, -1 where there is none; the caller closes it. */
  openDirectory(): number;
  /** All processes in the cgroup and below, as seen from this pid namespace. */
  pids(): number[];
  /** How many processes the memory limit has killed; 0 where nobody counts. */
  oomKills(): number;
  /**
   * @throws TsruncError CGROUP_FAILED when the processes do not stop within two seconds; they run on then. UNSUPPORTED without a
   *   freezer
   */
  freeze(on: boolean): Promise<void>;
  frozen(): boolean;
  /** Let everybody run who is in the cgroup or below, whoever stopped them: on v1 not even SIGKILL ends a frozen process. */
  thaw(): void;
  /**
   * Signal every process. For SIGKILL new ones cannot escape, and on return none is left or two seconds have passed.
   * @param signal number
   */
  kill(signal: number): Promise<void>;
  /**
   * Remove the directories that create() made, and child cgroups in them.
   * @throws TsruncError CGROUP_FAILED when processes remain after two seconds
   */
  remove(): Promise<void>;
}

/** What the verbs take. The command line and the library make these; src/lifecycle reads them. */
import type { Resources } from '../config/spec.ts';
import type { Place } from '../errors.ts';
import type { Logger } from '../log/logger.ts';
import type { RdtLimits } from '../rdt/change.ts';
import type { Store } from '../store/store.ts';

export type CgroupManager = 'cgroupfs' | 'systemd' | 'disabled';
export type RootlessMode = 'auto' | 'true' | 'false';

/** Options that stand before the verb. */
export interface GlobalOptions {
  /** Absolute path of the directory that holds the containers' state. */
  readonly root: string;
  /** --systemd-cgroup or --cgroup-manager systemd; always equal to `cgroupManager === 'systemd'`. */
  readonly systemdCgroup: boolean;
  readonly cgroupManager: CgroupManager;
  /** Whether errors of cgroup permissions may be ignored; auto: when not privileged. */
  readonly rootless: RootlessMode;
  readonly log: Logger;
}

export interface CreateOptions {
  readonly global: GlobalOptions;
  readonly id: string;
  /** The bundle as `state` reports it: the user's string where that is absolute, else made absolute. */
  readonly bundle: string;
  /** The same directory, absolute and without "..", "." and double slashes: the one to work with. */
  readonly bundlePath: string;
  /** Another file than the bundle's config.json. */
  readonly configFile: string | undefined;
  /** Path of the unix socket that receives the master of the container's terminal. */
  readonly consoleSocket: string | undefined;
  /** Path of the unix socket that receives a pidfd of the container's init. */
  readonly pidfdSocket: string | undefined;
  readonly pidFile: string | undefined;
  /** Descriptors that become the container's standard streams; our own where it is missing. */
  readonly stdio?: readonly [number, number, number];
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** Number of fds from 3 + listenFds on that the container gets besides stdio. */
  readonly preserveFds: number;
  /** Number of socket activation fds from 3 on (LISTEN_FDS with a LISTEN_PID that is us); 0 for none. */
  readonly listenFds: number;
}

export interface RunOptions extends CreateOptions {
  readonly detach: boolean;
  /** Do not delete the container when it has ended. */
  readonly keep: boolean;
  readonly noSubreaper: boolean;
}

/** What a further process of a container has other than the container's own, as a command line says it. */
export interface ProcessChanges {
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  /** NAME=value, added to what the container's process has. */
  readonly env: readonly string[];
  readonly terminal: boolean;
  readonly user: { readonly uid: number; readonly gid: number | undefined } | undefined;
  /** Added to those of the container's process. */
  readonly additionalGids: readonly number[];
  /** Names, added to those of the container's process. */
  readonly capabilities: readonly string[];
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabel: string | undefined;
  readonly noNewPrivileges: boolean | undefined;
}

export interface ExecOptions {
  readonly global: GlobalOptions;
  readonly id: string;
  /** The process: changes of the container's own, or the path of a file that holds another one (runtime-spec `process`). */
  readonly process: ProcessChanges | { readonly file: string };
  readonly detach: boolean;
  /** Path of the unix socket that receives the master of the process's terminal. */
  readonly consoleSocket: string | undefined;
  /** Path of the unix socket that receives a pidfd of the process. */
  readonly pidfdSocket: string | undefined;
  readonly pidFile: string | undefined;
  /** Number of fds from 3 on that the process gets besides stdio. */
  readonly preserveFds: number;
  /** Child cgroup of the container's, by controller; '' for all. */
  readonly cgroups: ReadonlyMap<string, string>;
  /** Enter a paused container, and wait there until it is resumed. */
  readonly ignorePaused: boolean;
}

/** One existing container. */
export interface TargetOptions {
  readonly store: Store;
  readonly id: string;
  readonly log: Logger;
}

export interface KillOptions extends TargetOptions {
  /** Signal number; 0 only asks whether the container can be signalled. */
  readonly signal: number;
  /** Signal every process of the container; no error when it has stopped. */
  readonly all: boolean;
}

export interface DeleteOptions extends TargetOptions {
  /** Kill a container that has not stopped; no error when there is none. */
  readonly force: boolean;
}

export interface UpdateOptions extends TargetOptions {
  readonly resources: Resources;
  /** Schemas of Intel RDT. */
  readonly rdt?: RdtLimits | undefined;
  /** Where a JSON pointer below /linux/resources was asked for, for messages. */
  readonly locate?: (pointer: string) => Place;
}

export interface EventsOptions extends Pick<TargetOptions, 'store' | 'id'> {
  /** Milliseconds from one statistic to the next. */
  readonly intervalMs: number;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions {
  readonly store: Store;
  readonly log: Logger;
}

export type ContainerStatus = 'creating' | 'created' | 'running' | 'paused' | 'stopped';

/** What `state` and `list` tell of a container: the runtime-spec's state (section "State") and what runc adds to it. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  /** Of the container's init as seen from here; 0 when it has stopped. */
  readonly pid: number;
  readonly status: ContainerStatus;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  /** uid of the user who created it. */
  readonly owner: number;
}

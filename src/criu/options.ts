import type { NamespaceType, Spec } from '../config/spec.ts';
import { type CgroupMode, type CriuOpts, cgroupModes, type NetworkLock, networkLocks } from './messages.ts';
import { dumpedMounts, type MountLine, type RestoreSources, restoredMounts } from './mounts.ts';

/** What the command line says of both directions. */
export interface CriuFlags {
  readonly tcpEstablished: boolean;
  readonly extUnixSk: boolean;
  readonly shellJob: boolean;
  readonly fileLocks: boolean;
  readonly autoDedup: boolean;
  readonly lazyPages: boolean;
  readonly manageCgroups: CgroupMode;
  readonly networkLock: NetworkLock | undefined;
}

export interface DumpFlags extends CriuFlags {
  readonly leaveRunning: boolean;
  readonly preDump: boolean;
  readonly parentPath: string | undefined;
  readonly linkRemap: boolean;
  readonly tcpSkipInFlight: boolean;
  readonly pageServer: { readonly address: string; readonly port: number } | undefined;
}

export interface RestoreFlags extends CriuFlags {
  readonly tcpClose: boolean;
  readonly lsmProfile: string | undefined;
  readonly lsmMountContext: string | undefined;
}

/** File descriptors of directories. */
export interface Directories {
  readonly images: number;
  readonly work: number | undefined;
}

const DEBUG_LEVEL = 4;
const CLONE_NEWNET = 0x4000_0000;

export const logFiles = { dump: 'dump.log', restore: 'restore.log' } as const;

/** Fields that are absent rather than undefined: criu tells the two apart. */
const given = <T>(name: string, value: T | undefined): Readonly<Record<string, T>> =>
  value === undefined ? {} : { [name]: value };

function common(flags: CriuFlags, directories: Directories, configFile: string | undefined): CriuOpts {
  return {
    images_dir_fd: directories.images,
    ...given('work_dir_fd', directories.work),
    log_level: DEBUG_LEVEL,
    notify_scripts: true,
    orphan_pts_master: true,
    manage_cgroups: true,
    manage_cgroups_mode: cgroupModes[flags.manageCgroups],
    tcp_established: flags.tcpEstablished,
    ext_unix_sk: flags.extUnixSk,
    shell_job: flags.shellJob,
    file_locks: flags.fileLocks,
    auto_dedup: flags.autoDedup,
    lazy_pages: flags.lazyPages,
    // What is in a network namespace is not ours: hooks and engines put it there, and do it again at restore.
    empty_ns: CLONE_NEWNET,
    ...given('network_lock', flags.networkLock === undefined ? undefined : networkLocks[flags.networkLock]),
    ...given('config_file', configFile),
  };
}

const joinedPath = (spec: Spec, type: NamespaceType): string | undefined =>
  spec.linux?.namespaces?.find((namespace) => namespace.type === type)?.path || undefined;

/** Those that criu takes by descriptor, and the names that runc gives them. */
export const externalNamespaces = [
  { type: 'network', kernel: 'net', key: 'extRootNetNS' },
  { type: 'pid', kernel: 'pid', key: 'extRootPidNS' },
] as const;

export interface DumpSource {
  readonly spec: Spec;
  readonly rootfs: string;
  readonly pid: number;
  readonly mounts: readonly MountLine[];
  /** A path of the configuration as it is in the container. */
  readonly resolve: (target: string) => string;
  /** Inode of a namespace of the container, by its name in /proc/PID/ns. */
  readonly namespaceInode: (kernel: string) => number;
  /**
   * The hierarchies in which it has a cgroup of its own, as /proc/PID/cgroup names them. In others it lies with the rest of the host, whose
   * cgroups criu would take for the container's and make again at restore.
   */
  readonly hierarchies: readonly string[];
  /** Directory of its cgroup that can be frozen. */
  readonly freezer: string | undefined;
  /** Files outside of the container that its streams lead to, in criu's notation. */
  readonly externalFiles: readonly string[];
  readonly directories: Directories;
  /** Of further options for criu. */
  readonly configFile: string | undefined;
}

export function dumpOptions(flags: DumpFlags, source: DumpSource): CriuOpts {
  const { spec, pid, rootfs } = source;
  const joined = externalNamespaces.filter(({ type }) => joinedPath(spec, type) !== undefined);
  return {
    ...common(flags, source.directories, source.configFile),
    ...ownCgroups(flags, source),
    pid,
    root: rootfs,
    log_file: logFiles.dump,
    leave_running: flags.leaveRunning,
    link_remap: flags.linkRemap,
    tcp_skip_in_flight: flags.tcpSkipInFlight,
    ...given('freeze_cgroup', source.freezer),
    ...given('ps', flags.pageServer),
    ...given('parent_img', flags.parentPath),
    ...(flags.parentPath === undefined && !flags.preDump ? {} : { track_mem: true }),
    external: [
      ...joined.map(({ kernel, key }) => `${kernel}[${source.namespaceInode(kernel)}]:${key}`),
      ...source.externalFiles,
    ],
    // A pre-dump is memory alone.
    ext_mnt: flags.preDump ? [] : dumpedMounts(spec, source.mounts, source.resolve),
  };
}

function ownCgroups({ manageCgroups }: CriuFlags, { hierarchies }: DumpSource): CriuOpts {
  if (manageCgroups === 'ignore') return {};
  // To criu an empty list means all. Its mode "ignore" is no way to say none: it dumps the paths then, and restore enters them.
  return { cgroup_dump_controller: hierarchies.length === 0 ? ['no hierarchy'] : hierarchies };
}

export interface RestoreSource extends RestoreSources {
  readonly spec: Spec;
  readonly rootfs: string;
  readonly directories: Directories;
  /** Of further options for criu. */
  readonly configFile: string | undefined;
  /** What criu is to find open, by key, and under which number. */
  readonly inherited: readonly { readonly key: string; readonly fd: number }[];
  /** Where criu itself was placed, by controller ("" on v2). */
  readonly cgroupRoots: readonly { readonly ctrl: string; readonly path: string }[];
}

export function restoreOptions(flags: RestoreFlags, source: RestoreSource): CriuOpts {
  const { spec } = source;
  const byFile = (spec.linux?.namespaces ?? []).filter(
    ({ type, path }) => path && !externalNamespaces.some((one) => one.type === type),
  );
  return {
    ...common(flags, source.directories, source.configFile),
    root: source.rootfs,
    log_file: logFiles.restore,
    evasive_devices: true,
    // The first process becomes our child, and not criu's.
    rst_sibling: true,
    tcp_close: flags.tcpClose,
    ...given('lsm_profile', flags.lsmProfile),
    ...given('lsm_mount_context', flags.lsmMountContext),
    inherit_fd: source.inherited,
    join_ns: byFile.map(({ type, path = '' }) => ({ ns: type === 'mount' ? 'mnt' : type, ns_file: path })),
    cg_root: flags.manageCgroups === 'ignore' ? [] : source.cgroupRoots,
    ext_mnt: restoredMounts(spec, source),
  };
}

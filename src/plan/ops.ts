/**
 * THE table of operations: what the init helper can be asked to do. Declared once, here. The TypeScript types of a plan,
 * the encoder (src/native/encode.ts) and the C++ structs, decoder and dispatch (addon/generated/ops.h, written by
 * scripts/generate-wire.ts) all come from this table, and the wire carries its hash: the helper refuses a plan that it
 * was not built for.
 *
 * An operation is mechanism without defaults: it never looks at its neighbours, and whatever it does stands in its fields.
 * A fact that can only be known inside (is the masked path a file or a directory?) is named by the operation itself.
 *
 * Field types: u32, i64, u64 (bigint in TypeScript), str (UTF-8 without NUL), strs, u32s, bytes, and fd: the name of a
 * file descriptor that the plan asks the runtime for (Plan.fds), '' where there is none.
 */
export type FieldType = 'u32' | 'i64' | 'u64' | 'str' | 'strs' | 'u32s' | 'bytes' | 'fd';
type Fields = Readonly<Record<string, FieldType>>;

export const opTable = {
  // --- who the process is: namespaces, cgroups, session -------------------------------------------------------------
  /** Clear O_NONBLOCK on fds 0-2, default signal dispositions, empty signal mask (the JS engine changes all three). */
  resetProcess: {},
  /**
   * write(fd, "0"): place this thread in the cgroup whose `tasks` (v1) or `cgroup.procs` (v2) file is open at fd; close it.
   * mayVanish: a cgroup that was removed since is no failure; the runtime is asked afterwards (`cgroups`).
   */
  joinCgroup: { file: 'fd', mayVanish: 'u32' },
  /** setns(2); flag is the CLONE_NEW* constant of the namespace, so that the kernel verifies the type. */
  joinNamespace: { namespace: 'fd', flag: 'u32' },
  /** setns(2) on a pidfd: join the namespaces of these CLONE_NEW* types that the process has, all at once (Linux 5.8). */
  joinProcess: { process: 'fd', flags: 'u32' },
  /** unshare(2) of CLONE_NEW* flags. */
  unshare: { flags: 'u32' },
  /** Send a question to the runtime and wait for its go-ahead; question: see `questions`. */
  ask: { question: 'u32' },
  /** setgroups(0). `whereAllowed`: the user namespace may deny it (user_namespaces(7)); the groups stay then. */
  dropGroups: { whereAllowed: 'u32' },
  /** setresgid + setresuid: take an identity inside a user namespace. */
  assumeIdentity: { uid: 'u32', gid: 'u32' },
  /** Write "<clock> <seconds> <nanoseconds>" to /proc/self/timens_offsets; clock: 1 monotonic, 7 boottime. */
  setTimeOffset: { clock: 'u32', seconds: 'i64', nanoseconds: 'u32' },
  /**
   * Continue in a new child (clone3 with these flags and CLONE_PARENT, so that it is the runtime's child) and exit. The
   * child sends a pidfd of itself to the runtime, before anything else. Needed to enter pid and time namespaces.
   */
  fork: { flags: 'u32' },
  /** PR_SET_DUMPABLE 0: processes of a shared pid namespace must not trace or open us (CVE-2016-9962). */
  protect: {},
  /** setsid(2). */
  startSession: {},
  /** Join a new session keyring of this name (keyctl KEYCTL_JOIN_SESSION_KEYRING), searchable by its owner. */
  joinKeyring: { name: 'str' },
  /**
   * Write `value` to the first of `attributes` that this kernel has in /proc/thread-self/attr, through a verified procfs:
   * labels of AppArmor and SELinux.
   */
  setSecurityLabel: { attributes: 'strs', value: 'str' },
  /** Set IFF_UP on `lo` of the present network namespace. */
  bringLoopbackUp: {},

  // --- the root file system; all paths below are resolved inside the root fd ------------------------------------------
  /** mount_setattr(2) on "/" of the mount namespace: propagation is MS_SHARED|MS_SLAVE|MS_PRIVATE|MS_UNBINDABLE. */
  setPropagation: { propagation: 'u32', recursive: 'u32' },
  /**
   * open_tree(2) a recursive clone of the directory `path`, attach it over itself, and keep its fd as the root that all
   * later targets are resolved under. `privateParent`: make the mount that holds it private first (pivot_root demands it).
   */
  openRoot: { path: 'str', privateParent: 'u32' },
  /** Without a mount namespace of its own: only open the directory as the root fd; nothing is mounted. */
  useRoot: { path: 'str' },
  /**
   * A new file system instance: fsopen, fsconfig for each option ("key" or "key=value"), fsmount with `attrs`
   * (MOUNT_ATTR_*), move_mount to `target`, which is created as a directory when it is missing. `source` '' means none.
   * `noSymlinks`: no component of target may be a symbolic link (proc and sysfs, CVE-2019-19921).
   * `copyUp`: copy what the directory held before into the new file system (tmpcopyup).
   * `idmap`: user namespace whose mapping the mount takes (mount_setattr MOUNT_ATTR_IDMAP).
   */
  mount: {
    fstype: 'str',
    source: 'str',
    target: 'str',
    options: 'strs',
    attrs: 'u64',
    propagation: 'u32',
    propagationRecursive: 'u32',
    noSymlinks: 'u32',
    copyUp: 'u32',
    idmap: 'fd',
  },
  /**
   * Bind: open_tree(2) a clone of `source` (a path of the host) or take `tree` (opened by the runtime where the container's
   * user could not), set and clear attributes on the top mount and, apart from that, recursively; move_mount to `target`,
   * created like the source (directory or empty file) when missing. With `keepLocked`, an attribute that may not be
   * cleared because an outer user namespace locked it stays as it is. With `copyLink`, a source that is a symbolic link is
   * not mounted: a link with the same text is made at `target` (EEXIST where something else is there).
   */
  bind: {
    source: 'str',
    tree: 'fd',
    target: 'str',
    recursive: 'u32',
    sourceNoFollow: 'u32',
    targetNoFollow: 'u32',
    copyLink: 'u32',
    attrsSet: 'u64',
    attrsClear: 'u64',
    recursiveSet: 'u64',
    recursiveClear: 'u64',
    propagation: 'u32',
    propagationRecursive: 'u32',
    keepLocked: 'u32',
    idmap: 'fd',
    idmapRecursive: 'u32',
  },
  /**
   * Change what is mounted at target: attributes of the mounts below and of the mount itself, its propagation and, where
   * `options` is not empty, the file system.
   */
  remount: {
    target: 'str',
    attrsSet: 'u64',
    attrsClear: 'u64',
    recursiveSet: 'u64',
    recursiveClear: 'u64',
    propagation: 'u32',
    propagationRecursive: 'u32',
    options: 'strs',
    keepLocked: 'u32',
  },
  /** Create a symbolic link at `target` holding `text`; an existing entry is left (mustReplace 0) or replaced (1). */
  symlink: { target: 'str', text: 'str', mustReplace: 'u32' },
  /** mkdir -p inside the root. */
  makeDirectory: { target: 'str', mode: 'u32' },
  /**
   * mknodat with exactly `mode` (with S_IFCHR, S_IFBLK or S_IFIFO), then owner. Where the kernel denies mknod (EPERM) and
   * `fallback` is not empty, or `bindOnly` is set, the host's node at `fallback` is bound instead, after verifying its type and numbers.
   */
  device: {
    path: 'str',
    mode: 'u32',
    major: 'u32',
    minor: 'u32',
    uid: 'u32',
    gid: 'u32',
    fallback: 'str',
    bindOnly: 'u32',
  },
  /** Give what is at target an SELinux label (extended attribute security.selinux). */
  setFileLabel: { target: 'str', label: 'str' },
  /** Hide a path: a file behind a verified /dev/null, a directory behind one shared empty read-only tmpfs, with an SELinux context unless `label` is ''; missing: nothing. */
  maskPath: { path: 'str', label: 'str' },
  /** Make a path read-only by binding it on itself, with what is mounted below; missing: nothing. */
  readonlyPath: { path: 'str' },
  /** Program run in the container's namespaces before pivot_root or after start; `stdin` is statePrefix + pid + stateSuffix. */
  runHook: {
    path: 'str',
    args: 'strs',
    env: 'strs',
    timeoutSeconds: 'u32',
    statePrefix: 'str',
    stateSuffix: 'str',
  },
  /** fchdir(root), pivot_root(".", "."), detach the old root. */
  pivotRoot: {},
  /** Without pivot_root: move_mount the root over "/" and chroot into it (--no-pivot; a ramdisk root). */
  moveRoot: {},
  /** chroot into the root fd (no mount namespace of its own). */
  changeRoot: {},
  /** mount_setattr on "/" after the change of root. */
  setRootAttrs: { attrsSet: 'u64', propagation: 'u32', propagationRecursive: 'u32' },
  /**
   * A new terminal of the container's devpts (/dev/pts/ptmx, TIOCGPTPEER), its window size where both are not 0, owner uid,
   * bound over /dev/console where `bindConsole` (1: made when missing; 2: only over one that is there), the controlling terminal and fds 0-2 of this process. The other end
   * goes to the runtime.
   */
  openConsole: { width: 'u32', height: 'u32', uid: 'u32', bindConsole: 'u32' },

  // --- kernel state of the namespaces ----------------------------------------------------------------------------------
  setHostname: { name: 'str' },
  setDomainname: { name: 'str' },
  /** Write to /proc/sys/<path> through a verified procfs (CVE-2025-52881); path as "net/ipv4/ip_forward". */
  setSysctl: { path: 'str', value: 'str' },

  // --- the process -----------------------------------------------------------------------------------------------------
  setRlimit: { resource: 'u32', soft: 'u64', hard: 'u64' },
  setPersonality: { persona: 'u32' },
  /** sched_setattr(2). */
  setScheduler: {
    policy: 'u32',
    flags: 'u64',
    nice: 'i64',
    priority: 'u32',
    runtime: 'u64',
    deadline: 'u64',
    period: 'u64',
  },
  /** ioprio_set(2) with (class << 13 | priority). */
  setIoPriority: { value: 'u32' },
  /**
   * sched_setaffinity(2) of this thread; cpus is a bit mask, least significant byte first. Empty: every CPU that its cgroup
   * allows.
   */
  setAffinity: { cpus: 'bytes' },
  /** set_mempolicy(2); nodes is a bit mask, least significant byte first. */
  setMemoryPolicy: { mode: 'u32', nodes: 'bytes' },
  /** Make path, with `create` made when missing, the working directory, and prove that it lies inside the root (CVE-2024-21626). */
  changeDirectory: { path: 'str', create: 'u32' },
  setUmask: { mask: 'u32' },
  /** prctl PR_CAPBSET_DROP of every capability that is not in `keep`. */
  setBoundingCapabilities: { keep: 'u64' },
  /** PR_SET_KEEPCAPS, setgroups (where setGroups), setresgid, setresuid. */
  setUser: { uid: 'u32', gid: 'u32', groups: 'u32s', setGroups: 'u32' },
  setCapabilities: { effective: 'u64', permitted: 'u64', inheritable: 'u64', ambient: 'u64' },
  /** capset(2) and nothing else, for a process whose filter may deny the rest; takes away only. */
  narrowCapabilities: { effective: 'u64', permitted: 'u64', inheritable: 'u64' },
  setNoNewPrivileges: {},
  /** seccomp(2) SECCOMP_SET_MODE_FILTER; `notify`: ask for a listener fd and send it to the runtime. */
  loadSeccomp: { filter: 'bytes', flags: 'u32', notify: 'u32' },
  /**
   * Where one of fds 0-2 is the null device of the host, put that of the container in its place: nothing of the host's mounts
   * stays open. A container without a null device keeps what it has.
   */
  adoptNull: {},
  /** Find the program (in `directories` when name has no slash) and check that it can be executed; remembered for exec. */
  findProgram: { name: 'str', directories: 'strs' },
  /** HOME for exec, from the container's /etc/passwd entry of uid, "/" when there is none. */
  findHome: { uid: 'u32' },
  /** Everything above fd 2 + preserve is closed on exec. */
  closeFds: { preserve: 'u32' },
  /** Tell the runtime that all is prepared. */
  ready: {},
  /** Wait for `start`: a connection on the listening socket, or, where there is none, the word of the runtime itself. */
  awaitStart: { listener: 'fd' },
  /**
   * Read the go that was sent behind the first one by whoever gave the word to start. Unread it makes the end of this process a
   * reset for him (ECONNRESET), where execve closes: he learns that the hooks before did not come to their end.
   */
  takeGo: {},
  /** execve the program that findProgram found; PATH look-up is not repeated. */
  exec: { args: 'strs', env: 'strs' },

  // --- the monitor: what the runtime becomes during a foreground `run` ----------------------------------------------------
  /**
   * Forward signals to the container, relay between its terminal (`terminal`) and ours (fd 0, 1; raw mode, window size),
   * reap orphans, until the process ends; its status is remembered.
   */
  supervise: { pid: 'u32', pidfd: 'fd', terminal: 'fd' },
  /**
   * Remove cgroup directories (rmdir, with retries for `graceMilliseconds`), their `parents` unless others use them, files,
   * then directories. Where a cgroup does not go, or `always`, all that would follow is left to `fallback` (argv of the
   * runtime's own delete), which is run and waited for.
   */
  cleanUp: {
    cgroups: 'strs',
    parents: 'strs',
    files: 'strs',
    directories: 'strs',
    graceMilliseconds: 'u32',
    fallback: 'strs',
    always: 'u32',
  },
  /** exit with the status of the supervised process, 128+n when signal n ended it. */
  exitAsProcess: {},
} as const satisfies Readonly<Record<string, Fields>>;

export type OpName = keyof typeof opTable;

interface Wire {
  u32: number;
  i64: number;
  u64: bigint;
  str: string;
  strs: readonly string[];
  u32s: readonly number[];
  bytes: Uint8Array;
  fd: FdName;
}

/** Name of a file descriptor that the runtime opens for the plan and hands to the helper; '' for none. */
export type FdName = string;

type OpOf<N extends OpName> = {
  /** JSON pointer of the config field that asked for this; '' where the runtime itself did. */
  readonly from: string;
  readonly op: N;
} & {
  readonly [K in keyof (typeof opTable)[N]]: (typeof opTable)[N][K] extends FieldType
    ? Wire[(typeof opTable)[N][K]]
    : never;
};

/** One operation: a frozen record with its tag `op`. */
export type Op = { [N in OpName]: OpOf<N> }[OpName];
export type OpNamed<N extends OpName> = Extract<Op, { readonly op: N }>;

/** What the helper may ask the runtime (op `ask`). */
export const questions = {
  /** Write uid_map, gid_map and setgroups of the asking process. */
  idMaps: 1,
  /** Run the prestart and createRuntime hooks. */
  runtimeHooks: 2,
  /** Set the resource limits from outside, where raising them needs the initial user namespace. */
  rlimits: 3,
  /** Move network devices into the network namespace of the asking process. */
  netDevices: 4,
  /** Look whether the asking process is in its cgroups; make again what vanished, and place it there. */
  cgroups: 5,
} as const;
export type Question = keyof typeof questions;

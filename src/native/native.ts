/**
 * The typed boundary to the addon: one object in, one object out; no N-API detail leaves it. Everything here is mechanism
 * and none of it reads config.json. Every failing system call is thrown as a SystemCallError.
 *
 * The conversation with the init helper, one SOCK_SEQPACKET socket pair per container:
 *
 *   runtime (tsrunc)                                  init helper (static, from a sealed memfd)
 *   spawn ── clone3, execveat ───────────────────────▶ waits for a part
 *   part(prologue) + fds ────────────────────────────▶ runs it: joins and makes namespaces
 *         ◀──────────────────────── ask(idMaps) ────── (new user namespace)
 *   writes uid_map, gid_map; go ─────────────────────▶
 *         ◀──────────────────────── forked + pidfd ─── (pid or time namespace: the child goes on with the same part)
 *   part(init) + fds, in pieces ─────────────────────▶ joins its cgroups (v1)
 *         ◀──────────────────────── ask(cgroups) ───── (v1)
 *   makes again those that vanished; go ─────────────▶ builds the root file system
 *         ◀──────────────────────── ask(runtimeHooks)
 *   runs prestart, createRuntime; go ────────────────▶ createContainer hooks, pivot_root, process attributes
 *         ◀──────────────────────── console + fd ───── (terminal)
 *         ◀──────────────────────── notify + fd ────── (seccomp listener)
 *         ◀──────────────────────── ready ───────────── waits for start
 *   at any time
 *         ◀──────────────────────── failed{step, errno, call, detail}; the helper exits
 *   the runtime closes the socket before ready: the helper exits
 */

export interface SpawnRequest {
  /** CLONE_NEW* flags for clone3. */
  readonly cloneFlags: number;
  /** Directory fd of a cgroup v2 cgroup for CLONE_INTO_CGROUP; -1 for none. */
  readonly cgroupFd: number;
  /** What becomes fds 0, 1, 2 of the container. */
  readonly stdio: readonly [number, number, number];
  /** Further fds for the container, which become 3, 4, ... in this order (--preserve-fds, LISTEN_FDS). */
  readonly extraFds: readonly number[];
}

export interface Spawned {
  readonly pid: number;
  readonly pidfd: number;
  /** Our end of the conversation. */
  readonly socket: number;
}

export type Message =
  | { readonly kind: 'ask'; readonly question: number }
  | { readonly kind: 'forked'; readonly pid: number; readonly pidfd: number }
  | { readonly kind: 'console'; readonly fd: number }
  | { readonly kind: 'notify'; readonly fd: number }
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'failed';
      /** Index of the op, counted over all parts sent so far. */
      readonly step: number;
      readonly errno: number;
      /** The system call that failed, "mount_setattr". */
      readonly call: string;
      /** What the call was about, where that is not in the op (a path component, a hook's end). */
      readonly detail: string;
    }
  /** The other side closed: it died, or execve succeeded. `unread`: it had not received all that was sent. */
  | { readonly kind: 'closed'; readonly unread: boolean };

export interface TreeRequest {
  readonly path: string;
  readonly recursive: boolean;
  readonly noFollow: boolean;
  /** User namespace (an open fd) whose mapping the tree takes: its top mount alone, or all of its mounts. */
  readonly idmap?: { readonly userNamespace: number; readonly recursive: boolean };
}

export interface IdMapEntry {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

export interface NetDeviceMove {
  /** Network namespaces, open. */
  readonly from: number;
  readonly to: number;
  readonly name: string;
  /** Name in the other namespace; "eth%d": the kernel chooses the number. */
  readonly newName: string;
  /** Set it up there. */
  readonly up: boolean;
}

export interface MovedNetDevice {
  /** The name that it has now. */
  readonly name: string;
  readonly wasUp: boolean;
}

export interface ExitStatus {
  /** Exit code, or the number of the signal that ended the process. */
  readonly code: number;
  readonly signaled: boolean;
}

/** A filter of system calls for libseccomp; all numbers are those of seccomp.h. */
export interface FilterRequest {
  readonly defaultAction: number;
  readonly architectures: readonly number[];
  readonly rules: readonly FilterRule[];
  /** All names that the profile speaks of, also where no rule is needed. */
  readonly named: readonly string[];
  /** Search the system calls by halving instead of one by one. */
  readonly binaryTree: boolean;
}

export interface FilterRule {
  readonly names: readonly string[];
  readonly action: number;
  /** All of them must hold; at most one for each argument. */
  readonly conditions: readonly FilterCondition[];
}

export interface FilterCondition {
  readonly index: number;
  readonly operator: number;
  readonly value: bigint;
  readonly valueTwo: bigint;
}

export interface FilterProgram {
  /** struct sock_filter, 8 bytes each. */
  readonly instructions: Uint8Array;
  /** Names that this libseccomp does not know on any machine; no rule was made for them. */
  readonly unknown: readonly string[];
  /** For each architecture of the request the highest number that is named; 0 where none is. */
  readonly newest: readonly number[];
}

/** What compileFilter throws where libseccomp refuses a rule: its index, and the system call. */
export interface FilterRefusal extends SystemCallError {
  readonly rule?: number;
  readonly systemCall?: string;
}

/** A program to be run to its end. */
export interface ProgramRequest {
  /** Without a slash it is looked up in PATH. */
  readonly path: string;
  readonly argv: readonly string[];
  /** NAME=value; nothing of our own environment is added. */
  readonly env: readonly string[];
  /** '' is our own. */
  readonly cwd: string;
  /** Its standard input. It need not read it. */
  readonly input: string;
  /** Until it is killed; -1: never. */
  readonly timeoutMs: number;
  /** So many bytes of its standard output are kept, the first ones; 0: it goes to /dev/null. */
  readonly mostOutput: number;
  /** So many bytes of its standard error are kept, the last ones. */
  readonly mostComplaint: number;
}

export interface ProgramEnd {
  /** Exit status, or the number of the signal. */
  readonly code: number;
  readonly signaled: boolean;
  /** It was killed for that. */
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Native {
  /** Hash of the op table that the addon's helper was built from. */
  readonly wireHash: string;
  /** "2.5.4" */
  readonly libseccompVersion: string;
  /** clone3 (vfork-like) + execveat of the sealed helper; returns when the helper has started. */
  spawn(request: SpawnRequest): Spawned;
  /** Send a part of the plan (copied to a sealed memfd) with its file descriptors. */
  sendPart(socket: number, part: Uint8Array, fds: readonly number[]): void;
  /** Answer a question. */
  sendGo(socket: number): void;
  /** Next message of the helper. Rejects with ETIMEDOUT after timeoutMs (-1: never). */
  receive(socket: number, timeoutMs: number): Promise<Message>;

  /** A pair of SOCK_SEQPACKET sockets, for a program that we start (criu). */
  datagramPair(): { readonly ours: number; readonly theirs: number };
  sendDatagram(socket: number, bytes: Uint8Array): void;
  /**
   * The next datagram, at most 64 KiB, and the descriptor that came with it (-1: none); no bytes: the other side is gone.
   * Rejects with ETIMEDOUT after timeoutMs (-1: never).
   */
  receiveDatagram(socket: number, timeoutMs: number): Promise<{ readonly bytes: Uint8Array; readonly fd: number }>;

  pidfdOpen(pid: number): number;
  /** kill(2) through a pidfd: cannot hit another process. signal 0 asks whether it is alive. */
  pidfdSendSignal(pidfd: number, signal: number): void;
  /** Resolves true when the process of the pidfd has ended, false after timeoutMs (-1: never). */
  waitPidfd(pidfd: number, timeoutMs: number): Promise<boolean>;
  /** The same for any descriptor: true when reading from it would not block. It must stay open until then. */
  waitReadable(fd: number, timeoutMs: number): Promise<boolean>;
  /** End the waits for a descriptor as if their time were up; a wait without end would keep the process alive. */
  endWaits(fd: number): void;
  /** eventfd(2), non-blocking. */
  openEventfd(): number;
  /** waitid(P_PIDFD) of an ended child of ours; undefined when it still runs. */
  reap(pidfd: number): ExitStatus | undefined;
  setChildSubreaper(): void;
  /**
   * Runs a program and resolves when it has ended, though processes that it left may still hold its pipes. Its signals are
   * the default ones. Rejects with a SystemCallError when it cannot be started (ENOENT: there is no such program).
   */
  runProgram(request: ProgramRequest): Promise<ProgramEnd>;

  /** open_tree(OPEN_TREE_CLONE) of a path of the host; a detached mount, idmapped where that is asked (mount_setattr). */
  openTree(request: TreeRequest): number;
  /**
   * open(O_RDONLY|O_CLOEXEC) of a namespace file, verified by NS_GET_NSTYPE: EINVAL when it is not of the CLONE_NEW* type
   * `flag`, ENOTTY when it is no namespace.
   */
  openNamespace(path: string, flag: number): number;
  /** A user namespace with these mappings, for idmapped mounts. */
  makeUserNamespace(uidMap: readonly IdMapEntry[], gidMap: readonly IdMapEntry[]): number;
  /**
   * Move a network device to another network namespace, with its permanent addresses of global scope. On failure it is back
   * where it was; `syscall` of the error tells what failed: RTM_GETLINK (no such device), RTM_GETLINK(new name) (EEXIST),
   * RTM_GETADDR, RTM_SETLINK(IFLA_NET_NS_FD), RTM_SETLINK(IFLA_IFNAME), RTM_NEWADDR, RTM_SETLINK(IFF_UP), or
   * RTM_SETLINK(back), where it could not be given back.
   */
  moveNetDevice(move: NetDeviceMove): MovedNetDevice;
  /** prlimit(2) of another process. resource by number. */
  setProcessLimit(pid: number, resource: number, soft: bigint, hard: bigint): void;

  /** bind + listen on a unix socket `name` in the directory of dirfd (by /proc/self/fd: no limit on the path's length). */
  listen(dirfd: number, name: string): number;
  /** Connect to it. */
  connect(dirfd: number, name: string): number;
  /** Send one fd over a unix stream socket at `path`, with `payload` as its data (--console-socket, --pidfd-socket). */
  sendFd(path: string, fd: number, payload: string): void;

  /**
   * Load instructions (struct bpf_insn, 8 bytes each) as a BPF_PROG_TYPE_CGROUP_DEVICE program and attach it to the cgroup v2
   * directory open at cgroupFd with BPF_F_ALLOW_MULTI. It lives as long as the cgroup.
   */
  attachDeviceProgram(cgroupFd: number, instructions: Uint8Array): void;

  /** A BPF program for the helper to load. @throws FilterRefusal, its `syscall` a function of libseccomp */
  compileFilter(request: FilterRequest): FilterProgram;
  /** 16 hexadecimal digits (FNV-1a), to find things by: two contents may share them. */
  fingerprint(bytes: Uint8Array): string;

  /** umount2(MNT_DETACH); ELOOP where a symbolic link is anywhere in the path. */
  detachMount(path: string): void;

  /** flock(LOCK_EX), waiting at most timeoutMs; false when another process kept it. */
  lock(fd: number, timeoutMs: number): Promise<boolean>;

  /** Give a terminal the window size of another one; nothing happens when `from` is no terminal. */
  copyWindowSize(from: number, to: number): void;

  /**
   * From now on signals that would end this process wait for the monitor, which forwards them to the container. For good:
   * the caller becomes the monitor or ends soon.
   */
  keepSignals(): void;
  /**
   * Replace this process by the monitor (the same helper): it runs `part` (ops supervise, cleanUp, exitAsProcess) and ends
   * with the container's exit status. Returns only by throwing.
   */
  becomeMonitor(part: Uint8Array, fds: readonly number[]): never;
}

/** Thrown by every method of Native when a system call fails. */
export interface SystemCallError extends Error {
  readonly errno: number;
  /** Symbolic name, "EPERM". */
  readonly code: string;
  /** "clone3" */
  readonly syscall: string;
}

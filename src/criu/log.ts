/** What criu's log says about a failure, and what can be done about it. */

/** Lines that look like errors and are none. */
const noise =
  /Can't setup RLIMIT_NOFILE|Unable to create tun|Dumping FAILED|Restoring FAILED|cgroupd: recv req|^exited, status|^BUG at/;

/** "(00.1) pie: 7: Error (criu/x.c:12): tty: words" without its time, process and place. */
const errorLine = /^(?:\([0-9.]+\)\s+)?(?:pie: )?(?:\d+: )?Error \([^)]*\): (.*)$/;

const mostLines = 6;
/** More of a line says nothing more, and patterns take their time for it. */
const mostLetters = 1000;

/** The errors of a log, in their order and each once. */
export function errorsOf(log: string): readonly string[] {
  const errors = log
    .split('\n')
    .flatMap((line) => errorLine.exec(line.slice(0, mostLetters).trim())?.[1]?.trim() ?? []);
  return [...new Set(errors.filter((text) => !noise.test(text)))].slice(0, mostLines);
}

const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /iptables-restore|Locking network failed/,
    'criu locks the network of the container with iptables: install it, or choose --network-lock nftables or skip.',
  ],
  [
    /Connected TCP socket|tcp-established|TCP.*not allowed/i,
    'The container has open TCP connections: use --tcp-established.',
  ],
  [/in-flight/, 'A TCP connection is being made: try again, or use --tcp-skip-in-flight.'],
  [
    /External socket|external.*unix|ext-unix-sk/i,
    'A process is connected to a unix socket outside of the container: use --ext-unix-sk.',
  ],
  [
    /Unix socket \d+ without peer/,
    'A process is connected to a unix socket of another network namespace, whose other end criu does not find: close it, or share the network namespace.',
  ],
  [/Can't get \d+:\d+ opt/, 'This criu is older than the kernel and cannot read its sockets: install a newer one.'],
  [
    /Unix socket \d+ not found/,
    'A stream of the container is a socket of a process outside: give it a pipe or a file when it is created.',
  ],
  [/Some file locks are hold|file.?lock/i, 'A process holds file locks: use --file-locks.'],
  [
    /shell.?job|not a session leader|Found dangling tty|slave but no master/i,
    'The container uses a terminal from outside: use --shell-job.',
  ],
  [/Can't link remap|link-remap|unlinked|ghost/i, 'A process has a deleted file open: try --link-remap.'],
  [
    /doesn't have a proper root mount|Mount .*is unreachable|Can't lookup mount/,
    'The container has a file or mount from outside open that its configuration does not name.',
  ],
  [
    /lazy-pages\.socket/,
    'Whoever fetches the memory has to be there first: start "criu lazy-pages" with the directory of --work-path, or of --image-path.',
  ],
  [
    /page-pipe: splice/,
    'criu may not make a pipe that is large enough: it needs CAP_SYS_RESOURCE, or at least 3354624 in /proc/sys/fs/pipe-max-size.',
  ],
  [/execvp\("tar"|tar failed/, 'criu saves a tmpfs with the program tar: install it.'],
  [
    /[Dd]irty track|mem_track|soft-dirty/,
    'This kernel does not track memory (CONFIG_MEM_SOFT_DIRTY), which pre-dumps need.',
  ],
  [
    /File fd\/\d has bad (size|mode)|Can't restore file pos|Can't open file fd\/\d on restore/,
    'A standard stream of the container was a file of its caller: give restore the same file, as it was, or use pipes from the beginning (a file that was opened with >> may also be another one).',
  ],
  [
    /Abort restore of existing cgroups|cg: write to /,
    'restore makes the cgroups and sets the limits of config.json itself: use --manage-cgroups-mode soft or ignore.',
  ],
  [
    /Unable to open .*\.img: Permission denied/,
    'The processes of a container in a user namespace read the images as their own root user, who must be allowed to search the directory (chgrp to its group and chmod 710).',
  ],
  [
    /can't write lsm profile -2$/,
    'The AppArmor profile of the checkpoint, or that of --lsm-profile, is not loaded: load it with apparmor_parser, or choose another.',
  ],
  [
    /can't write lsm profile/,
    'The kernel refuses the label of the checkpoint, or that of --lsm-profile: its policy may not know it, or not let criu change to it.',
  ],
  [
    /Failed to copy sharing/,
    'The container was made where mounts of the host propagate, and here they are private: restore it in a mount namespace like that one.',
  ],
  [
    /Can't make temp cgyard dir/,
    'criu mounts cgroups in the directory for logs: --work-path DIR names one that can be written; --manage-cgroups-mode ignore leaves cgroups to config.json alone.',
  ],
  [/No space left/, 'The file system of the images is full.'],
  [
    /Unexpected EOF on |Can't open .*inventory|No such file or directory.*\.img/,
    'This is no directory with a complete checkpoint.',
  ],
  [
    /[Pp]id.*(exist|mismatch|in use)|clone.*EEXIST|Can't fork for/,
    'A process id of the checkpoint is taken: a container without a pid namespace of its own needs the same ids again.',
  ],
];

/** The first hint that fits. */
export const hintFor = (errors: readonly string[]): string | undefined =>
  hints.find(([pattern]) => errors.some((text) => pattern.test(text)))?.[1];

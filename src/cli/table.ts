/**
 * THE table of commands and options. The parser, the help pages, the shell completion and the types of what a command
 * receives all come from it. A new command is a row here, a file in commands/ and a line in commands.ts.
 */
import type { ContainerStatus } from '../lifecycle/options.ts';
import { logFormats, logLevels } from '../log/line.ts';

export interface OptionRow {
  /** Name after the dashes: accepted as --name and, as Go programs do, as -name. */
  readonly long: string;
  readonly short?: string;
  /**
   * flag: present or not, or =true|false; toggle: the same, and absence is a third answer; text: any string; list: may be
   * repeated, every value counts; count: a whole number from 0.
   */
  readonly type: 'flag' | 'toggle' | 'text' | 'list' | 'count';
  /** What stands for the value on the help page, in capitals. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly fallback?: string | number;
  /** The default in words, where it is not `fallback`. */
  readonly fallbackAbout?: string;
  readonly about: string;
  /** Accepted for the sake of callers that pass it, not shown. */
  readonly hidden?: true;
}

export interface PositionalRow {
  readonly name: string;
  readonly required: boolean;
  readonly about: string;
  /** What completion offers for it. */
  readonly offers?: 'containers' | 'commands' | 'signals' | 'files' | 'directories' | 'shells';
  /** The containers that are offered: those which the command can be used on. */
  readonly statuses?: readonly ContainerStatus[];
}

export interface CommandRow {
  readonly name: string;
  readonly group: 'Life of a container' | 'Look at containers' | 'Work on a bundle' | 'About tsrunc';
  /** One line, imperative, for the list of commands. */
  readonly about: string;
  /** The paragraph of the command's own help page. */
  readonly details?: string;
  readonly positionals: readonly PositionalRow[];
  /** What follows the positionals is passed on as it stands: the options of the command end at its first positional. */
  readonly rest?: PositionalRow;
  readonly options: readonly OptionRow[];
  /** Exit status of a failure, where it is not 1. */
  readonly failureStatus?: number;
  readonly examples: readonly (readonly [command: string, about: string])[];
}

export const globalOptions = [
  {
    long: 'root',
    type: 'text',
    value: 'DIR',
    about: 'keep the state of containers in DIR',
    fallbackAbout: '/run/tsrunc, or $XDG_RUNTIME_DIR/tsrunc for an ordinary user',
  },
  { long: 'log', type: 'text', value: 'FILE', about: 'append errors to FILE, besides standard error' },
  {
    long: 'log-format',
    type: 'text',
    value: 'FORMAT',
    choices: logFormats,
    fallback: 'text',
    about: 'format of the lines in FILE',
  },
  {
    long: 'log-level',
    type: 'text',
    value: 'LEVEL',
    choices: logLevels,
    about: 'least important level to write',
    fallbackAbout: 'warning; error with --log',
  },
  { long: 'debug', type: 'flag', about: 'the same as --log-level debug, and stack traces of internal errors' },
  { long: 'systemd-cgroup', type: 'flag', about: 'the same as --cgroup-manager systemd' },
  {
    long: 'cgroup-manager',
    type: 'text',
    value: 'MANAGER',
    choices: ['cgroupfs', 'systemd', 'disabled'],
    about: 'who makes the cgroups',
    fallbackAbout: 'cgroupfs',
  },
  {
    long: 'rootless',
    type: 'text',
    value: 'MODE',
    choices: ['auto', 'true', 'false'],
    fallback: 'auto',
    about: 'go on without the cgroups that an ordinary user may not make',
  },
  { long: 'version', short: 'v', type: 'flag', about: 'print the version' },
  { long: 'help', short: 'h', type: 'flag', about: 'print this help, or that of the command' },
] as const satisfies readonly OptionRow[];

const containerId = {
  name: 'container-id',
  required: true,
  about: 'name of the container, unique on this host',
} as const;

/** One that exists. */
const container = <const S extends readonly ContainerStatus[]>(...statuses: S) =>
  ({ ...containerId, about: 'name of the container', offers: 'containers', statuses }) as const;

const alive = container('created', 'running', 'paused');
const anyContainer = container('creating', 'created', 'running', 'paused', 'stopped');

const format = {
  long: 'format',
  short: 'f',
  type: 'text',
  value: 'FORMAT',
  choices: ['table', 'json'],
  fallback: 'table',
  about: 'how to print them',
} as const satisfies OptionRow;

const createOptions = [
  {
    long: 'bundle',
    short: 'b',
    type: 'text',
    value: 'DIR',
    about: 'the bundle: the folder that holds config.json',
    fallbackAbout: 'the current folder',
  },
  {
    long: 'config',
    short: 'f',
    type: 'text',
    value: 'FILE',
    about: 'read FILE instead of the config.json of the bundle',
  },
  {
    long: 'console-socket',
    type: 'text',
    value: 'SOCKET',
    about: 'send the master end of the terminal to this unix socket',
  },
  {
    long: 'pidfd-socket',
    type: 'text',
    value: 'SOCKET',
    about: 'send a pidfd of the init process to this unix socket',
  },
  { long: 'pid-file', type: 'text', value: 'FILE', about: 'write the process id of the init process to FILE' },
  { long: 'no-pivot', type: 'flag', about: 'move the root instead of pivot_root, for a root file system on a ramdisk' },
  { long: 'no-new-keyring', type: 'flag', about: "keep the caller's session keyring" },
  { long: 'preserve-fds', type: 'count', value: 'N', fallback: 0, about: 'pass N more file descriptors, from 3 on' },
] as const satisfies readonly OptionRow[];

const execOptions = [
  { long: 'tty', short: 't', type: 'flag', about: 'give it a terminal' },
  { long: 'detach', short: 'd', type: 'flag', about: 'return when the program runs' },
  { long: 'cwd', type: 'text', value: 'PATH', about: 'working directory in the container' },
  { long: 'env', short: 'e', type: 'list', value: 'NAME=VALUE', about: 'add a variable to the environment' },
  { long: 'user', short: 'u', type: 'text', value: 'UID[:GID]', about: 'numeric ids to run as' },
  { long: 'additional-gids', short: 'g', type: 'list', value: 'GID', about: 'one more group' },
  { long: 'cap', short: 'c', type: 'list', value: 'CAP_NAME', about: 'one more capability' },
  { long: 'no-new-privs', type: 'toggle', about: 'set no_new_privs, or with =false do not' },
  { long: 'apparmor', type: 'text', value: 'PROFILE', about: 'AppArmor profile' },
  { long: 'process-label', type: 'text', value: 'LABEL', about: 'SELinux label' },
  {
    long: 'process',
    short: 'p',
    type: 'text',
    value: 'FILE',
    about: 'read the whole process from a JSON file instead',
  },
  {
    long: 'cgroup',
    type: 'list',
    value: '[CONTROLLER,...:]PATH',
    about: "put it into this existing child of the container's cgroup",
  },
  { long: 'ignore-paused', type: 'flag', about: 'enter a paused container too; it runs when that is resumed' },
  {
    long: 'console-socket',
    type: 'text',
    value: 'SOCKET',
    about: 'send the master end of the terminal to this unix socket',
  },
  { long: 'pidfd-socket', type: 'text', value: 'SOCKET', about: 'send a pidfd of the process to this unix socket' },
  { long: 'pid-file', type: 'text', value: 'FILE', about: 'write the process id to FILE' },
  { long: 'preserve-fds', type: 'count', value: 'N', fallback: 0, about: 'pass N more file descriptors, from 3 on' },
] as const satisfies readonly OptionRow[];

const criuOptions = [
  {
    long: 'image-path',
    type: 'text',
    value: 'DIR',
    about: 'directory of the checkpoint',
    fallbackAbout: 'checkpoint, in the current folder',
  },
  {
    long: 'work-path',
    type: 'text',
    value: 'DIR',
    about: "directory for criu's logs and other files of its work",
    fallbackAbout: 'that of --image-path',
  },
  { long: 'tcp-established', type: 'flag', about: 'with open TCP connections' },
  { long: 'ext-unix-sk', type: 'flag', about: 'with unix sockets that are connected to processes outside' },
  { long: 'shell-job', type: 'flag', about: 'with a terminal that belongs to a session outside' },
  { long: 'file-locks', type: 'flag', about: 'with file locks' },
  {
    long: 'manage-cgroups-mode',
    type: 'text',
    value: 'MODE',
    choices: ['soft', 'full', 'strict', 'ignore'],
    fallback: 'soft',
    about: 'what criu does with cgroups and their limits',
  },
  {
    long: 'empty-ns',
    type: 'list',
    value: 'NAMESPACE',
    about: 'make this namespace, but not what was in it (network, for which it is always so)',
  },
  { long: 'auto-dedup', type: 'flag', about: 'free pages in the images of the parent that newer ones replace' },
  { long: 'lazy-pages', type: 'flag', about: 'let the restored container fetch its memory while it runs' },
  {
    long: 'network-lock',
    type: 'text',
    value: 'METHOD',
    choices: ['iptables', 'nftables', 'skip'],
    about: 'how criu keeps TCP packets away meanwhile',
    fallbackAbout: "criu's own default",
  },
] as const satisfies readonly OptionRow[];

export const commands = [
  {
    name: 'create',
    group: 'Life of a container',
    about: 'Make a container, ready to start',
    details: 'Does everything that the bundle asks for, except running its program: that waits for `tsrunc start`.',
    positionals: [containerId],
    options: createOptions,
    examples: [['tsrunc create --bundle /srv/web web', 'make the container "web" of the bundle /srv/web']],
  },
  {
    name: 'start',
    group: 'Life of a container',
    about: 'Run the program of a created container',
    positionals: [container('created')],
    options: [],
    examples: [['tsrunc start web', 'run its program']],
  },
  {
    name: 'run',
    group: 'Life of a container',
    about: 'Create, start, wait for the end, delete: all in one',
    details:
      "Ends with the exit status of the container's program (128 + n when signal n ended it). With --detach it returns when the program runs.",
    positionals: [containerId],
    options: [
      ...createOptions,
      { long: 'detach', short: 'd', type: 'flag', about: 'return when the program runs' },
      { long: 'keep', type: 'flag', about: 'do not delete the container when it has ended' },
      { long: 'no-subreaper', type: 'flag', about: "do not adopt the container's orphans" },
    ],
    examples: [
      ['tsrunc run demo', 'run the bundle in the current folder'],
      ['tsrunc run --detach --bundle /srv/web web', 'leave it running'],
    ],
  },
  {
    name: 'exec',
    group: 'Life of a container',
    about: 'Run a further program in a container',
    details:
      "It gets the user, capabilities and limits of the container's own program, as config.json had them at create, except where an option says otherwise. Ends with the exit status of the program, with 255 when it cannot be run.",
    positionals: [container('running', 'created')],
    rest: { name: 'command', required: false, about: 'the program and its arguments (not with --process)' },
    options: execOptions,
    failureStatus: 255,
    examples: [
      ['tsrunc exec --tty web sh', 'a shell in it'],
      ['tsrunc exec --user 1000:1000 --env A=1 web id', 'as another user'],
    ],
  },
  {
    name: 'kill',
    group: 'Life of a container',
    about: 'Send a signal to a container',
    positionals: [
      alive,
      {
        name: 'signal',
        required: false,
        about: 'name with or without SIG, or number (default: TERM)',
        offers: 'signals',
      },
    ],
    options: [{ long: 'all', short: 'a', type: 'flag', about: 'signal every process of the container' }],
    examples: [
      ['tsrunc kill web', 'ask it to end'],
      ['tsrunc kill web KILL', 'end it'],
    ],
  },
  {
    name: 'pause',
    group: 'Life of a container',
    about: 'Stop all processes of a container where they are',
    positionals: [container('created', 'running')],
    options: [],
    examples: [['tsrunc pause web', 'freeze it; "tsrunc resume web" lets it go on']],
  },
  {
    name: 'resume',
    group: 'Life of a container',
    about: 'Let a paused container go on',
    positionals: [container('paused')],
    options: [],
    examples: [['tsrunc resume web', 'its processes go on where they were']],
  },
  {
    name: 'update',
    group: 'Life of a container',
    about: 'Change the limits of a container',
    details:
      'All that is asked for is changed, or nothing. Sizes are bytes, or have a suffix (512M, 1.5G: powers of 1024); -1 lifts a limit, 0 leaves it as it is.',
    positionals: [alive],
    options: [
      {
        long: 'resources',
        short: 'r',
        type: 'text',
        value: 'FILE',
        about:
          'read linux.resources as JSON from FILE (- is standard input), and ignore the other options, but for those of RDT',
      },
      { long: 'blkio-weight', type: 'text', value: 'N', about: 'weight of block I/O, 10 to 1000' },
      { long: 'cpu-period', type: 'text', value: 'US', about: 'period of --cpu-quota, in microseconds' },
      { long: 'cpu-quota', type: 'text', value: 'US', about: 'CPU time in each period, in microseconds' },
      { long: 'cpu-burst', type: 'text', value: 'US', about: 'CPU time that may be saved up, in microseconds' },
      { long: 'cpu-share', type: 'text', value: 'N', about: 'weight of CPU time, 2 to 262144' },
      { long: 'cpu-rt-period', type: 'text', value: 'US', about: 'period of --cpu-rt-runtime, in microseconds' },
      {
        long: 'cpu-rt-runtime',
        type: 'text',
        value: 'US',
        about: 'real-time CPU time in each period, in microseconds',
      },
      { long: 'cpuset-cpus', type: 'text', value: 'LIST', about: 'CPUs that may be used, such as 0-3,7' },
      { long: 'cpuset-mems', type: 'text', value: 'LIST', about: 'memory nodes that may be used, such as 0-1' },
      { long: 'cpu-idle', type: 'text', value: 'N', about: '1: run only when nothing else wants to' },
      { long: 'memory', type: 'text', value: 'SIZE', about: 'limit of memory' },
      { long: 'memory-reservation', type: 'text', value: 'SIZE', about: 'soft limit of memory' },
      { long: 'memory-swap', type: 'text', value: 'SIZE', about: 'limit of memory and swap together' },
      { long: 'kernel-memory', type: 'text', value: 'SIZE', about: 'limit of kernel memory', hidden: true },
      { long: 'kernel-memory-tcp', type: 'text', value: 'SIZE', about: 'limit of TCP buffers', hidden: true },
      { long: 'pids-limit', type: 'text', value: 'N', about: 'limit of processes and threads (0 is a limit)' },
      { long: 'l3-cache-schema', type: 'text', value: 'SCHEMA', about: 'L3 cache schema of Intel RDT' },
      { long: 'mem-bw-schema', type: 'text', value: 'SCHEMA', about: 'memory bandwidth schema of Intel RDT' },
      { long: 'report', type: 'flag', about: 'print each control file that was written, before and after' },
    ],
    examples: [
      ['tsrunc update --memory 512M --memory-swap 1G web', 'give it more memory'],
      ['echo \'{"pids":{"limit":50}}\' | tsrunc update -r - web', 'as engines do'],
    ],
  },
  {
    name: 'checkpoint',
    group: 'Life of a container',
    about: 'Write a running container to a directory',
    details:
      'Its processes, memory and open files, by criu, which must be installed. "tsrunc restore" makes it again from there. The container is deleted then, except with --leave-running or --pre-dump.',
    positionals: [container('running')],
    options: [
      ...criuOptions,
      { long: 'leave-running', type: 'flag', about: 'let the container go on' },
      { long: 'pre-dump', type: 'flag', about: 'write memory only, for a later dump that needs only the changes' },
      {
        long: 'parent-path',
        type: 'text',
        value: 'DIR',
        about: 'directory of the earlier pre-dump, relative to --image-path',
      },
      { long: 'link-remap', type: 'flag', about: 'with open files that have been deleted but have other names' },
      { long: 'tcp-skip-in-flight', type: 'flag', about: 'leave out TCP connections that are still being made' },
      {
        long: 'page-server',
        type: 'text',
        value: 'ADDRESS:PORT',
        about: 'send memory to the page server there; with --lazy-pages, be one there',
      },
      {
        long: 'status-fd',
        type: 'count',
        value: 'FD',
        about: 'write a zero byte to this descriptor when lazy pages can be fetched',
      },
    ],
    examples: [
      ['tsrunc checkpoint --image-path /srv/saved web', 'write it down and delete it'],
      ['tsrunc checkpoint --leave-running --image-path /srv/saved web', 'a copy of how it is now'],
    ],
  },
  {
    name: 'restore',
    group: 'Life of a container',
    about: 'Make a container of a checkpoint',
    details:
      'Its processes go on where they were. Mounts, cgroups, limits and hooks come from the bundle\'s config.json, so a changed one must still fit. In the foreground it ends as "tsrunc run" does, with the exit status of the container\'s program.',
    positionals: [containerId],
    options: [
      {
        long: 'bundle',
        short: 'b',
        type: 'text',
        value: 'DIR',
        about: 'the bundle: the folder that holds config.json',
        fallbackAbout: 'the current folder',
      },
      ...criuOptions,
      { long: 'detach', short: 'd', type: 'flag', about: 'return when the container runs' },
      {
        long: 'console-socket',
        type: 'text',
        value: 'SOCKET',
        about: 'send the master end of the terminal to this unix socket',
      },
      { long: 'pid-file', type: 'text', value: 'FILE', about: 'write the process id of the init process to FILE' },
      { long: 'no-subreaper', type: 'flag', about: "do not adopt the container's orphans" },
      {
        long: 'no-pivot',
        type: 'flag',
        about: 'accepted for the sake of engines: criu changes the root in its own way',
      },
      { long: 'tcp-close', type: 'flag', about: 'close the TCP connections of the checkpoint' },
      {
        long: 'lsm-profile',
        type: 'text',
        value: 'TYPE:NAME',
        about: 'another LSM profile: apparmor:NAME or selinux:LABEL',
      },
      { long: 'lsm-mount-context', type: 'text', value: 'CONTEXT', about: 'another SELinux context for mounts' },
    ],
    examples: [
      ['tsrunc restore --image-path /srv/saved --bundle /srv/web web', 'go on, here in the foreground'],
      ['tsrunc restore --detach --image-path /srv/saved --bundle /srv/web web', 'leave it running'],
    ],
  },
  {
    name: 'delete',
    group: 'Life of a container',
    about: 'Remove what is left of a stopped container',
    positionals: [anyContainer],
    options: [
      { long: 'force', short: 'f', type: 'flag', about: 'kill it first; do not mind if there is none' },
      { long: 'regex', short: 'r', type: 'flag', about: 'delete every container whose name matches this expression' },
    ],
    examples: [
      ['tsrunc delete --force web', 'remove it, whatever it is doing'],
      ["tsrunc delete --force --regex '^test-'", 'remove all whose names begin with "test-"'],
    ],
  },
  {
    name: 'state',
    group: 'Look at containers',
    about: 'Print the state of a container as JSON',
    positionals: [anyContainer],
    options: [],
    examples: [['tsrunc state web', 'its status, pid and bundle']],
  },
  {
    name: 'list',
    group: 'Look at containers',
    about: 'List the containers',
    positionals: [],
    options: [format, { long: 'quiet', short: 'q', type: 'flag', about: 'print the names only' }],
    examples: [['tsrunc list --format json', 'for programs']],
  },
  {
    name: 'ps',
    group: 'Look at containers',
    about: 'List the processes of a container',
    details: 'Runs ps of this host and prints what it says of them; as JSON, their numbers only.',
    positionals: [alive],
    rest: { name: 'ps-options', required: false, about: 'options of ps (default: -ef)' },
    options: [format],
    examples: [
      ['tsrunc ps web', 'as ps -ef has them'],
      ['tsrunc ps web -o pid,rss,args', 'chosen columns, PID among them'],
    ],
  },
  {
    name: 'events',
    group: 'Look at containers',
    about: 'Print what a container uses, and when it runs out of memory',
    details:
      'One JSON document a line: of type "stats" after each interval, "oom" when the memory has run out. Ends when the container does.',
    positionals: [alive],
    options: [
      {
        long: 'interval',
        type: 'text',
        value: 'TIME',
        fallback: '5s',
        about: 'time between two statistics, such as 500ms or 1m30s',
      },
      { long: 'stats', type: 'flag', about: 'print the statistics once, now' },
    ],
    examples: [
      ['tsrunc events --stats web', 'what it uses now'],
      ['tsrunc events --interval 1s web', 'follow it'],
    ],
  },
  {
    name: 'spec',
    group: 'Work on a bundle',
    about: 'Write a config.json to begin with',
    details:
      'Writes config.json for a shell in the folder "rootfs" beside it. An existing config.json is never overwritten.',
    positionals: [],
    options: [
      {
        long: 'bundle',
        short: 'b',
        type: 'text',
        value: 'DIR',
        about: 'write to this folder',
        fallbackAbout: 'the current folder',
      },
      { long: 'rootless', type: 'flag', about: 'for a container that an ordinary user runs: you, now' },
    ],
    examples: [
      ['tsrunc spec', 'write config.json here'],
      ['tsrunc spec --rootless --bundle ~/demo', 'one that needs no root'],
    ],
  },
  {
    name: 'validate',
    group: 'Work on a bundle',
    about: 'Report every mistake of a config.json at once',
    details: 'Prints each error and warning with its line. Ends with 1 when there is an error.',
    positionals: [
      {
        name: 'path',
        required: false,
        about: 'the bundle or its config.json (default: the current folder)',
        offers: 'files',
      },
    ],
    options: [],
    examples: [['tsrunc validate /srv/web', 'check /srv/web/config.json']],
  },
  {
    name: 'plan',
    group: 'Work on a bundle',
    about: 'Print what would be done in the kernel, step by step',
    details: 'Compiles the bundle for this host and prints the plan. Nothing is changed.',
    positionals: [
      { name: 'bundle', required: false, about: 'the bundle (default: the current folder)', offers: 'directories' },
    ],
    options: [{ long: 'json', type: 'flag', about: 'print the plan as JSON' }],
    examples: [['tsrunc plan /srv/web', 'see the steps in order']],
  },
  {
    name: 'features',
    group: 'About tsrunc',
    about: 'Print what this version can do, as JSON',
    details: 'The features document of the runtime-spec: engines ask for it before they use a feature.',
    positionals: [],
    options: [],
    examples: [],
  },
  {
    name: 'completion',
    group: 'About tsrunc',
    about: 'Print a script that completes command lines in a shell',
    details:
      'The script completes commands, options, their values, and the names of the containers that a command can be used on. It asks tsrunc itself each time: whatever follows the shell is a command line without its first word, and what its last word can become is printed.',
    positionals: [{ name: 'shell', required: true, about: 'bash, zsh or fish', offers: 'shells' }],
    rest: { name: 'words', required: false, about: 'complete the last of these; the script does that' },
    options: [],
    examples: [
      ['. <(tsrunc completion bash)', 'complete in this bash'],
      ['tsrunc completion fish > ~/.config/fish/completions/tsrunc.fish', 'complete in every fish to come'],
    ],
  },
  {
    name: 'help',
    group: 'About tsrunc',
    about: 'Explain a command',
    positionals: [{ name: 'command', required: false, about: 'the command to explain', offers: 'commands' }],
    options: [],
    examples: [['tsrunc help run', 'every option of run']],
  },
  {
    name: 'version',
    group: 'About tsrunc',
    about: 'Print the version',
    positionals: [],
    options: [],
    examples: [],
  },
] as const satisfies readonly CommandRow[];

export type Command = (typeof commands)[number];
export type Verb = Command['name'];

export const rowOf = (verb: Verb): CommandRow => {
  const row = commands.find(({ name }) => name === verb);
  if (row === undefined) throw new Error(`no command is called ${verb}`);
  return row;
};

type CommandOf<V extends Verb> = Extract<Command, { readonly name: V }>;

type Typed<R> = R extends { readonly type: 'flag' | 'toggle' }
  ? boolean
  : R extends { readonly type: 'list' }
    ? readonly string[]
    : R extends { readonly type: 'count' }
      ? number
      : R extends { readonly choices: readonly (infer C)[] }
        ? C
        : string;
type MaybeUnset<R> = R extends { readonly type: 'flag' | 'list' } | { readonly fallback: string | number }
  ? never
  : undefined;
type Values<R extends { readonly long: string }> = { readonly [K in R as K['long']]: Typed<K> | MaybeUnset<K> };

/** What a command finds in `options`: flags are always set, the others are undefined without a default. */
export type OptionsOf<V extends Verb> = Values<CommandOf<V>['options'][number]>;
export type GlobalValues = Values<(typeof globalOptions)[number]>;

/** What a command finds in `args`, by the name of the positional. */
export type ArgsOf<V extends Verb> = {
  readonly [K in CommandOf<V>['positionals'][number] as K['name']]: K extends { readonly required: true }
    ? string
    : string | undefined;
} & (CommandOf<V> extends { readonly rest: { readonly name: infer N extends string } }
  ? { readonly [K in N]: readonly string[] }
  : unknown);

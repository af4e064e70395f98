/** The life of a container, but for what criu does. */
import type { CommandRow, OptionRow } from './rows.ts';
import {
  alive,
  anyContainer,
  bundle,
  consoleSocket,
  container,
  containerId,
  noSubreaper,
  pidFile,
  preserveFds,
} from './shared.ts';

const createOptions = [
  bundle,
  {
    long: 'config',
    short: 'f',
    type: 'text',
    value: 'FILE',
    about: 'read FILE instead of the config.json of the bundle',
  },
  consoleSocket,
  {
    long: 'pidfd-socket',
    type: 'text',
    value: 'SOCKET',
    about: 'send a pidfd of the init process to this unix socket',
  },
  pidFile,
  { long: 'no-pivot', type: 'flag', about: 'move the root instead of pivot_root, for a root file system on a ramdisk' },
  { long: 'no-new-keyring', type: 'flag', about: "keep the caller's session keyring" },
  preserveFds,
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
  consoleSocket,
  { long: 'pidfd-socket', type: 'text', value: 'SOCKET', about: 'send a pidfd of the process to this unix socket' },
  { long: 'pid-file', type: 'text', value: 'FILE', about: 'write the process id to FILE' },
  preserveFds,
] as const satisfies readonly OptionRow[];

export const lifeCommands = [
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
      noSubreaper,
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
    options: [
      { long: 'all', short: 'a', type: 'flag', about: 'signal every process of the container' },
      { long: 'regex', short: 'r', type: 'flag', about: 'signal every container whose name matches this expression' },
    ],
    examples: [
      ['tsrunc kill web', 'ask it to end'],
      ['tsrunc kill web KILL', 'end it'],
      ["tsrunc kill --regex '^test-' KILL", 'end all whose names begin with "test-"'],
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
] as const satisfies readonly CommandRow[];

import type { Process, Spec } from '../config/spec.ts';
import { planBounding, planCapabilities } from './capabilities.ts';
import { type Context, type HookState, type PlanOptions, refuse } from './context.ts';
import { planStartHooks } from './hooks.ts';
import { mayClearGroups } from './identity.ts';
import { planLabels } from './labels.ts';
import { leavesUserNamespace } from './namespaces.ts';
import type { Op } from './ops.ts';
import { planRlimits } from './rlimits.ts';
import { planScheduling } from './scheduling.ts';
import { keptForFilter, planFilterOfAgent, planFilterOfStart } from './seccomp.ts';

/** Where programs are looked for when the environment has no PATH. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_UMASK = 0o022;

/** Whether a missing working directory is made: for the container's own program, as engines rely on. */
export type MissingCwd = 'make' | 'fail';

/** What the program is, up to the moment when only the word to start is missing. */
export const planProcess = (context: Context, process: Process, missingCwd: MissingCwd = 'make'): readonly Op[] => [
  ...planLabels(process),
  ...planNoNewPrivileges(process),
  ...planScheduling(context.spec),
  ...planDirectory(process, missingCwd),
  ...planRlimits(context),
  ...planBounding(context.spec),
  ...planUser(context, process),
  ...planCapabilities(context.spec, keptForFilter(context.spec)),
  ...planHome(process),
  ...planProgram(process),
  { op: 'closeFds', preserve: context.options.preserveFds, from: '' },
  ...planFilterOfAgent(context.spec, context.options.filter),
];

/** What happens after the word to start. */
export const planStart = (
  spec: Spec,
  state: HookState,
  { listenFds = 0, filter }: StartOptions = {},
): readonly Op[] => [
  ...(spec.process === undefined ? [] : planFilterOfStart(spec, filter)),
  ...planStartHooks(spec, state),
  ...(spec.process === undefined ? [] : planExec(spec.process, listenFds)),
];

type StartOptions = Partial<Pick<PlanOptions, 'listenFds' | 'filter'>>;

const planNoNewPrivileges = ({ noNewPrivileges }: Process): readonly Op[] =>
  noNewPrivileges === true ? [{ op: 'setNoNewPrivileges', from: '/process/noNewPrivileges' }] : [];

/** As root, before the user is changed: a program may be given a directory that its user could not enter by itself. */
function planDirectory({ cwd, user }: Process, missing: MissingCwd): readonly Op[] {
  const mask = user?.umask ?? DEFAULT_UMASK;
  return [
    { op: 'setUmask', mask, from: user?.umask === undefined ? '' : '/process/user/umask' },
    { op: 'changeDirectory', path: cwd, create: missing === 'make' ? 1 : 0, from: '/process/cwd' },
  ];
}

/** Another process of a shared pid namespace must not trace us between the change of user and exec: see namespaces.ts. */
function planUser({ spec, host }: Context, { user = {} }: Process): readonly Op[] {
  const { uid = 0, gid = 0, additionalGids: groups = [] } = user;
  // Where groups cannot be set, asking for some is an error, and for none is not. On the way into a user namespace they were
  // dropped already, and inside it that may be denied.
  const mustDrop = mayClearGroups(host) && !leavesUserNamespace(spec);
  const setGroups = mustDrop || groups.length > 0 ? 1 : 0;
  return [
    { op: 'setUser', uid, gid, groups, setGroups, from: '/process/user' },
    { op: 'protect', from: '' },
  ];
}

/** The last of several assignments counts, as in a shell. */
export const lastOf = (env: readonly string[], name: string): string | undefined =>
  env.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);

/** Each variable once, with its last value, where it first stood. */
export function uniqueEnv(env: readonly string[]): readonly string[] {
  const last = new Map<string, string>();
  for (const entry of env) last.set(entry.slice(0, Math.max(entry.indexOf('='), 0)) || entry, entry);
  return [...last.values()];
}

/** An empty HOME is as good as none, as login(1) and the usual runtimes have it. */
const lacksHome = (env: readonly string[]): boolean => (lastOf(env, 'HOME') ?? '') === '';

const planHome = ({ env = [], user }: Process): readonly Op[] =>
  lacksHome(env) ? [{ op: 'findHome', uid: user?.uid ?? 0, from: '/process/user/uid' }] : [];

function planProgram({ args = [], env = [] }: Process): readonly Op[] {
  const name = args[0] ?? refuse('CONFIG_INVALID', '/process/args', 'process.args must not be empty');
  const path = lastOf(env, 'PATH') ?? DEFAULT_PATH;
  return [{ op: 'findProgram', name, directories: name.includes('/') ? [] : path.split(':'), from: '/process/args/0' }];
}

/** Become the program. */
export function planExec({ args = [], env = [] }: Process, listenFds = 0): readonly Op[] {
  // sd_listen_fds(3): the pid must be the reader's own, and in a new pid namespace that is 1.
  const sockets = listenFds > 0 ? [`LISTEN_FDS=${listenFds}`, 'LISTEN_PID=1'] : [];
  const all = uniqueEnv([...env, ...sockets]);
  const kept = lacksHome(env) ? all.filter((entry) => !entry.startsWith('HOME=')) : all;
  return [{ op: 'exec', args, env: kept, from: '/process/args' }];
}

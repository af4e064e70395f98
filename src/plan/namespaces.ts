import type { Namespace, NamespaceType, Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import { type Context, type Fragment, frozen, sequence } from './context.ts';
import { groupsInside, groupsOutside, identityInside } from './identity.ts';
import { planNetDevices } from './net-devices.ts';
import { type Op, questions } from './ops.ts';
import type { FdRequest } from './plan.ts';

/** THE namespace table: CLONE_NEW* of linux/sched.h by the name in config.json, in the order in which they are joined. */
export const namespaceFlags = {
  time: 0x80,
  ipc: 0x0800_0000,
  uts: 0x0400_0000,
  network: 0x4000_0000,
  pid: 0x2000_0000,
  cgroup: 0x0200_0000,
  mount: 0x0002_0000,
  user: 0x1000_0000,
} as const satisfies Readonly<Record<NamespaceType, number>>;

/** Names of CLONE_NEW* flags, "mount, network". */
export function namespaceNames(flags: number): string {
  const names = Object.entries(namespaceFlags).filter(([, flag]) => (flags & flag) !== 0);
  return names.map(([name]) => name).join(', ') || 'no';
}

export const namespaceTypes = Object.keys(namespaceFlags) as readonly NamespaceType[];

export type Origin = 'inherited' | 'new' | 'joined';

interface Chosen {
  readonly origin: Origin;
  readonly path: string;
  /** JSON pointer of the entry. */
  readonly from: string;
}

function chosen(spec: Spec, type: NamespaceType): Chosen {
  const namespaces: readonly Namespace[] = spec.linux?.namespaces ?? [];
  const index = namespaces.findIndex((namespace) => namespace.type === type);
  const path = namespaces[index]?.path ?? '';
  const origin = index < 0 ? 'inherited' : path === '' ? 'new' : 'joined';
  return { origin, path, from: index < 0 ? '' : `/linux/namespaces/${index}` };
}

/** Whether the container makes, joins or inherits its namespace of this type. */
export const namespaceOrigin = (spec: Spec, type: NamespaceType): Origin => chosen(spec, type).origin;

export const hasOwn = (spec: Spec, type: NamespaceType): boolean => namespaceOrigin(spec, type) !== 'inherited';

/**
 * Only in a mount namespace made for the container may "/" be changed: its propagation, its place (pivot_root), its attributes. In
 * one that is shared with the host or another container the root is entered by chroot, and nothing outside of it is touched.
 */
export const hasOwnMounts = ({ spec }: Pick<Context, 'spec'>): boolean => namespaceOrigin(spec, 'mount') === 'new';

/** The helper leaves the runtime's user namespace: it then has no privileges over what belongs to that. */
export const leavesUserNamespace = (spec: Spec): boolean => hasOwn(spec, 'user');

/** The runtime has CAP_SYS_ADMIN where it runs: in the initial user namespace, or as root of the one it lives in. */
export const isCapable = ({ user }: HostFacts): boolean => user.privileged || (user.inUserNamespace && user.euid === 0);

/** The helper works without privileges in the initial user namespace: no mknod, locked mounts, mapped ids only. */
export const isUnprivileged = (spec: Spec, host: HostFacts): boolean =>
  leavesUserNamespace(spec) || !host.user.privileged;

/**
 * How the helper gets from the runtime's namespaces into the container's; sent right after clone, before the rest is compiled.
 *
 * Without a user namespace clone3 itself makes the pid namespace, and everything else is unshared in the helper while
 * the runtime goes on. With one (new or joined) whatever is new must be made after it, to be owned by it
 * (user_namespaces(7)); pid and time namespaces then take a fork, since unshare(2) and setns(2) put only children into them.
 *
 * The cgroup namespace is not made here: its root is the cgroup at the moment of unshare, so the helper must be there.
 */
export interface NamespacePlan {
  /** CLONE_NEW* for clone3. */
  readonly cloneFlags: number;
  readonly prologue: readonly Op[];
  readonly fds: readonly FdRequest[];
}

export function planNamespaces(spec: Spec, host: HostFacts): NamespacePlan {
  const { ops, fds } = frozen(
    sequence(
      [reset],
      planEntering(spec, host),
      planUnshare(spec),
      planLoopback(spec),
      planNetDevices(spec),
      planFork(spec),
    ),
  );
  return Object.freeze({ cloneFlags: cloneFlags(spec), prologue: ops, fds });
}

const reset: Op = { op: 'resetProcess', from: '' };
const protect: Op = { op: 'protect', from: '' };

/**
 * Joining needs privileges over the owner of each namespace. A capable runtime has them before it gives them up by
 * entering a user namespace; an ordinary user gains them only by entering one.
 *
 * `protect` comes before anything is joined (CVE-2016-9962), but not before an ordinary user has written the id maps: a
 * process that is not dumpable owns nothing in its /proc/PID. It comes again after each change of identity, which sets the
 * attribute to fs.suid_dumpable.
 */
function planEntering(spec: Spec, host: HostFacts): Fragment {
  const others = namespaceTypes.filter((type) => type !== 'user').map((type) => planJoin(spec, type));
  if (!hasOwn(spec, 'user')) return sequence([protect], ...others, planTime(spec));
  const inside = [...identityInside(spec), protect];
  if (!isCapable(host)) return sequence(planUser(spec), planTime(spec), groupsInside(), inside, ...others);
  const early = namespaceOrigin(spec, 'user') === 'joined' ? [protect] : [];
  return sequence(early, groupsOutside(host), ...others, planUser(spec), planTime(spec), inside);
}

function planJoin(spec: Spec, type: NamespaceType): Fragment {
  const { origin, path, from } = chosen(spec, type);
  if (origin !== 'joined') return sequence();
  const flag = namespaceFlags[type];
  const name = `ns:${type}`;
  return {
    ops: [{ op: 'joinNamespace', namespace: name, flag, from }],
    fds: [{ name, kind: 'namespace', path, flag, from: `${from}/path` }],
  };
}

function planUser(spec: Spec): Fragment | readonly Op[] {
  const { origin, from } = chosen(spec, 'user');
  if (origin === 'joined') return planJoin(spec, 'user');
  return [
    { op: 'unshare', flags: namespaceFlags.user, from },
    { op: 'ask', question: questions.idMaps, from: '/linux/uidMappings' },
  ];
}

/** The offsets can be written until the first process has entered the namespace (time_namespaces(7)). */
function planTime(spec: Spec): readonly Op[] {
  const { origin, from } = chosen(spec, 'time');
  if (origin !== 'new') return [];
  return [{ op: 'unshare', flags: namespaceFlags.time, from }, ...planOffsets(spec)];
}

const clocks = { monotonic: 1, boottime: 7 } as const;

function planOffsets(spec: Spec): readonly Op[] {
  const offsets = spec.linux?.timeOffsets ?? {};
  return (['monotonic', 'boottime'] as const).flatMap((clock): Op[] => {
    const offset = offsets[clock];
    if (offset === undefined) return [];
    const { secs: seconds = 0, nanosecs: nanoseconds = 0 } = offset;
    return [{ op: 'setTimeOffset', clock: clocks[clock], seconds, nanoseconds, from: `/linux/timeOffsets/${clock}` }];
  });
}

const unsharedTogether = ['mount', 'uts', 'ipc', 'network'] as const;

function planUnshare(spec: Spec): readonly Op[] {
  const made = unsharedTogether.filter((type) => namespaceOrigin(spec, type) === 'new');
  const flags = made.reduce((sum, type) => sum | namespaceFlags[type], 0);
  return flags === 0 ? [] : [{ op: 'unshare', flags, from: '/linux/namespaces' }];
}

function planLoopback(spec: Spec): readonly Op[] {
  const { origin, from } = chosen(spec, 'network');
  return origin === 'new' ? [{ op: 'bringLoopbackUp', from }] : [];
}

/** A second pid 1 would end with the first one, so where a fork is needed at all clone3 does not make the pid namespace. */
const needsFork = (spec: Spec): boolean =>
  namespaceOrigin(spec, 'pid') === 'joined' ||
  hasOwn(spec, 'time') ||
  (namespaceOrigin(spec, 'pid') === 'new' && hasOwn(spec, 'user'));

const newPidFlag = (spec: Spec): number => (namespaceOrigin(spec, 'pid') === 'new' ? namespaceFlags.pid : 0);

const cloneFlags = (spec: Spec): number => (needsFork(spec) ? 0 : newPidFlag(spec));

const planFork = (spec: Spec): readonly Op[] =>
  needsFork(spec)
    ? [{ op: 'fork', flags: newPidFlag(spec), from: chosen(spec, hasOwn(spec, 'pid') ? 'pid' : 'time').from }]
    : [];

/**
 * Into the container's cgroup, and only then a cgroup namespace rooted there. On v1 the helper writes itself into each
 * hierarchy: the runtime would have to write cgroup.procs, which waits for an RCU grace period. On v2 the helper is born there.
 */
export function planCgroup(context: Context): Fragment {
  const { origin, from } = chosen(context.spec, 'cgroup');
  const unshare: readonly Op[] = origin === 'new' ? [{ op: 'unshare', flags: namespaceFlags.cgroup, from }] : [];
  return sequence(planFirstJoin(context), unshare);
}

/**
 * Of a container's first process. Until it is in them its cgroups are empty, and systemd removes empty ones of v1 whenever a
 * slice of its own changes: also between the opening of their lists and the join.
 */
export function planFirstJoin(context: Pick<Context, 'options'>): Fragment {
  const { ops, fds } = planJoinCgroups(context, 1);
  const ask: readonly Op[] = ops.length === 0 ? [] : [{ op: 'ask', question: questions.cgroups, from: cgroupsPath }];
  return sequence({ ops, fds }, ask);
}

const cgroupsPath = '/linux/cgroupsPath';

/** The helper's own way into the container's cgroups; on v2 it is born there. */
export function planJoinCgroups({ options: { cgroup } }: Pick<Context, 'options'>, mayVanish: 0 | 1 = 0): Fragment {
  const hierarchies = cgroup.kind === 'v1' ? cgroup.hierarchies : [];
  return sequence(...hierarchies.map(({ controllers }) => joinHierarchy(controllers.join(','), mayVanish)));
}

/** @param hierarchy controllers of one of v1, separated by commas; '' for the one of v2 */
export function joinHierarchy(hierarchy: string, mayVanish: 0 | 1 = 0): Fragment {
  const name = `cgroup:${hierarchy}`;
  return {
    ops: [{ op: 'joinCgroup', file: name, mayVanish, from: cgroupsPath }],
    fds: [{ name, kind: 'cgroupTasks', hierarchy, from: cgroupsPath }],
  };
}

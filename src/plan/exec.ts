import type { NamespaceType, Process, Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import { planFinalAffinity, planInitialAffinity } from './affinity.ts';
import { type Context, type Fragment, frozen, onHost, type PlanOptions, sequence } from './context.ts';
import { groupsInside, groupsOutside, identityInside } from './identity.ts';
import { hasOwnMounts, isCapable, joinHierarchy, namespaceFlags, planJoinCgroups } from './namespaces.ts';
import type { Op } from './ops.ts';
import { planExec, planProcess } from './process.ts';
import { planFilterOfStart } from './seccomp.ts';
import { planSession } from './session.ts';
import { planFurtherTerminal } from './terminal.ts';

export interface ExecPlanOptions
  extends Pick<PlanOptions, 'id' | 'bundle' | 'newKeyring' | 'preserveFds' | 'cgroup' | 'filter'> {
  /** Types of the namespaces that the container's first process does not share with the runtime. */
  readonly namespaces: readonly NamespaceType[];
}

/** The configuration of a container with the process that is to run. */
export type ExecSpec = Spec & { readonly process: Process };

/**
 * What a further process of a container does, from the clone of its helper to its own program. Who it is comes from the
 * same fragments as for the container's first program.
 * @throws TsruncError CONFIG_INVALID or UNSUPPORTED with the place of what cannot be planned
 */
export function compileExec(spec: ExecSpec, host: HostFacts, given: ExecPlanOptions): Fragment {
  const context = contextOf(spec, host, given);
  const { process } = spec;
  return frozen(
    sequence(
      [{ op: 'resetProcess', from: '' }],
      planInitialAffinity(process),
      planEnterCgroup(context, process),
      planEnter(context, given.namespaces),
      planSession(context),
      planEnterRoot(context),
      planFurtherTerminal(context),
      planProcess(context, process, 'fail'),
      [
        { op: 'ready', from: '' },
        { op: 'awaitStart', listener: '', from: '' },
      ],
      planFilterOfStart(spec, given.filter),
      planExec(process),
    ),
  );
}

/**
 * The initial affinity holds until the process is in the container's cgroup (config.md "Linux Process"), so with one it is not
 * born there.
 */
export const isBornInCgroup = ({ execCPUAffinity }: Process): boolean => (execCPUAffinity?.initial ?? '') === '';

/** Without a cgroup of its own the container's processes stay on the CPUs of their runtime, unless they are told others. */
function planEnterCgroup(context: Context, process: Process): Fragment {
  const { kind } = context.options.cgroup;
  const join = kind === 'v2' && !isBornInCgroup(process) ? joinHierarchy('') : planJoinCgroups(context);
  const stays = kind === 'none' && (process.execCPUAffinity?.final ?? '') === '';
  return sequence(join, stays ? [] : planFinalAffinity(process));
}

/** Hooks and start socket belong to the container's own program. */
function contextOf(spec: Spec, host: HostFacts, given: ExecPlanOptions): Context {
  const none = { prefix: '', suffix: '' };
  return { spec, host, options: { ...given, pivot: true, listenFds: 0, hasListener: false, hookState: () => none } };
}

/**
 * All namespaces at once, by the pidfd that identifies the container's first process: no pid can be reused in between, and
 * the kernel takes care of the order. Before that the process gives up being traced: from the pid namespace on,
 * processes of the container see it (CVE-2016-9962). Changing identity restores the attribute, so it is taken again.
 */
function planEnter({ spec, host }: Context, namespaces: readonly NamespaceType[]): Fragment {
  const has = (type: NamespaceType): boolean => namespaces.includes(type);
  const flags = namespaces.reduce((sum, type) => sum | namespaceFlags[type], 0);
  const protect: Op = { op: 'protect', from: '' };
  if (flags === 0) return { ops: [protect], fds: [] };
  const groups = isCapable(host)
    ? { outside: groupsOutside(host), inside: [] }
    : { outside: [], inside: groupsInside() };
  const identity = has('user') ? [...groups.inside, ...identityInside(spec), protect] : [];
  const join: Op = { op: 'joinProcess', process: 'container', flags, from: '' };
  // setns(2) puts only children into a pid namespace.
  const fork: readonly Op[] = has('pid') || has('time') ? [{ op: 'fork', flags: 0, from: '' }] : [];
  return {
    ops: [protect, ...(has('user') ? groups.outside : []), join, ...identity, ...fork],
    fds: [{ name: 'container', kind: 'container', from: '' }],
  };
}

/** "/" of the mount namespace, or, where the container was given none of its own, the directory that it was confined to. */
const planEnterRoot = ({ spec, options }: Context): readonly Op[] =>
  hasOwnMounts({ spec })
    ? [{ op: 'useRoot', path: '/', from: '' }]
    : [
        { op: 'useRoot', path: onHost(options.bundle, spec.root?.path ?? 'rootfs'), from: '/root/path' },
        { op: 'changeRoot', from: '/root/path' },
      ];

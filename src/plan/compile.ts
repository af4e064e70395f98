import type { Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import { planOwnAffinity } from './affinity.ts';
import { type Context, type Fragment, frozen, type HookState, type PlanOptions, sequence } from './context.ts';
import { isBoundDev, planDevices } from './devices.ts';
import { planCreateHooks, planRuntimeHooks } from './hooks.ts';
import { planHostname } from './hostname.ts';
import { planMaskedPaths, planReadonlyPaths } from './masks.ts';
import { planLateReadonly, planMounts } from './mounts/mounts.ts';
import { planCgroup, planNamespaces } from './namespaces.ts';
import type { Op } from './ops.ts';
import type { Plan } from './plan.ts';
import { planProcess, planStart } from './process.ts';
import {
  planDirectoryInReadonlyRoot,
  planEnterRoot,
  planRoot,
  planRootPropagation,
  planRootReadonly,
} from './rootfs.ts';
import { planSession } from './session.ts';
import { planSysctl } from './sysctl.ts';
import { planTerminal } from './terminal.ts';

export type { CgroupDirectory, CgroupPlacement, HookState, PlanOptions } from './context.ts';
export { planNamespaces } from './namespaces.ts';

/**
 * The whole plan of a container: a pure function of a valid configuration, the host and the options.
 * @throws TsruncError CONFIG_INVALID or UNSUPPORTED with the place of what cannot be planned
 */
export function compile(spec: Spec, host: HostFacts, options: PlanOptions): Plan {
  const { cloneFlags, prologue, fds } = planNamespaces(spec, host);
  const init = compileInit(spec, host, options);
  return Object.freeze({ cloneFlags, prologue, init: init.ops, fds: Object.freeze([...fds, ...init.fds]) });
}

/**
 * Everything after the namespaces are entered, up to exec.
 * @throws TsruncError CONFIG_INVALID or UNSUPPORTED with the place of what cannot be planned
 */
export const compileInit = (spec: Spec, host: HostFacts, options: PlanOptions): Fragment =>
  frozen(sequence(compilePlacement(spec, host, options), compileContainer(spec, host, options)));

/** The beginning of compileInit: the helper joins its cgroups (half a millisecond on v1) while the rest is compiled. */
export function compilePlacement(spec: Spec, host: HostFacts, options: PlanOptions): Fragment {
  const context: Context = { spec, host, options };
  return frozen(sequence(planCgroup(context), planOwnAffinity(context)));
}

/**
 * The rest of compileInit.
 * @throws TsruncError CONFIG_INVALID or UNSUPPORTED with the place of what cannot be planned
 */
export function compileContainer(spec: Spec, host: HostFacts, options: PlanOptions): Fragment {
  const context: Context = { spec, host, options };
  return frozen(
    sequence(
      planSession(context),
      planRoot(context),
      planMounts(context),
      planDevices(context),
      planRuntimeHooks(context),
      planCreateHooks(context),
      planHostname(context),
      planSysctl(context),
      planReadonlyPaths(context),
      planMaskedPaths(context),
      planEnterRoot(context),
      planTerminal(context, isBoundDev(context)),
      planDirectoryInReadonlyRoot(context),
      planLateReadonly(context),
      planRootPropagation(context),
      planRootReadonly(context),
      spec.process === undefined ? [] : planProcess(context, spec.process),
      planWaiting(context),
      planStart(spec, options.hookState('created'), options),
    ),
  );
}

/** The operations after the word to start; they depend on the configuration alone. */
export const planAfterStart = (spec: Spec, state: HookState): readonly Op[] => planStart(spec, state);

function planWaiting({ options }: Context): Fragment {
  const name = options.hasListener ? 'start' : '';
  const ops: readonly Op[] = [
    { op: 'ready', from: '' },
    { op: 'awaitStart', listener: name, from: '' },
  ];
  return { ops, fds: options.hasListener ? [{ name, kind: 'startSocket', from: '' }] : [] };
}

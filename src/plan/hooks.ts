import type { Hook, Spec } from '../config/spec.ts';
import type { Context, HookState } from './context.ts';
import { type Op, questions } from './ops.ts';

/** prestart and createRuntime run in the runtime's namespaces, hence by the runtime (config.md "POSIX-platform Hooks"). */
export function planRuntimeHooks({ spec: { hooks = {} } }: Context): readonly Op[] {
  const { prestart = [], createRuntime = [] } = hooks;
  const from = prestart.length > 0 ? '/hooks/prestart' : '/hooks/createRuntime';
  return prestart.length + createRuntime.length === 0 ? [] : [{ op: 'ask', question: questions.runtimeHooks, from }];
}

/** In the container's namespaces, before the change of root. */
export const planCreateHooks = ({ spec, options }: Context): readonly Op[] =>
  spec.hooks?.createContainer === undefined ? [] : planHooks(spec, 'createContainer', options.hookState('created'));

/**
 * After the word to start, as the container's user. A process that is killed meanwhile has not run its program, which is not to
 * be taken for a short one.
 */
export const planStartHooks = (spec: Spec, state: HookState): readonly Op[] =>
  (spec.hooks?.startContainer ?? []).length === 0
    ? []
    : [...planHooks(spec, 'startContainer', state), { op: 'takeGo', from: '/hooks/startContainer' }];

const planHooks = ({ hooks }: Spec, kind: 'createContainer' | 'startContainer', state: HookState): readonly Op[] =>
  (hooks?.[kind] ?? []).map((hook, index) => planHook(hook, state, `/hooks/${kind}/${index}`));

/** execve semantics: `args` holds argv[0], and without `env` there is none (config.md "POSIX-platform Hooks"). */
const planHook = ({ path, args, env = [], timeout = 0 }: Hook, state: HookState, from: string): Op => ({
  op: 'runHook',
  path,
  args: args === undefined || args.length === 0 ? [path] : args,
  env,
  timeoutSeconds: timeout,
  statePrefix: state.prefix,
  stateSuffix: state.suffix,
  from,
});

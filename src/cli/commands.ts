/** The module of each command, loaded when it runs: a start costs as much as there is to load. */
import type { GlobalOptions } from '../lifecycle/options.ts';
import type { Invocation } from './parse.ts';
import type { ArgsOf, OptionsOf, Verb } from './table.ts';

/** What a command receives. */
export interface Call<V extends Verb> {
  readonly global: GlobalOptions;
  readonly options: OptionsOf<V>;
  readonly args: ArgsOf<V>;
  /** Write text to standard output, all of it; false when nobody reads any more. */
  readonly print: (text: string) => boolean;
}

/** What a module in commands/ exports: returns the exit status, throws TsruncError. */
export interface CommandModule<V extends Verb> {
  readonly run: (call: Call<V>) => number | Promise<number>;
}

type Loaders = { readonly [V in Verb]: () => Promise<CommandModule<V>> };

const loaders: Loaders = {
  create: () => import('./commands/create.ts'),
  start: () => import('./commands/start.ts'),
  run: () => import('./commands/run.ts'),
  exec: () => import('./commands/exec.ts'),
  kill: () => import('./commands/kill.ts'),
  delete: () => import('./commands/delete.ts'),
  state: () => import('./commands/state.ts'),
  pause: () => import('./commands/pause.ts'),
  resume: () => import('./commands/resume.ts'),
  events: () => import('./commands/events.ts'),
  ps: () => import('./commands/ps.ts'),
  checkpoint: () => import('./commands/checkpoint.ts'),
  restore: () => import('./commands/restore.ts'),
  update: () => import('./commands/update.ts'),
  list: () => import('./commands/list.ts'),
  spec: () => import('./commands/spec.ts'),
  validate: () => import('./commands/validate.ts'),
  plan: () => import('./commands/plan.ts'),
  features: () => import('./commands/features.ts'),
  completion: () => import('./commands/completion.ts'),
  help: () => import('./commands/help.ts'),
  version: () => import('./commands/version.ts'),
};

/**
 * Run one command.
 *
 * @returns its exit status
 */
export async function dispatch<V extends Verb>(
  { verb, options, args }: Invocation<V>,
  surroundings: Pick<Call<V>, 'global' | 'print'>,
): Promise<number> {
  const { run } = await loaders[verb]();
  return run({ ...surroundings, options, args });
}

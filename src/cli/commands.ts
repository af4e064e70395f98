/**
 * The module of each command. The verbs that engines call for every container are part of the first chunk of the executable,
 * because loading one more costs more than they do; the others are loaded when they run.
 */
import type { GlobalOptions } from '../lifecycle/options.ts';
import * as create from './commands/create.ts';
import * as deleteVerb from './commands/delete.ts';
import * as exec from './commands/exec.ts';
import * as kill from './commands/kill.ts';
import * as run from './commands/run.ts';
import * as start from './commands/start.ts';
import * as state from './commands/state.ts';
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

type Loaders = { readonly [V in Verb]: CommandModule<V> | (() => Promise<CommandModule<V>>) };

const loaders: Loaders = {
  create,
  start,
  run,
  exec,
  kill,
  delete: deleteVerb,
  state,
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
  const command = loaders[verb];
  const { run } = typeof command === 'function' ? await command() : command;
  return run({ ...surroundings, options, args });
}

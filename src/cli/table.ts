/**
 * THE table of commands and options. The parser, the help pages, the shell completion and the types of what a command
 * receives all come from it. A new command is a row in table/, a file in commands/ and a line in commands.ts.
 */
import { checkpointCommands } from './table/checkpoint.ts';
import type { globalOptions } from './table/globals.ts';
import { lifeCommands } from './table/life.ts';
import { lookCommands } from './table/look.ts';
import { otherCommands } from './table/rest.ts';
import type { CommandRow, OptionRow } from './table/rows.ts';
import { updateCommand } from './table/update.ts';

export { globalOptions } from './table/globals.ts';
export type { CommandRow, OptionRow, PositionalRow } from './table/rows.ts';

/** In the order of the help page. */
export const commands = [
  ...lifeCommands,
  ...updateCommand,
  ...checkpointCommands,
  ...lookCommands,
  ...otherCommands,
] as const satisfies readonly CommandRow[];

export type Command = (typeof commands)[number];
export type Verb = Command['name'];

export const rowOf = (verb: Verb): CommandRow => {
  const row = commands.find(({ name }) => name === verb);
  if (row === undefined) throw new Error(`no command is called ${verb}`);
  return row;
};

/** Whether it takes no value of its own. */
export const isFlag = ({ type }: OptionRow): boolean => type === 'flag' || type === 'toggle';

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

/**
 * The command line, read by the rules that callers of runc rely on (those of Go's flag package): one dash or two before
 * a name, `--name value` or `--name=value`, flags only with `=true` or `=false`, the last of a repeated option wins, `--`
 * ends the options, an empty value is no value. Options of a command may stand before or after its arguments.
 *
 * It knows nothing but the table, and costs microseconds: engines run tsrunc several times for each container.
 */
import { nearest } from '../config/nearest.ts';
import { TsruncError } from '../errors.ts';
import {
  type ArgsOf,
  type CommandRow,
  commands,
  type GlobalValues,
  globalOptions,
  type OptionRow,
  type OptionsOf,
  type Verb,
} from './table.ts';

/** One understood command line. */
export interface Invocation<V extends Verb> {
  readonly verb: V;
  readonly options: OptionsOf<V>;
  readonly args: ArgsOf<V>;
}

export type Parsed = {
  /** Those before the verb; of a command line with a mistake, those before the mistake. */
  readonly globals: GlobalValues;
} & ({ readonly invocation: Invocation<Verb> } | { readonly mistake: TsruncError });

type Value = boolean | number | string | readonly string[] | undefined;
type Values = Record<string, Value>;

/**
 * Read a command line.
 *
 * @param argv the words after the program's name
 * @returns what to run; `help` and `version` are commands too. A mistake is returned as a USAGE error, not thrown,
 *   because the global options before it say where it is to be reported.
 */
export function parse(argv: readonly string[]): Parsed {
  const globals = initialValues(globalOptions);
  try {
    const invocation = readCommandLine(new Words(argv), globals);
    // The rows that filled these values are the rows that their types are computed from.
    return { globals: globals as GlobalValues, invocation: invocation as Invocation<Verb> };
  } catch (error) {
    if (error instanceof TsruncError) return { globals: globals as GlobalValues, mistake: error };
    throw error;
  }
}

class Words {
  private readonly words: readonly string[];
  private next = 0;

  constructor(words: readonly string[]) {
    this.words = words;
  }

  take(): string | undefined {
    return this.words[this.next++];
  }

  others(): readonly string[] {
    return this.words.slice(this.next);
  }
}

interface LooseInvocation {
  readonly verb: Verb;
  readonly options: Values;
  readonly args: Values;
}

function readCommandLine(words: Words, globals: Values): LooseInvocation {
  const verb = readOptions(words, globals, globalOptions, () => 'stop', undefined);
  if (globals.version === true) return { verb: 'version', options: {}, args: {} };
  if (globals.help === true || verb === undefined) return help(verb);
  const row = commands.find(({ name }) => name === verb);
  if (row === undefined) throw unknownCommand(verb);
  return readCommand(words, row);
}

const helpOption: OptionRow = { long: 'help', short: 'h', type: 'flag', about: '' };
const help = (command: string | undefined): LooseInvocation => ({ verb: 'help', options: {}, args: { command } });

function readCommand(words: Words, row: CommandRow & { readonly name: Verb }): LooseInvocation {
  const rows: readonly OptionRow[] = [...row.options, helpOption];
  const values = initialValues(rows);
  const found: string[] = [];
  const collect = (word: string): 'stop' | 'go on' => {
    found.push(word);
    return row.rest === undefined ? 'go on' : 'stop';
  };
  readOptions(words, values, rows, collect, row.name);
  if (values.help === true) return help(row.name);
  delete values.help;
  return { verb: row.name, options: values, args: namePositionals(row, [...found, ...words.others()]) };
}

/**
 * Read words into `values` until the end, until `onPositional` says stop (that word is returned), or until help is asked
 * for: then nothing that follows matters.
 */
function readOptions(
  words: Words,
  values: Values,
  rows: readonly OptionRow[],
  onPositional: (word: string) => 'stop' | 'go on',
  verb: Verb | undefined,
): string | undefined {
  let optionsEnded = false;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (optionsEnded || word.length < 2 || !word.startsWith('-')) {
      if (onPositional(word) === 'stop') return word;
    } else if (word === '--') {
      optionsEnded = true;
    } else {
      readOption(word, words, values, rows, verb);
      if (values.help === true) return undefined;
    }
  }
  return undefined;
}

function readOption(
  word: string,
  words: Words,
  values: Values,
  rows: readonly OptionRow[],
  verb: Verb | undefined,
): void {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word : word.slice(0, equals);
  const bare = bareName(name);
  const row = rows.find(({ long, short }) => bare === long || bare === short);
  if (row === undefined) throw unknownOption(name, rows, verb);
  const inline = equals === -1 ? undefined : word.slice(equals + 1);
  const text = inline ?? (isFlag(row) ? 'true' : words.take());
  if (text === undefined) throw usage(`option --${row.long} needs a value: --${row.long} ${row.value}`, verb);
  if (text === '' && !isFlag(row)) return;
  const before = values[row.long];
  values[row.long] = row.type === 'list' && Array.isArray(before) ? [...before, text] : convert(row, text, verb);
}

const bareName = (name: string): string => name.slice(name.startsWith('--') ? 2 : 1);

const isFlag = ({ type }: OptionRow): boolean => type === 'flag' || type === 'toggle';

function convert(row: OptionRow, text: string, verb: Verb | undefined): Value {
  if (isFlag(row)) return convertFlag(row, text, verb);
  if (row.type === 'count') {
    if (!/^\d{1,9}$/.test(text)) throw usage(`option --${row.long} takes a whole number from 0, not "${text}"`, verb);
    return Number(text);
  }
  if (row.choices !== undefined && !row.choices.includes(text)) {
    throw usage(
      `option --${row.long} takes ${row.choices.join(' or ')}, not "${text}"${guess(text, row.choices)}`,
      verb,
    );
  }
  return text;
}

const spellingsOfTrue: readonly string[] = ['1', 't', 'T', 'true', 'True', 'TRUE'];
const spellingsOfFalse: readonly string[] = ['0', 'f', 'F', 'false', 'False', 'FALSE'];

function convertFlag(row: OptionRow, text: string, verb: Verb | undefined): boolean {
  if (spellingsOfTrue.includes(text)) return true;
  if (spellingsOfFalse.includes(text)) return false;
  throw usage(`option --${row.long} is a flag: it takes =true or =false, not "${text}"`, verb);
}

function initialValues(rows: readonly OptionRow[]): Values {
  const values: Values = {};
  for (const row of rows) values[row.long] = initialValue(row);
  return values;
}

function initialValue({ type, fallback }: OptionRow): Value {
  if (type === 'flag') return false;
  return type === 'list' ? [] : fallback;
}

function namePositionals(row: CommandRow & { readonly name: Verb }, found: readonly string[]): Values {
  const missing = row.positionals.find(({ required }, index) => required && found[index] === undefined);
  if (missing !== undefined) throw usage(`${row.name} needs a <${missing.name}>`, row.name);
  const args: Values = Object.fromEntries(row.positionals.map(({ name }, index) => [name, found[index]]));
  const others = found.slice(row.positionals.length);
  if (row.rest !== undefined) return { ...args, [row.rest.name]: others[0] === '--' ? others.slice(1) : others };
  if (others[0] !== undefined) throw usage(`${row.name} does not take the argument "${others[0]}"`, row.name);
  return args;
}

function unknownCommand(verb: string): TsruncError {
  const names = commands.map(({ name }) => name);
  return new TsruncError('USAGE', `unknown command "${verb}"${guess(verb, names)}`, {
    hint: '"tsrunc help" lists the commands.',
  });
}

function unknownOption(name: string, rows: readonly OptionRow[], verb: Verb | undefined): TsruncError {
  const bare = bareName(name);
  if (verb !== undefined && globalOptions.some(({ long }) => long === bare)) {
    return usage(`option --${bare} belongs before the command: tsrunc --${bare} ... ${verb} ...`, verb);
  }
  const longNames = rows.filter(({ hidden }) => hidden !== true).map(({ long }) => long);
  const near = nearest(bare, longNames);
  const suggestion = near === undefined ? '' : `: did you mean --${near}?`;
  return usage(`unknown option ${name}${verb === undefined ? '' : ` of ${verb}`}${suggestion}`, verb);
}

const guess = (word: string, names: readonly string[]): string => {
  const near = nearest(word, names);
  return near === undefined ? '' : `: did you mean ${near}?`;
};

const usage = (sentence: string, verb: Verb | undefined): TsruncError =>
  new TsruncError('USAGE', sentence, {
    hint: `"tsrunc ${verb === undefined ? 'help' : `help ${verb}`}" explains ${verb === undefined ? 'the options' : 'it'}.`,
  });

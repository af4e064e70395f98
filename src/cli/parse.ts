/**
 * The command line, read by the rules that callers of runc rely on (those of Go's flag package): one dash or two before
 * a name, `--name value` or `--name=value`, flags only with `=true` or `=false`, the last of a repeated option wins, `--`
 * ends the options, an empty value is no value. Options of a command may stand before or after its arguments.
 *
 * It knows nothing but the table, and costs microseconds: engines run tsrunc several times for each container.
 */
import {
  type ArgsOf,
  type CommandRow,
  commands,
  type GlobalValues,
  globalOptions,
  isFlag,
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
} & ({ readonly invocation: Invocation<Verb> } | { readonly mistake: Mistake });

/** What was not understood; mistakes.ts has the words for it. */
export interface Mistake {
  readonly fault: Fault;
  readonly verb: Verb | undefined;
  /** The whole command line, without the program. */
  readonly words: readonly string[];
}

export type Fault =
  | { readonly kind: 'unknownCommand'; readonly word: string }
  | { readonly kind: 'unknownOption'; readonly name: string; readonly rows: readonly OptionRow[] }
  | { readonly kind: 'noValue'; readonly row: OptionRow }
  | { readonly kind: 'noFlag' | 'noCount' | 'noChoice'; readonly row: OptionRow; readonly text: string }
  | { readonly kind: 'missingArgument'; readonly name: string }
  | { readonly kind: 'surplusArgument'; readonly text: string };

type Value = boolean | number | string | readonly string[] | undefined;
type Values = Record<string, Value>;

/**
 * Read a command line.
 *
 * @param argv the words after the program's name
 * @returns what to run; `help` and `version` are commands too. A mistake is returned, not thrown, because the global
 *   options before it say where it is to be reported.
 */
export function parse(argv: readonly string[]): Parsed {
  const globals = initialValues(globalOptions);
  try {
    const invocation = readCommandLine(new Words(argv), globals);
    // The rows that filled these values are the rows that their types are computed from.
    return { globals: globals as GlobalValues, invocation: invocation as Invocation<Verb> };
  } catch (error) {
    if (!(error instanceof Misunderstood)) throw error;
    const { fault, verb } = error;
    return { globals: globals as GlobalValues, mistake: { fault, verb, words: argv } };
  }
}

class Misunderstood extends Error {
  readonly fault: Fault;
  readonly verb: Verb | undefined;

  constructor(fault: Fault, verb?: Verb) {
    super(fault.kind);
    this.fault = fault;
    this.verb = verb;
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
  if (row === undefined) throw new Misunderstood({ kind: 'unknownCommand', word: verb });
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
  if (row === undefined) throw new Misunderstood({ kind: 'unknownOption', name, rows }, verb);
  const inline = equals === -1 ? undefined : word.slice(equals + 1);
  const text = inline ?? (isFlag(row) ? 'true' : words.take());
  if (text === undefined) throw new Misunderstood({ kind: 'noValue', row }, verb);
  if (text === '' && !isFlag(row)) return;
  const before = values[row.long];
  values[row.long] = row.type === 'list' && Array.isArray(before) ? [...before, text] : convert(row, text, verb);
}

const bareName = (name: string): string => name.slice(name.startsWith('--') ? 2 : 1);

function convert(row: OptionRow, text: string, verb: Verb | undefined): Value {
  if (isFlag(row)) return convertFlag(row, text, verb);
  if (row.type === 'count') {
    if (!/^\d{1,9}$/.test(text)) throw new Misunderstood({ kind: 'noCount', row, text }, verb);
    return Number(text);
  }
  if (row.choices?.includes(text) === false) throw new Misunderstood({ kind: 'noChoice', row, text }, verb);
  return text;
}

const spellingsOfTrue: readonly string[] = ['1', 't', 'T', 'true', 'True', 'TRUE'];
const spellingsOfFalse: readonly string[] = ['0', 'f', 'F', 'false', 'False', 'FALSE'];

function convertFlag(row: OptionRow, text: string, verb: Verb | undefined): boolean {
  if (spellingsOfTrue.includes(text)) return true;
  if (spellingsOfFalse.includes(text)) return false;
  throw new Misunderstood({ kind: 'noFlag', row, text }, verb);
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
  if (missing !== undefined) throw new Misunderstood({ kind: 'missingArgument', name: missing.name }, row.name);
  const args: Values = Object.fromEntries(row.positionals.map(({ name }, index) => [name, found[index]]));
  const others = found.slice(row.positionals.length);
  if (row.rest !== undefined) return { ...args, [row.rest.name]: others[0] === '--' ? others.slice(1) : others };
  if (others[0] !== undefined) throw new Misunderstood({ kind: 'surplusArgument', text: others[0] }, row.name);
  return args;
}

/** The words for a command line that was not understood; loaded only then. */
import { nearest } from '../config/nearest.ts';
import { TsruncError } from '../errors.ts';
import type { Fault, Mistake } from './parse.ts';
import { commands, globalOptions, isFlag, type OptionRow, rowOf, type Verb } from './table.ts';

/** @returns TsruncError USAGE */
export function explained({ fault, verb, words }: Mistake): TsruncError {
  if (verb === undefined) return new TsruncError('USAGE', sentenceOf(fault), { hint: hintWithoutVerb(fault) });
  const given = words.slice(words.indexOf(verb) + 1);
  const hint = adviceFor(fault, verb, given) ?? `"tsrunc help ${verb}" explains it.`;
  return new TsruncError('USAGE', sentenceOf(fault, verb, given), { hint });
}

/** @throws TsruncError USAGE always */
export function refuseCommand(word: string): never {
  throw explained({ fault: { kind: 'unknownCommand', word }, verb: undefined, words: [word] });
}

const hintWithoutVerb = ({ kind }: Fault): string =>
  kind === 'unknownCommand' ? '"tsrunc help" lists the commands.' : '"tsrunc help" explains the options.';

/** @param given the words behind the verb */
function sentenceOf(fault: Fault, verb?: Verb, given: readonly string[] = []): string {
  switch (fault.kind) {
    case 'unknownCommand':
      return `unknown command "${fault.word}"${guess(commandMeant(fault.word))}`;
    case 'unknownOption':
      return unknownOption(fault.name, fault.rows, verb);
    case 'noValue':
      return `option --${fault.row.long} needs a value: --${fault.row.long} ${fault.row.value}`;
    case 'noFlag':
      return `option --${fault.row.long} is a flag: it takes =true or =false, not "${fault.text}"`;
    case 'noCount':
      return `option --${fault.row.long} takes a whole number from 0, not "${fault.text}"`;
    case 'noChoice': {
      const choices = fault.row.choices ?? [];
      const near = guess(nearest(fault.text, choices));
      return `option --${fault.row.long} takes ${choices.join(' or ')}, not "${fault.text}"${near}`;
    }
    case 'missingArgument':
      return `${verb} needs a <${fault.name}>${swallowed(given, verb)}`;
    case 'surplusArgument':
      return `${verb} does not take the argument "${fault.text}"`;
  }
}

const guess = (meant: string | undefined): string => (meant === undefined ? '' : `: did you mean ${meant}?`);

/** As other programs for containers call them. */
const synonyms: Readonly<Record<string, Verb | undefined>> = {
  rm: 'delete',
  remove: 'delete',
  stop: 'kill',
  ls: 'list',
  inspect: 'state',
  unpause: 'resume',
  // Nothing does that here, and "resume" is only spelled alike.
  rename: undefined,
};

const commandMeant = (word: string): string | undefined =>
  Object.hasOwn(synonyms, word)
    ? synonyms[word]
    : nearest(
        word,
        commands.map(({ name }) => name),
      );

function unknownOption(name: string, rows: readonly OptionRow[], verb: Verb | undefined): string {
  const bare = bareName(name);
  if (verb !== undefined && globalOptions.some(({ long }) => long === bare)) {
    return `option --${bare} belongs before the command: tsrunc --${bare} ... ${verb} ...`;
  }
  const longNames = rows.filter(({ hidden }) => hidden !== true).map(({ long }) => long);
  const near = nearest(bare, longNames);
  return `unknown option ${name}${verb === undefined ? '' : ` of ${verb}`}${guess(near && `--${near}`)}`;
}

/** The last word may have been meant as the argument, and have gone to the option before it. */
function swallowed(given: readonly string[], verb: Verb | undefined): string {
  const [before = '', last = ''] = given.slice(-2);
  const row = before.startsWith('-') && verb !== undefined ? optionCalled(bareName(before), verb) : undefined;
  return row === undefined || isFlag(row) ? '' : `: "${last}" was taken as the value of --${row.long}`;
}

const bareName = (name: string): string => name.replace(/^--?/, '');

const optionCalled = (bare: string, verb: Verb): OptionRow | undefined =>
  rowOf(verb).options.find(({ long, short }) => bare === long || bare === short);

/** What other programs would have understood, said in our way. */
function adviceFor(fault: Fault, verb: Verb, given: readonly string[]): string | undefined {
  if (fault.kind !== 'unknownOption') return undefined;
  const { name } = fault;
  if (verb === 'kill' && /^-(?:\d{1,2}|[A-Z][A-Z\d+-]*)$/.test(name)) {
    const id = given.find((word) => !word.startsWith('-')) ?? 'ID';
    return `The signal follows the container: tsrunc kill ${id} ${name.slice(1)}`;
  }
  return (
    [joinedAdvice(name, verb), terminalAdvice(name, verb)].filter((part) => part !== undefined).join(' ') || undefined
  );
}

const asksForTerminal = (name: string): boolean => /^(?:-[it]{1,2}|--(?:tty|interactive|terminal))$/.test(name);

function joinedAdvice(name: string, verb: Verb): string | undefined {
  const letters = /^-([a-z]{2,3})$/.exec(name)?.[1]?.split('') ?? [];
  const areOptions = letters.length > 0 && letters.every((letter) => optionCalled(letter, verb) !== undefined);
  if (areOptions) return `Short options cannot be joined: ${letters.map((letter) => `-${letter}`).join(' ')}`;
  return letters.length > 0 && asksForTerminal(name) ? 'Short options cannot be joined.' : undefined;
}

function terminalAdvice(name: string, verb: Verb): string | undefined {
  if (!asksForTerminal(name)) return undefined;
  if (verb === 'exec') return '--tty gives a terminal, and standard input is always passed on.';
  const isMaker = verb === 'run' || verb === 'create';
  return isMaker ? 'Terminal and program are in config.json: process.terminal, process.args.' : undefined;
}

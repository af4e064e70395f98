/** What the last word of a command line can become; pure, by the table and the rules of parse.ts. */

import { signals } from '../host/signals.ts';
import type { ContainerStatus } from '../lifecycle/options.ts';
import { capabilityNumbers } from '../plan/capabilities.ts';
import { shells } from './completion-scripts.ts';
import { type CommandRow, commands, globalOptions, isFlag, type OptionRow, type PositionalRow } from './table.ts';
import { describe, isShown } from './wording.ts';

export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** Who knows the answer: we, or the shell, or the state directory. */
export type Offer =
  | { readonly kind: 'words'; readonly words: readonly Candidate[] }
  | { readonly kind: 'files' | 'directories' }
  | { readonly kind: 'containers'; readonly statuses: readonly ContainerStatus[] };

export interface Completion {
  readonly offer: Offer;
  /** "--name=" of a last word that is an option with its value; the offer is for what follows. */
  readonly prefix: string;
  /** What there is of the word already, without the prefix. */
  readonly typed: string;
  /** The --root of the command line. */
  readonly root: string | undefined;
}

/** @param words of a command line, without the program; the last one is incomplete, perhaps empty */
export function complete(words: readonly string[]): Completion {
  const reading = new Reading();
  for (const word of words.slice(0, -1)) reading.take(word);
  return reading.completionOf(words.at(-1) ?? '');
}

const nothing: Offer = { kind: 'words', words: [] };

class Reading {
  #row: CommandRow | undefined;
  #options: readonly OptionRow[] = globalOptions;
  #positionals = 0;
  #optionsEnded = false;
  /** The option whose value comes next. */
  #pending: OptionRow | undefined;
  #root: string | undefined;
  /** A command that there is not. */
  #lost = false;

  take(word: string): void {
    if (this.#pending !== undefined) this.#takeValue(this.#pending, word);
    else if (!this.#isOption(word)) this.#takePositional(word);
    else if (word === '--') this.#optionsEnded = true;
    else this.#takeOption(word);
  }

  #isOption(word: string): boolean {
    return !this.#optionsEnded && word.length > 1 && word.startsWith('-');
  }

  #takeValue(option: OptionRow, word: string): void {
    if (option.long === 'root') this.#root = word;
    this.#pending = undefined;
  }

  #takeOption(word: string): void {
    const [name, value] = splitOption(word);
    const option = this.#optionCalled(name);
    if (option === undefined || isFlag(option)) return;
    this.#pending = option;
    if (value !== undefined) this.#takeValue(option, value);
  }

  #optionCalled(name: string): OptionRow | undefined {
    const bare = name.replace(/^--?/, '');
    return this.#options.find(({ long, short }) => bare === long || bare === short);
  }

  #takePositional(word: string): void {
    if (this.#row !== undefined) {
      this.#positionals += 1;
      // What follows is passed on, options included.
      if (this.#row.rest !== undefined && this.#positionals >= this.#row.positionals.length) this.#optionsEnded = true;
      return;
    }
    this.#row = commands.find(({ name }) => name === word);
    this.#lost = this.#row === undefined;
    this.#options = this.#row?.options ?? [];
  }

  completionOf(word: string): Completion {
    const root = this.#root;
    if (this.#pending !== undefined) return { offer: valuesOf(this.#pending), prefix: '', typed: word, root };
    if (this.#optionsEnded || !word.startsWith('-'))
      return { offer: this.#positionalOffer(), prefix: '', typed: word, root };
    const [name, value] = splitOption(word);
    if (value === undefined) return { offer: this.#optionNames(), prefix: '', typed: word, root };
    const option = this.#optionCalled(name);
    return { offer: option === undefined ? nothing : valuesOf(option), prefix: `${name}=`, typed: value, root };
  }

  #optionNames(): Offer {
    const words = this.#options.filter(isShown).map((row) => ({ word: `--${row.long}`, about: describe(row) }));
    return { kind: 'words', words };
  }

  #positionalOffer(): Offer {
    if (this.#lost) return nothing;
    if (this.#row === undefined) return offerOf({ offers: 'commands' });
    return offerOf(this.#row.positionals[this.#positionals] ?? {});
  }
}

function splitOption(word: string): [name: string, value: string | undefined] {
  const equals = word.indexOf('=');
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

const named = (words: readonly string[], about = ''): Offer => ({
  kind: 'words',
  words: words.map((word) => ({ word, about })),
});

/** By what stands for the value on the help page. */
function valuesOf(option: OptionRow): Offer {
  if (isFlag(option)) return named(['true', 'false']);
  if (option.choices !== undefined) return named(option.choices);
  if (option.value === 'DIR') return { kind: 'directories' };
  if (option.value === 'FILE' || option.value === 'SOCKET') return { kind: 'files' };
  return option.value === 'CAP_NAME' ? named(Object.keys(capabilityNumbers)) : nothing;
}

function offerOf({ offers, statuses = [] }: Pick<PositionalRow, 'offers' | 'statuses'>): Offer {
  switch (offers) {
    case undefined:
      return nothing;
    case 'commands':
      return { kind: 'words', words: commands.map(({ name, about }) => ({ word: name, about })) };
    case 'signals':
      return named(Object.keys(signals));
    case 'shells':
      return named(shells);
    case 'containers':
      return { kind: 'containers', statuses };
    default:
      return { kind: offers };
  }
}

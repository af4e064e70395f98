/** What a row of the table of commands says. */
import type { ContainerStatus } from '../../lifecycle/options.ts';

export interface OptionRow {
  /** Name after the dashes: accepted as --name and, as Go programs do, as -name. */
  readonly long: string;
  readonly short?: string;
  /**
   * flag: present or not, or =true|false; toggle: the same, and absence is a third answer; text: any string; list: may be
   * repeated, every value counts; count: a whole number from 0.
   */
  readonly type: 'flag' | 'toggle' | 'text' | 'list' | 'count';
  /** What stands for the value on the help page, in capitals. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly fallback?: string | number;
  /** The default in words, where it is not `fallback`. */
  readonly fallbackAbout?: string;
  readonly about: string;
  /** Accepted for the sake of callers that pass it, not shown. */
  readonly hidden?: true;
}

export interface PositionalRow {
  readonly name: string;
  readonly required: boolean;
  readonly about: string;
  /** What completion offers for it. */
  readonly offers?: 'containers' | 'commands' | 'signals' | 'files' | 'directories' | 'shells';
  /** The containers that are offered: those which the command can be used on. */
  readonly statuses?: readonly ContainerStatus[];
}

export interface CommandRow {
  readonly name: string;
  readonly group: 'Life of a container' | 'Look at containers' | 'Work on a bundle' | 'About tsrunc';
  /** One line, imperative, for the list of commands. */
  readonly about: string;
  /** The paragraph of the command's own help page. */
  readonly details?: string;
  readonly positionals: readonly PositionalRow[];
  /** What follows the positionals is passed on as it stands: the options of the command end at its first positional. */
  readonly rest?: PositionalRow;
  readonly options: readonly OptionRow[];
  /** Exit status of a failure, where it is not 1. */
  readonly failureStatus?: number;
  readonly examples: readonly (readonly [command: string, about: string])[];
}

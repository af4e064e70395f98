import { resolve } from 'node:path';
import { TsruncError } from '../../errors.ts';
import { list } from '../../lifecycle/list.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { type Candidate, type Completion, complete } from '../complete.ts';
import { completionScript, type Shell, shells } from '../completion-scripts.ts';

export function run({ global, args, print }: Call<'completion'>): number {
  const shell = checkShell(args.shell);
  if (args.words.length === 0) {
    print(completionScript(shell));
    return 0;
  }
  const completion = complete(shell === 'bash' ? joined(args.words) : args.words);
  print(answer(shell, completion, global));
  return 0;
}

function checkShell(name: string): Shell {
  const shell = shells.find((known) => known === name);
  if (shell !== undefined) return shell;
  throw new TsruncError('USAGE', `completion is for ${shells.join(', ')}, not for "${name}"`);
}

/** bash makes words of their own of "=" and ":". */
function joined(pieces: readonly string[]): string[] {
  const words: string[] = [];
  let glue = false;
  for (const piece of pieces) {
    const isBreak = /^[=:]+$/.test(piece);
    if ((glue || isBreak) && words.length > 0) words.push(words.pop() + piece);
    else words.push(piece);
    glue = isBreak;
  }
  return words;
}

function answer(shell: Shell, completion: Completion, global: Call<'completion'>['global']): string {
  const { offer, prefix, typed } = completion;
  if (offer.kind === 'files' || offer.kind === 'directories') return `${offer.kind}\n`;
  const candidates = offer.kind === 'words' ? offer.words : containers(completion, global);
  const fitting = candidates.filter(({ word }) => word.startsWith(typed));
  return ['words', ...fitting.map((candidate) => line[shell](candidate, prefix)), ''].join('\n');
}

function containers({ offer, root }: Completion, global: Call<'completion'>['global']): Candidate[] {
  const statuses: readonly string[] = offer.kind === 'containers' ? offer.statuses : [];
  const store = new Store(root === undefined ? global.root : resolve(root));
  return list({ store, log: global.log })
    .filter(({ status }) => statuses.includes(status))
    .map(({ id, status, bundle }) => ({ word: id, about: `${status}, ${bundle}` }));
}

/** bash and zsh complete what follows "--name=" by itself; fish replaces the whole word. */
const line: Readonly<Record<Shell, (candidate: Candidate, prefix: string) => string>> = {
  bash: ({ word }) => word,
  zsh: ({ word, about }) => [word, about].map((text) => text.replaceAll(/[\\:]/g, '\\$&')).join(':'),
  fish: ({ word, about }, prefix) => `${prefix}${word}\t${about}`,
};

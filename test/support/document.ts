/** What the documents tell their readers to type, for the tests that do so. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './host.ts';

/**
 * The indented block of a document below the paragraph with these words.
 * @param document its path in the repository
 * @throws when the paragraph or its block is not there
 */
export const documented = (document: string, lead: string): string => {
  const [, text = ''] = readFileSync(join(repository, document), 'utf8').split(lead);
  const block = text.split('\n\n')[1] ?? '';
  if (!/^( {4}.+\n?)+$/.test(block)) throw new Error(`${document} has no indented block below "${lead}"`);
  return block.replaceAll(/^ {4}/gm, '');
};

import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { countOf, isError, type PlacedFinding, total } from '../../config/findings.ts';
import { readDocument } from '../../config/read.ts';
import { renderFindings } from '../../config/report.ts';
import { validateConfig } from '../../config/validate.ts';
import type { Call } from '../commands.ts';

/** The findings are what was asked for, so they go to standard output; only an unreadable file is an error. */
export async function run({ args, print }: Call<'validate'>): Promise<number> {
  const file = configFile(args.path ?? '.');
  const bundle = dirname(file);
  const { text } = await readDocument({ kind: 'configuration', path: file, bundle, bundleIs: 'argument' });
  const findings = await validateConfig(text, file);
  const errors = findings.filter(isError);
  if (findings.length > 0) print(`${renderFindings(findings)}\n`);
  print(`${file} ${verdict(errors, total(findings) - total(errors))}\n`);
  return errors.length > 0 ? 1 : 0;
}

/** A path that names no folder is taken for the file itself; reading it says what is wrong with it. */
const configFile = (path: string): string =>
  fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === false || path.endsWith('.json')
    ? path
    : join(path, 'config.json');

function verdict(errors: readonly PlacedFinding[], warnings: number): string {
  if (errors.length === 0 && warnings === 0) return 'is valid';
  const counts = [...count(countOf(errors), 'error'), ...count(String(warnings), 'warning')].join(' and ');
  return errors.length === 0 ? `is valid, with ${counts}` : `is not valid: ${counts}`;
}

const count = (number: string, noun: string): string[] =>
  number === '0' ? [] : [`${number} ${noun}${number === '1' ? '' : 's'}`];

/**
 * docs/spec-coverage.md is made here: `npx vitest run test/schemas/coverage.test.ts -u` writes it anew. What fails otherwise
 * says which field has no test, or which comment names a field that does not exist.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expand, ignored, planned, rejected } from '../../src/config/coverage.ts';
import { leaves } from '../../src/config/schema-tree.ts';
import { type Cover, covers } from '../support/covers.ts';
import { repository } from '../support/host.ts';

const all = [...leaves()];
const sources = new Map(
  Object.entries(planned).flatMap(([pattern, source]) => expand(pattern).map((leaf) => [leaf, source] as const)),
);
const found = covers();
const isIn = (leaf: string, branch: string): boolean => leaf === branch || leaf.startsWith(`${branch}/`);
const testsOf = (leaf: string): Cover[] => found.filter(({ field }) => isIn(leaf, field));

test('each field that is applied has a test', () => {
  expect([...sources.keys()].filter((leaf) => testsOf(leaf).length === 0)).toEqual([]);
});

test('tests cover only fields that the schema has', () => {
  const unknown = found.filter(({ field }) => !all.some((leaf) => isIn(leaf, field)));
  expect(unknown.map(({ file, field }) => `${file}: ${field}`)).toEqual([]);
});

test('the source of a field speaks of it', () => {
  const silent = [...sources].filter(([leaf, source]) => {
    const name = leaf.split('/').findLast((part) => part !== '*');
    return (
      !existsSync(join(repository, source)) || !readFileSync(join(repository, source), 'utf8').includes(name ?? '')
    );
  });
  expect(silent).toEqual([]);
});

const branchOf = (leaf: string, table: Readonly<Record<string, unknown>>): string | undefined =>
  Object.keys(table).find((branch) => isIn(leaf, branch));

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const link = (file: string, text: string): string => `[${text}](../${file})`;

function describeLeaf(leaf: string): string {
  const field = `\`${leaf}\``;
  const source = sources.get(leaf);
  const tests = testsOf(leaf)
    .map(({ file, title }) => link(file, title))
    .join('<br>');
  if (source !== undefined) return row(field, 'applied', link(source, source.replace('src/', '')), tests);
  const refused = branchOf(leaf, rejected);
  if (refused !== undefined) return row(field, 'refused', rejected[refused] ?? '', tests);
  return row(field, 'ignored', ignored[branchOf(leaf, ignored) ?? ''] ?? '', tests);
}

test('docs/spec-coverage.md is up to date', async () => {
  const document = [
    '# Coverage of the specification',
    '',
    'Every field of config.json in OCI runtime-spec 1.3 for Linux: whether it is applied, by which source, and which tests prove it; or why not.',
    'Made by [test/schemas/coverage.test.ts](../test/schemas/coverage.test.ts) from the schema,',
    '[src/config/coverage.ts](../src/config/coverage.ts) and the comments of the tests; not to be edited.',
    '',
    row('Field', 'Status', 'Where, or why', 'Tests'),
    row('---', '---', '---', '---'),
    ...all.map(describeLeaf),
    '',
  ];
  await expect(document.join('\n')).toMatchFileSnapshot('../../docs/spec-coverage.md');
});

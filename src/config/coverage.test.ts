import { expect, test } from 'vitest';
import { expand, ignored, planned, rejected } from './coverage.ts';
import { leaves } from './schema-tree.ts';

const plannedLeaves = Object.keys(planned).flatMap(expand);
const branches = [...Object.keys(rejected), ...Object.keys(ignored)];
const isIn = (leaf: string, branch: string): boolean => leaf === branch || leaf.startsWith(`${branch}/`);

test.each([...leaves()])('%s is planned, rejected or ignored', (leaf) => {
  const owners = [...plannedLeaves.filter((own) => own === leaf), ...branches.filter((branch) => isIn(leaf, branch))];
  expect(owners).toHaveLength(1);
});

test('the table names nothing that the schema does not have', () => {
  const all = [...leaves()];
  expect(plannedLeaves.filter((leaf) => !all.includes(leaf))).toEqual([]);
  expect(branches.filter((branch) => !all.some((leaf) => isIn(leaf, branch)))).toEqual([]);
});

test('braces expand, also twice', () => {
  expect(expand('/{a,b}/{c/*,d}')).toEqual(['/a/c/*', '/a/d', '/b/c/*', '/b/d']);
});

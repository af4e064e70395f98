import { expect, test } from 'vitest';
import { checkContainerId, isContainerId } from './ids.ts';

test.each(['a', 'A-b_c+d.e', '0', '.hidden', '...', '-x', 'x'.repeat(1024)])('%s is an id', (id) => {
  expect(isContainerId(id)).toBe(true);
});

test.each(['', '.', '..', 'a/b', 'a b', '../x', 'ä', 'a\n', 'a\0', 'x'.repeat(1025)])('%j is none', (id) => {
  expect(isContainerId(id)).toBe(false);
  expect(() => checkContainerId(id)).toThrow('invalid container ID format');
});

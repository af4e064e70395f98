import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findingsOf, isBroken } from './findings.mjs';
import { repository } from './run.mjs';

const file = { name: join(repository, 'test/a.test.ts'), status: 'passed', message: '' };
const assertion = (status: string, ...failureMessages: readonly string[]) => ({
  fullName: 'group does it',
  status,
  failureMessages,
});

test('what failed, and what passed only when it was tried again', () => {
  const assertionResults = [assertion('passed'), assertion('passed', 'late\n  at x'), assertion('failed', 'wrong\n')];
  expect(findingsOf({ ...file, assertionResults })).toEqual([
    'passed at its second attempt: test/a.test.ts: group does it: late',
    'failed: test/a.test.ts: group does it: wrong',
  ]);
});

test('a file that could not be loaded', () => {
  const broken = { ...file, status: 'failed', message: '\nno such module\n  at y', assertionResults: [] };
  expect(isBroken(broken)).toBe(true);
  expect(findingsOf(broken)).toEqual(['failed: test/a.test.ts: no such module']);
});

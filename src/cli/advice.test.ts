import { expect, test } from 'vitest';
import { TsruncError } from '../errors.ts';
import { advised } from './advice.ts';

const invalid = new TsruncError('CONTAINER_ID_INVALID', 'invalid container ID format', { hint: 'An id has letters.' });

test.each([
  ['run', '/srv/web', 'An id has letters. A bundle is named by --bundle: tsrunc run --bundle /srv/web ID'],
  ['create', './web', 'An id has letters. A bundle is named by --bundle: tsrunc create --bundle ./web ID'],
  ['run', 'a b', 'An id has letters.'],
  ['start', '/srv/web', 'An id has letters.'],
  ['delete', '^test-', "An id has letters. For an expression use --regex: tsrunc delete --regex '^test-'"],
  ['kill', 'test-*', "An id has letters. For an expression use --regex: tsrunc kill --regex 'test-*'"],
  ['delete', 'a/b', 'An id has letters.'],
] as const)('%s %s', (verb, id, hint) => {
  expect(advised(invalid, { verb, args: { 'container-id': id } })).toMatchObject({
    code: 'CONTAINER_ID_INVALID',
    message: 'invalid container ID format',
    hint,
  });
});

test('another error stays as it is', () => {
  const other = new TsruncError('CONTAINER_UNKNOWN', 'container does not exist');
  expect(advised(other, { verb: 'run', args: { 'container-id': '/x' } })).toBe(other);
});

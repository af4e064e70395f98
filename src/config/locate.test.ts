import { expect, test } from 'vitest';
import { type Place, TsruncError } from '../errors.ts';
import { located } from './locate.ts';

const locate = (pointer: string): Place => ({ file: '/b/config.json', pointer, line: 3, column: 5 });

test('an error with a field alone gets its line, and keeps what it says', () => {
  const cause = new Error('why');
  const place = { file: 'config.json', pointer: '/root' };
  const found = located(new TsruncError('UNSUPPORTED', 'No.', { place, cause, hint: 'Do.' }), locate);
  expect(found).toMatchObject({ code: 'UNSUPPORTED', message: 'No.', cause, hint: 'Do.', place: locate('/root') });
});

test('other errors stay as they are', () => {
  const known = new TsruncError('SYSTEM', 'No.', { place: { file: 'other.json', pointer: '/a', line: 1, column: 1 } });
  for (const error of [known, new TsruncError('SYSTEM', 'No.'), new Error('No.'), 'no']) {
    expect(located(error, locate)).toBe(error);
  }
});

import { describe, expect, test } from 'vitest';
import { parseId, parseUser } from './ids.ts';

describe('numeric ids', () => {
  test.each([
    ['0', 0],
    ['007', 7],
    ['1000', 1000],
    ['4294967294', 4294967294],
  ])('%s', (text, id) => {
    expect(parseId(text, '--user')).toBe(id);
  });

  test.each(['', ' 1', '1 ', '+1', '-1', '0x1', '1e3', '1.0', 'root', '1,2', '٣', '4294967295', '99999999999'])(
    '"%s" is none (CVE-2026-30892, CVE-2016-3697)',
    (text) => {
      expect(() => parseId(text, '--additional-gids')).toThrow(
        '--additional-gids takes numeric ids from 0 to 4294967294',
      );
    },
  );

  test('a user with and without a group', () => {
    expect(parseUser('1')).toEqual({ uid: 1, gid: undefined });
    expect(parseUser('1:2')).toEqual({ uid: 1, gid: 2 });
  });

  test.each([':', '1:', ':1', '1:2:3', '1:x', '1: 2'])('"%s" is no user', (text) => {
    expect(() => parseUser(text)).toThrow('--user takes');
  });
});

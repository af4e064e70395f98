import { describe, expect, test } from 'vitest';
import { hasIdMappers, parseLoginName, parseSubordinateIds } from './subids.ts';

describe('subordinate ids', () => {
  const text = 'ann:100000:65536\nbob:165536:65536\n1000:300000:10\nann:400000:1\n';

  test('are found by name and by uid', () => {
    expect(parseSubordinateIds(text, 1000, 'ann')).toEqual([
      { first: 100_000, count: 65_536 },
      { first: 300_000, count: 10 },
      { first: 400_000, count: 1 },
    ]);
    expect(parseSubordinateIds(text, 1000, undefined)).toEqual([{ first: 300_000, count: 10 }]);
    expect(parseSubordinateIds(text, 7, 'eve')).toEqual([]);
  });

  test('what is no range does not count', () => {
    for (const line of [
      '',
      'ann',
      'ann:1',
      'ann:1:0',
      'ann:x:1',
      'ann:-1:5',
      'ann:1:2:3',
      'ann:4294967295:1',
      '#ann:1:2',
    ])
      expect(parseSubordinateIds(line, 1000, 'ann')).toEqual([]);
  });

  test('the login name of a uid', () => {
    const passwd = 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n';
    expect(parseLoginName(passwd, 1000)).toBe('ann');
    expect(parseLoginName(passwd, 100)).toBeUndefined();
  });

  test('the mapping programs are looked for in PATH', () => {
    expect(hasIdMappers('')).toBe(false);
    expect(hasIdMappers('/nowhere::/proc')).toBe(false);
  });
});

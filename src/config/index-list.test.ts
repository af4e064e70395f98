import { expect, test } from 'vitest';
import { parseIndexList } from './index-list.ts';

test.each<[text: string, mask: number[]]>([
  ['', []],
  ['0', [1]],
  ['0-3,7', [0b1000_1111]],
  ['9,1', [0b10, 0b10]],
  ['6-9', [0b1100_0000, 0b11]],
  ['15', [0, 0x80]],
  ['1,1,0-1', [0b11]],
  [' 0 - 1, 3 ', [0b1011]],
])('"%s" is the mask %j', (text, mask) => {
  expect(parseIndexList(text, 16)).toEqual({ mask: new Uint8Array(mask) });
});

test.each<[text: string, wrong: string]>([
  [',', 'has "" where'],
  ['0,', 'has "" where'],
  ['0-', 'has "0-" where'],
  ['-1', 'has "-1" where'],
  ['0 1', 'has "0 1" where'],
  ['0\n', 'has "0\n" where'],
  ['0x1', 'has "0x1" where'],
  ['1e1', 'has "1e1" where'],
  ['0-6:2', 'has "0-6:2" where'],
  ['all', 'has "all" where'],
  ['3-1', 'has the range 3-1, which ends before it begins'],
  ['16', 'has 16, but the highest possible is 15'],
  ['0-99999999', 'has 99999999, but'],
  ['0-9999999999', 'has "0-9999999999" where'],
])('"%s" is refused', (text, wrong) => {
  expect(parseIndexList(text, 16)).toEqual({ wrong: expect.stringContaining(wrong) });
});

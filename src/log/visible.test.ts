import { expect, test } from 'vitest';
import { formatLine } from './line.ts';
import { visible } from './visible.ts';

test.each([
  ['a\u001b]0;x\u0007b\u001b[2J', 'a\\u001b]0;x\\u0007b\\u001b[2J'],
  ['\u009b31m\u007f\r', '\\u009b31m\\u007f\\u000d'],
  ['file\u202Etxt.exe\u2066', 'file\\u202etxt.exe\\u2066'],
  ['two\nlines\tand ü 🙂', 'two\nlines\tand ü 🙂'],
])('%j', (text, shown) => expect(visible(text)).toBe(shown));

test('JSON stays what it is', () => {
  const value = { 'a\u009b': ['\u007f\u202e"\\', '\u001b'] };
  const text = visible(JSON.stringify(value));
  expect(text).not.toMatch(/[\p{Cc}\p{Bidi_C}]/u);
  expect(JSON.parse(text)).toEqual(value);
});

test.each(['text', 'json'] as const)('lines of a log have none either: %s', (format) => {
  const line = formatLine(format, { level: 'error', msg: 'a\u009b\u001b[1m', time: new Date(0) });
  expect(line.trimEnd()).not.toMatch(/\p{Cc}/u);
});

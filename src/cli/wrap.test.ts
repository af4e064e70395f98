import { expect, test } from 'vitest';
import { wrapLines } from './wrap.ts';

test('breaks between words and keeps columns', () => {
  expect(wrapLines('aaa bbb ccc ddd eee fff', 22)).toBe('aaa bbb ccc ddd eee\nfff');
  expect(wrapLines('  -x  some words that go on and on', 27)).toBe('  -x  some words that go on\n      and on');
});

test('leaves short lines, long words and narrow columns alone', () => {
  expect(wrapLines('short\n\n  a  b', 10)).toBe('short\n\n  a  b');
  expect(wrapLines('w'.repeat(30), 25)).toBe('w'.repeat(30));
  expect(wrapLines(`${' '.repeat(18)}a b c d e f g`, 24)).toBe(`${' '.repeat(18)}a b c d e f g`);
});

test('what has no room beside a long word begins a line of its own', () => {
  const command = `  tsrunc ${'w'.repeat(30)}`;
  expect(wrapLines(`${command}  what it does and why`, 40)).toBe(`${command}\n      what it does and why`);
});

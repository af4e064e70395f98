import { expect, test } from 'vitest';
import { requireOwn, requirePrivate } from './owner.ts';

test('one believes oneself and root, and nobody else', () => {
  const verdict = (uid: number, euid: number) => () => requireOwn('/x', { uid }, euid);
  expect(verdict(1000, 1000)).not.toThrow();
  expect(verdict(0, 1000)).not.toThrow();
  expect(verdict(0, 0)).not.toThrow();
  expect(verdict(1000, 0)).toThrow('The state directory "/x" belongs to uid 1000, and this is uid 0');
  expect(verdict(1001, 1000)).toThrow('belongs to uid 1001');
  expect(verdict(65_533, 0)).toThrow();
});

test('and nobody else writes to the directory of a container', () => {
  const verdict = (mode: number) => () => requirePrivate('/x', { uid: process.geteuid?.() ?? 0, mode });
  for (const mode of [0o40700, 0o40755]) expect(verdict(mode)).not.toThrow();
  for (const mode of [0o40777, 0o40720, 0o40702, 0o41777])
    expect(verdict(mode)).toThrow('can be written to by other users');
});

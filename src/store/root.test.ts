import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultRoot, otherRootHint, prepareRoot } from './root.ts';

describe('defaultRoot', () => {
  const ask = (euid: number, nested: boolean, env: Record<string, string>) =>
    defaultRoot({ euid, nested: () => nested, env });
  const user = '/run/user/1000';

  test.each([
    ['root', 0, false, { XDG_RUNTIME_DIR: '/run/user/0' }, '/run/tsrunc'],
    ['root with an empty variable', 0, false, { XDG_RUNTIME_DIR: '' }, '/run/tsrunc'],
    ['a user', 1000, false, { XDG_RUNTIME_DIR: user }, `${user}/tsrunc`],
    ['a user without a session', 1000, false, {}, '/run/tsrunc'],
    ['uid 0 of a user namespace', 0, true, { XDG_RUNTIME_DIR: user, USER: 'ann' }, `${user}/tsrunc`],
    ['uid 0 of a user namespace that says root', 0, true, { XDG_RUNTIME_DIR: user, USER: 'root' }, '/run/tsrunc'],
  ])('%s', (_, euid, nested, env, expected) => expect(ask(euid, nested, env)).toBe(expected));
});

test('the way out is another directory: only an ordinary user has a variable for it', () => {
  const env = {};
  expect(otherRootHint({ euid: 0, nested: () => false, env })).toBe('Give another --root.');
  expect(otherRootHint({ euid: 1000, nested: () => false, env })).toMatch(/^Set XDG_RUNTIME_DIR/);
});

describe('prepareRoot', () => {
  const base = mkdtempSync(join(tmpdir(), 'tsrunc-root-'));
  afterAll(() => rmSync(base, { recursive: true }));

  test('makes it for the owner only, sticky, and leaves an existing one alone', () => {
    const root = join(base, 'a', 'b');
    prepareRoot(root);
    expect(statSync(root).mode & 0o7777).toBe(0o1700);
    prepareRoot(root);
    expect(statSync(base).mode & 0o7777).toBe(0o700);
    prepareRoot(base);
    expect(statSync(base).mode & 0o7777).toBe(0o700);
  });

  test('says what to do when it cannot', () => {
    expect(() => prepareRoot('/proc/nowhere')).toThrow('Cannot make the state directory "/proc/nowhere"');
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newestContainerd } from './containerd.mjs';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrunc-containerd-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A directory with a program "containerd". */
const having = (name: string, script: string): string => {
  const path = join(directory, name);
  mkdirSync(path);
  writeFileSync(join(path, 'containerd'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
};
const release = (version: string): string => having(version, `echo 'containerd example.org/containerd ${version} abc'`);

test('the fetched one is found before the host’s own in its PATH', () => {
  const [own, newest] = [release('1.6.20'), release('2.1.9')];
  expect(newestContainerd(own, [newest])).toEqual({ version: '2.1.9', path: `${newest}:${own}` });
});

test('one that does not run here counts for nothing', () => {
  const own = release('1.6.20');
  expect(newestContainerd(own, [having('broken', 'exit 1')])).toBeUndefined();
});

test('there is nothing to compare with the same, or where the host has none', () => {
  const own = release('1.6.20');
  expect(newestContainerd(own, [own])).toBeUndefined();
  expect(newestContainerd(join(directory, 'empty'), [own])).toBeUndefined();
});

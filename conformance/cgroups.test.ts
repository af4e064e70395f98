import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { suiteCgroups } from './cgroups.mjs';

const hierarchy = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'tsrunc-conformance-cgroups-'));
  onTestFinished(() => {
    execFileSync('rm', ['-rf', path]);
  });
  return path;
};

test('the suite’s cgroups at any depth, children first', () => {
  const path = hierarchy();
  for (const name of ['pids/other/testdir/inner', 'memory/cgrouptest', 'memory/else'])
    mkdirSync(join(path, name), { recursive: true });
  expect(suiteCgroups(path).toSorted()).toEqual(
    ['memory/cgrouptest', 'pids/other/testdir', 'pids/other/testdir/inner'].map((name) => join(path, name)),
  );
  expect(suiteCgroups(join(path, 'pids'))[0]).toBe(join(path, 'pids/other/testdir/inner'));
});

test('others’ cgroups that are gone, or too deep for a path, are passed by', () => {
  const path = hierarchy();
  mkdirSync(join(path, 'testdir'));
  const [inner, outer] = [join(path, 'inner'), join(path, 'outer')];
  mkdirSync(inner);
  for (let level = 0; level < 20; level += 1) {
    mkdirSync(outer);
    renameSync(inner, join(outer, 'x'.repeat(250)));
    renameSync(outer, inner);
  }
  expect(suiteCgroups(path)).toEqual([join(path, 'testdir')]);
  expect(suiteCgroups(join(path, 'gone'))).toEqual([]);
});

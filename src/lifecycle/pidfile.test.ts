import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkPidFile, writePidFile } from './pidfile.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsrunc-pidfile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('holds the digits alone, and takes the place of an older one', () => {
  const path = join(folder, 'pid');
  writeFileSync(path, 'old');
  writePidFile(path, 4711);
  expect(readFileSync(path, 'utf8')).toBe('4711');
  expect(readdirSync(folder)).toEqual(['pid']);
});

test('a link that waits for it in a folder of everybody is not written through', () => {
  const victim = join(folder, 'victim');
  const path = join(folder, 'pid');
  for (const name of ['pid', `.pid.${process.pid}`]) symlinkSync(victim, join(folder, name));
  writePidFile(path, 4711);
  expect(existsSync(victim)).toBe(false);
  expect(statSync(path).isFile()).toBe(true);
});

test('a folder that is not there is told before anything runs', () => {
  const missing = join(folder, 'no', 'pid');
  const message = `Cannot write the pid file "${missing}": there is no folder "${join(folder, 'no')}"`;
  expect(() => checkPidFile(missing)).toThrow(message);
  expect(() => writePidFile(missing, 4711)).toThrow(message);
  writeFileSync(join(folder, 'file'), '');
  expect(() => checkPidFile(join(folder, 'file', 'pid'))).toThrow('there is no folder');
  expect(() => checkPidFile(folder)).toThrow(`Cannot write the pid file "${folder}": it is a directory`);
  checkPidFile(join(folder, 'pid'));
  checkPidFile('pid');
  checkPidFile(undefined);
  expect(readdirSync(folder)).toEqual(['file']);
});

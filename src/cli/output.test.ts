import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeAll } from './output.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tsrunc-output-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

test('all of a long text reaches a slow reader of a non-blocking pipe', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('sh', ['-c', 'mkfifo pipe'], { cwd: folder });
  const fd = fs.openSync(pipe, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
  const reader = spawn('sh', ['-c', 'sleep 0.1; cat pipe > copy'], { cwd: folder, stdio: 'ignore' });
  const text = '0123456789äöü\n'.repeat(50_000);
  writeAll(fd, text);
  fs.closeSync(fd);
  await once(reader, 'exit');
  expect(fs.readFileSync(join(folder, 'copy'), 'utf8') === text).toBe(true);
});

test('a full disk is an error', () => {
  const fd = fs.openSync('/dev/full', 'w');
  try {
    expect(() => writeAll(fd, 'x')).toThrow('ENOSPC');
  } finally {
    fs.closeSync(fd);
  }
});

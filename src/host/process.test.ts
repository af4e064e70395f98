import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { parseStat, processStatus, readProcess, startTime } from './process.ts';

const tail = 'S 1 7 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 200 18446744073709551615 1 1 0';

test.each(['7 (sleep) ', '7 (a b) ', '7 (evil) R 1 (x) ', '7 ()) ', '7 (x\n) '])(
  '%j: fields count from the last )',
  (head) => {
    expect(parseStat(head + tail)).toEqual({ state: 'S', startTime: 987654 });
  },
);

test.each(['', 'nonsense', '7 (x) S 1'])('%j is no stat line', (text) => expect(parseStat(text)).toBeUndefined());

test('this process runs; another start time is another process', () => {
  const own = startTime(process.pid) ?? 0;
  expect(own).toBeGreaterThan(0);
  expect(processStatus(process.pid, own)).toBe('running');
  expect(processStatus(process.pid, own + 1)).toBe('gone');
  expect(processStatus(0, 0)).toBe('gone');
});

test('a process that ended and was not waited for is a zombie, then gone', async () => {
  // The shell becomes a program that does not know of the background child and never waits for it.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line));
  try {
    await expect.poll(() => readProcess(pid)?.state, { timeout: 5000 }).toBe('Z');
    expect(processStatus(pid, startTime(pid) ?? 0)).toBe('zombie');
  } finally {
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
  expect(processStatus(parent.pid ?? 0, 1)).toBe('gone');
});

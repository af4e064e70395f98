import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { workingCriu } from './criu.mjs';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrunc-criu-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A directory with a program "criu". */
const having = (name: string, script: string): string => {
  const path = join(directory, name);
  mkdirSync(path);
  writeFileSync(join(path, 'criu'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
};

describe.skipIf(process.getuid?.() !== 0)('the criu that tests use', () => {
  test('is the host’s own where that works', () => {
    const own = having('own', 'test "$1" = check');
    expect(workingCriu(own, [having('other', 'exit 0')])).toEqual({ path: own });
  });

  test('is the first other one that works, before the host’s', () => {
    const own = having('own', 'exit 1');
    const others = [having('newest', 'exit 1'), having('older', 'exit 0')];
    expect(workingCriu(own, others)).toEqual({ path: `${others[1]}:${own}` });
  });

  test('is none: what the newest says is the reason', () => {
    const newest = having('newest', 'echo first >&2; echo "Error: no such luck" >&2; exit 1');
    expect(workingCriu(directory, [newest])).toEqual({
      reason: 'criu does not work on this host: Error: no such luck',
    });
    expect(workingCriu(directory, [])).toEqual({ reason: 'criu is not installed' });
  });
});

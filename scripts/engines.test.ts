import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostEngines, newestEngines } from './engines.mjs';

let tree = '';
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'tsrunc-engines-test-'));
});
afterEach(() => rmSync(tree, { recursive: true }));

/** A program of the tree, like those below /usr. */
const having = (path: string, script: string): void => {
  mkdirSync(join(tree, path, '..'), { recursive: true });
  writeFileSync(join(tree, path), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
};

describe.skipIf(process.getuid?.() !== 0)('the engines of a tree', { timeout: 60_000 }, () => {
  test('lie over the host’s own, and for those who ask only', () => {
    const own = hostEngines();
    having('bin/containerd', "echo 'containerd example.org/containerd/v2 99.1.2+unknown abc'");
    having('lib/podman/netavark', 'echo netavark 99.3.4');
    const versions = { ...own, containerd: '99.1.2', netavark: '99.3.4' };
    expect(newestEngines([tree, join(tree, 'older')])).toEqual({ tree, versions });
    expect(hostEngines()).toEqual(own);
  });

  test('have no version where they do not run', () => {
    const { containerd, ...others } = hostEngines();
    having('bin/containerd', 'echo "version GLIBC_2.38 not found" >&2; exit 1');
    having('bin/podman', 'echo podman version 99.5.6');
    expect(newestEngines([tree])?.versions).toEqual({ ...others, podman: '99.5.6' });
  });

  test('are not worth a run where they are the host’s own, or cannot be laid over them', () => {
    expect(newestEngines([tree])).toBeUndefined();
    expect(newestEngines([join(tree, 'nowhere')])).toBeUndefined();
    expect(newestEngines([])).toBeUndefined();
  });
});

/** The residue check itself must be able to fail: leave each kind of thing behind, and see it named. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { residue, settledResidue, takeSnapshot } from './residue.mjs';
import { hasCapability, isCgroupV2 } from './support/host.ts';
import { output } from './support/process.ts';

const temporary = mkdtempSync(join(tmpdir(), 'tsrunc-residue-'));
const run = { mark: `TSRUNC_RESIDUE_TEST=${process.pid}`, temporary };
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => rmSync(temporary, { recursive: true }));

// Other test files make and remove things of ours at the same time: only look for what was left here.
const newSince = (before: ReturnType<typeof takeSnapshot>, name: string) =>
  residue(before, takeSnapshot(run)).filter((line) => line.includes(name));

test('a file in the private directory is named', () => {
  const before = takeSnapshot(run);
  writeFileSync(join(temporary, 'left'), '');
  expect(newSince(before, temporary)).toEqual([`file ${temporary}/left`]);
});

test('a process is named as long as it lives', async () => {
  const before = takeSnapshot(run);
  const [name, value] = run.mark.split('=') as [string, string];
  const child = spawn('sleep', ['77.7'], { env: { ...process.env, [name]: value } });
  undo.push(() => child.kill());
  expect(newSince(before, `process ${child.pid}`)).toEqual([`process ${child.pid}: sleep 77.7`]);
  child.kill();
  const gone = async () => (await settledResidue(before, run, 0)).filter((line) => line.includes('sleep 77.7'));
  await expect.poll(gone).toEqual([]);
});

test.skipIf(!hasCapability('SYS_ADMIN'))('a mount is named', async () => {
  const before = takeSnapshot(run);
  const target = join(temporary, 'mnt');
  mkdirSync(target);
  await output('mount', ['-t', 'tmpfs', 'none', target]);
  undo.push(() => output('umount', [target]));
  expect(newSince(before, 'mount ')).toContain(`mount ${target}`);
});

test.skipIf(!hasCapability('SYS_ADMIN'))('a cgroup is named', () => {
  const before = takeSnapshot(run);
  const cgroup = `/sys/fs/cgroup/${isCgroupV2 ? '' : 'pids/'}tsrunc-residue-${process.pid}`;
  mkdirSync(cgroup);
  undo.push(() => rmdirSync(cgroup));
  expect(newSince(before, cgroup)).toEqual([`cgroup ${cgroup}`]);
});

/** A SIGKILL of tsrunc at any instant leaves something that `delete --force` removes completely. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe } from 'vitest';
import { expect, patient, test } from './support/box.ts';
import { cgroupDirectories, runtime } from './support/host.ts';

/** Processes whose root or name says that they belong to the box. */
const helpersOf = (rootfs: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(rootfs);
      } catch {
        return false;
      }
    });

const killAfter = (args: readonly string[], milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    const child = spawn(runtime, args, { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    child.on('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });

describe('SIGKILL of tsrunc', () => {
  test('in the middle of create leaves nothing that delete --force does not remove', {
    timeout: patient(60_000),
  }, async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.linux.cgroupsPath = `/${id}`;
    });
    for (let delay = 0; delay < 30; delay += 0.75) {
      await killAfter(['--root', box.root, 'create', '-b', bundle.path, id], delay);
      await box.ok('delete', '--force', id);
      expect(existsSync(box.root) ? readdirSync(box.root) : []).toEqual([]);
      expect(cgroupDirectories(id)).toEqual([]);
      await expect.poll(() => helpersOf(bundle.rootfs)).toEqual([]);
    }
  });

  test('in the middle of run as well', { timeout: patient(60_000) }, async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.linux.cgroupsPath = `/${id}`;
    });
    for (let delay = 0; delay < 30; delay += 1.5) {
      await killAfter(['--root', box.root, 'run', '-b', bundle.path, id], delay);
      await box.ok('delete', '--force', id);
      expect(existsSync(box.root) ? readdirSync(box.root) : []).toEqual([]);
      expect(cgroupDirectories(id)).toEqual([]);
      await expect.poll(() => helpersOf(bundle.rootfs)).toEqual([]);
    }
  });

  test('in the middle of delete: a second delete ends the work', { timeout: patient(60_000) }, async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
    });
    for (let delay = 0; delay < 15; delay += 1) {
      const id = await box.create(bundle);
      await killAfter(['--root', box.root, 'delete', '--force', id], delay);
      await box.ok('delete', '--force', id);
      expect(readdirSync(box.root)).toEqual([]);
    }
  });
});

test('many containers at once', { timeout: patient(60_000) }, async ({ box }) => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', 'exit 7'];
  });
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => box.run(bundle)));
  expect(outcomes.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(Array(12).fill('7'));
  expect(readdirSync(box.root)).toEqual([]);
});

test('two creates of one id: one wins, and the loser leaves the winner alone', async ({ box }) => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
  });
  const id = box.id();
  const outcomes = await Promise.all([1, 2].map(() => box.tsrunc('create', '-b', bundle.path, id)));
  expect(outcomes.map(({ code }) => code).toSorted()).toEqual([0, 1]);
  expect(await box.state(id)).toMatchObject({ status: 'created' });
});

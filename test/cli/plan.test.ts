/** The verb plan. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { test, tsrunc } from './sources.ts';

test('prints the steps as text or as JSON, and changes nothing', async ({ folder }) => {
  mkdirSync(join(folder, 'rootfs'));
  await tsrunc(['spec', '-b', folder]);
  const text = await tsrunc(['plan', folder]);
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toContain('tsrunc');
  expect(text.stdout.endsWith('\n')).toBe(true);
  const json = await tsrunc(['plan', '--json'], { cwd: folder });
  expect(json.code).toBe(0);
  const plan = JSON.parse(json.stdout);
  expect(Object.keys(plan)).toEqual(['cloneFlags', 'prologue', 'init', 'fds']);
  expect(plan.init).toContainEqual(expect.objectContaining({ op: 'setHostname', name: 'tsrunc' }));
});

test('of a folder that is no bundle says so', async ({ folder }) => {
  const { code, stdout, stderr } = await tsrunc(['plan', folder]);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toBe(
    `tsrunc: There is no config.json in "${folder}"\nHint: A bundle is a folder with a config.json; "tsrunc spec" writes a first one.\n`,
  );
});

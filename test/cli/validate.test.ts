/** The verb validate. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { test, tsrunc } from './sources.ts';

const minimal = {
  ociVersion: '1.3.0',
  root: { path: 'rootfs' },
  process: { cwd: '/', args: ['sh'], user: { uid: 0, gid: 0 } },
};

test('what spec writes is valid, for the folder and for the file', async ({ folder }) => {
  for (const options of [[], ['--rootless']]) {
    const name = join(folder, 'config.json');
    rmSync(name, { force: true });
    await tsrunc(['spec', '-b', folder, ...options]);
    expect(await tsrunc(['validate', folder])).toMatchObject({ code: 0, stdout: `${name} is valid\n`, stderr: '' });
    expect(await tsrunc(['validate', name])).toMatchObject({ code: 0, stdout: `${name} is valid\n` });
    expect(await tsrunc(['validate'], { cwd: folder })).toMatchObject({ code: 0, stdout: 'config.json is valid\n' });
  }
});

test('every mistake is listed with its line, and the verdict counts them', async ({ folder }) => {
  const file = join(folder, 'config.json');
  writeFileSync(
    file,
    JSON.stringify({ ...minimal, hostname: 'x', process: { ...minimal.process, cwd: 'relative' } }, null, 2),
  );
  const { code, stdout, stderr } = await tsrunc(['validate', folder]);
  expect(code).toBe(1);
  expect(stderr).toBe('');
  const lines = stdout.trimEnd().split('\n');
  expect(lines.filter((line) => /^\/.*\/config\.json:\d+:\d+: error: /.test(line))).toHaveLength(2);
  expect(lines.at(-1)).toBe(`${file} is not valid: 2 errors`);
});

test('warnings alone leave it valid', async ({ folder }) => {
  const file = join(folder, 'other.json');
  writeFileSync(file, JSON.stringify({ ...minimal, mount: [] }));
  const { code, stdout } = await tsrunc(['validate', file]);
  expect(code).toBe(0);
  expect(stdout).toContain('warning: ');
  expect(stdout).toContain(`${file} is valid, with 1 warning\n`);
});

test('a missing bundle is an error', async ({ folder }) => {
  const { code, stdout, stderr } = await tsrunc(['validate', join(folder, 'missing')]);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^tsrunc: The bundle ".*missing" does not exist\nHint: (?!.*--bundle)/);
});

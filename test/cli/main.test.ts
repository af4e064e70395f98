/** What main.ts does with results and errors: exit status, standard streams, log. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { repository } from '../support/host.ts';
import { exec } from '../support/process.ts';
import { bun, main, test, tsrunc } from './sources.ts';

describe('an error', () => {
  test('is one sentence and a hint on stderr, and status 1', async () => {
    expect(await tsrunc(['creat', 'x'])).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: 'tsrunc: unknown command "creat": did you mean create?\nHint: "tsrunc help" lists the commands.\n',
    });
  });

  test('is also exactly one JSON object in the log, appended', async ({ folder }) => {
    const log = join(folder, 'log.json');
    const arguments_ = ['--log', log, '--log-format', 'json', 'create', '--bundel', 'x'];
    const { stderr } = await tsrunc(arguments_);
    const entry = JSON.parse(readFileSync(log, 'utf8'));
    expect(Object.keys(entry).slice(0, 3)).toEqual(['level', 'msg', 'time']);
    expect(entry).toMatchObject({ level: 'error', code: 'USAGE' });
    expect(entry.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(stderr).toContain(`tsrunc: ${entry.msg}\n`);
    await tsrunc(arguments_);
    expect(readFileSync(log, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });

  test('with --debug has its stack in the log, before the error itself', async ({ folder }) => {
    const log = join(folder, 'log');
    await tsrunc(['--debug', '--log', log, 'start']);
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /level=debug msg="tsrunc:error TsruncError: start needs a <container-id>\\n.*mistakes\.ts/,
    );
    expect(lines[1]).toMatch(/level=error msg="start needs a <container-id>"/);
  });

  test('of the log itself is told on stderr', async ({ folder }) => {
    const { code, stderr } = await tsrunc(['--log', join(folder, 'missing/log'), 'version']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tsrunc: cannot open the log file ".*missing\/log": ENOENT: .*\nHint: /);
  });

  test('of a log on a full disk does not hide the error', async () => {
    const { code, stderr } = await tsrunc(['--log', '/dev/full', 'creat']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tsrunc: unknown command "creat"[\s\S]*tsrunc: cannot write to the log: ENOSPC/);
  });
});

describe('the version', () => {
  test('has the lines that engines parse', async () => {
    const { code, stdout } = await tsrunc(['--version']);
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`tsrunc version ${version}`);
    expect(lines[1]).toMatch(/^commit: \S+$/);
    expect(lines[2]).toBe('spec: 1.3.0');
    expect(lines.filter((line) => line.includes('version'))).toHaveLength(1);
  });

  test('is not that of a package.json in the current folder, nor is anything else read there', async ({ folder }) => {
    for (const name of ['package.json', 'tsconfig.json'])
      writeFileSync(join(folder, name), '{"version": "6.6.6", "yargs": {}}');
    expect((await tsrunc(['--version'], { cwd: folder })).stdout).not.toContain('6.6.6');
    expect((await tsrunc(['help'], { cwd: folder })).stdout).toMatch(/^tsrunc runs OCI containers\.\n/);
  });
});

describe('the log level', () => {
  test('DEBUG in the environment alone does nothing', async () => {
    expect(await tsrunc(['version'], { env: { DEBUG: '*' } })).toMatchObject({ code: 0, stderr: '' });
  });
});

/** Exit status when the reader of standard output is gone before the first byte. */
const statusWithoutReader = (args: readonly string[]): Promise<number | null> =>
  new Promise((resolve) => {
    const child = spawn(bun, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout?.destroy();
    child.on('exit', (code) => resolve(code));
  });

describe('standard output', () => {
  test('on a full disk is an error', async () => {
    const outcome = await exec('sh', ['-c', '"$0" "$1" list > /dev/full', bun, main]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toBe('tsrunc: Cannot write to standard output: ENOSPC: no space left on device\n');
  });

  test('without a reader is no error', async () => {
    expect(await statusWithoutReader(['help'])).toBe(0);
  });
});

describe('spec', () => {
  test('never overwrites, not even through a dangling link', async ({ folder }) => {
    expect(await tsrunc(['spec'], { cwd: folder })).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const again = await tsrunc(['spec', '--bundle', folder]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(`file "${folder}/config.json" exists`);
    const linked = join(folder, 'linked');
    mkdirSync(linked);
    symlinkSync(join(folder, 'elsewhere'), join(linked, 'config.json'));
    expect((await tsrunc(['spec', '-b', linked])).code).toBe(1);
  });

  test('names the folder that is missing', async ({ folder }) => {
    const { code, stderr } = await tsrunc(['spec', '-b', join(folder, 'missing')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tsrunc: cannot write ".*\/missing\/config\.json": ENOENT: no such file or directory/);
  });
});

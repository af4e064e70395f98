import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TsruncError } from '../errors.ts';
import { loadConfig } from './load.ts';
import { parseAcceptedSpec } from './parse.ts';

let bundle: string;
beforeEach(() => {
  bundle = mkdtempSync(join(tmpdir(), 'tsrunc-config-'));
});
afterEach(() => {
  rmSync(bundle, { recursive: true });
});

const minimal = { ociVersion: '1.3.0', root: { path: 'rootfs' }, process: { cwd: '/', args: ['sh'] } };

const write = (content: unknown): void =>
  writeFileSync(join(bundle, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));

const failure = async (): Promise<TsruncError> =>
  loadConfig(bundle).then(
    () => expect.unreachable('loadConfig accepted the configuration'),
    (error: TsruncError) => error,
  );

test('a right configuration is loaded with its bytes, its path and its places', async () => {
  write(minimal);
  const config = await loadConfig(bundle);
  expect(config.spec).toEqual(minimal);
  expect(config.bytes.toString()).toBe(JSON.stringify(minimal));
  expect(config.path).toBe(join(bundle, 'config.json'));
  expect(config.warnings).toEqual([]);
  expect(config.locate('/root/path')).toEqual({ file: config.path, pointer: '/root/path', line: 1, column: 38 });
});

test('another file can be named', async () => {
  writeFileSync(join(bundle, 'other.json'), JSON.stringify(minimal));
  expect((await loadConfig(bundle, { file: join(bundle, 'other.json') })).spec).toEqual(minimal);
});

test('null means unset, also in the copy that was accepted, but not in maps of data', async () => {
  const text = JSON.stringify({
    ...minimal,
    hooks: null,
    linux: { uidMappings: null, cgroupsPath: null, resources: {} },
  });
  write(text);
  expect((await loadConfig(bundle)).spec).toEqual({ ...minimal, linux: { resources: {} } });
  expect(parseAcceptedSpec(text)).toEqual({ ...minimal, linux: { resources: {} } });
  write({ ...minimal, annotations: { a: null } });
  expect((await failure()).message).toContain('annotations.a is null; allowed: a string');
});

test('unknown properties are accepted', async () => {
  write({ ...minimal, 'com.example': { x: [1] }, linux: { nothing: 1 }, freebsd: { jail: 1 } });
  expect((await loadConfig(bundle)).warnings).toEqual([]);
});

test('warnings do not keep a configuration from being loaded', async () => {
  write({ ...minimal, mounts: [{ destination: 'tmp', type: 'tmpfs' }] });
  expect((await loadConfig(bundle)).warnings).toMatchObject([
    { severity: 'warning', pointer: '/mounts/0/destination' },
  ]);
});

test('one mistake is the sentence, the place and the hint of the error', async () => {
  write({ ...minimal, linux: { namespaces: [{ type: 'netwrok' }] } });
  expect(await failure()).toMatchObject({
    code: 'CONFIG_INVALID',
    message:
      'linux.namespaces[0].type (kind of a namespace) is "netwrok"; allowed: pid, network, mount, ipc, uts, user, cgroup, time',
    hint: 'Did you mean network?',
    place: { pointer: '/linux/namespaces/0/type', line: 1 },
  });
});

test('several mistakes are listed, warnings are not among them', async () => {
  write({ ...minimal, hostname: 'x', process: { cwd: 'x', args: [] }, mounts: [{ destination: 'x', type: 'tmpfs' }] });
  const { message, code } = await failure();
  expect(code).toBe('CONFIG_INVALID');
  expect(message.split('\n')).toHaveLength(4);
  expect(message).toContain('has 3 mistakes:');
});

test('a missing bundle, a missing file and malformed JSON have their own sentences', async () => {
  expect(await failure()).toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: `There is no config.json in "${bundle}"`,
    hint: '--bundle DIR names the bundle; "tsrunc spec" writes a first config.json.',
  });
  const missing = join(bundle, 'no');
  await expect(loadConfig(missing)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: `The bundle "${missing}" does not exist`,
    hint: 'A bundle is a folder with a config.json; --bundle DIR names it.',
  });
  await expect(loadConfig(missing, { bundleIs: 'argument' })).rejects.toMatchObject({
    hint: expect.not.stringContaining('--bundle'),
  });
  await expect(loadConfig(missing, { file: join(missing, 'other.json') })).rejects.toMatchObject({
    message: `The configuration "${missing}/other.json" does not exist`,
  });
  write('{');
  expect((await failure()).message).toContain('The file is not valid JSON');
});

test('the file in the place of its bundle is told', async () => {
  write(minimal);
  const file = join(bundle, 'config.json');
  await expect(loadConfig(file)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: `"${file}" is a file: --bundle names the folder that holds it`,
  });
  await expect(loadConfig(file, { bundleIs: 'argument' })).rejects.toMatchObject({
    message: `"${file}" is a file: the bundle is the folder that holds it`,
  });
});

test('what is no small regular file of UTF-8 is refused, and a FIFO is not waited for', async () => {
  mkdirSync(join(bundle, 'config.json'));
  expect((await failure()).message).toContain('is not a regular file');
  rmSync(join(bundle, 'config.json'), { recursive: true });
  execFileSync('mkfifo', [join(bundle, 'config.json')]);
  expect((await failure()).message).toContain('is not a regular file');
  rmSync(join(bundle, 'config.json'));
  write(' '.repeat(16 * 1024 * 1024 + 1));
  expect((await failure()).message).toContain('at most 16777216 are read');
  writeFileSync(join(bundle, 'config.json'), Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
  expect((await failure()).message).toContain('is not UTF-8 text');
});

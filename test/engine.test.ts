/** The JS engine in the executable obeys tsrunc alone: not the files of the working directory, not the caller's variables. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { commands } from '../src/cli/table.ts';
import { type Box, expect, test } from './support/box.ts';
import { repository, runtime } from './support/host.ts';
import { exec } from './support/process.ts';

/** What engines, package managers and libraries look for in the current folder. */
const lookedFor = [
  'package.json',
  'tsconfig.json',
  'jsconfig.json',
  'bunfig.toml',
  '.bunfig.toml',
  '.npmrc',
  '.env',
  '.env.local',
  '.env.production',
  '.env.development',
  '.env.test',
];

/** A folder in which opening any of these files takes for ever: each is a pipe that nobody writes to. */
const pipes = (box: Box): string => {
  const path = join(box.path, 'pipes');
  mkdirSync(path);
  execFileSync(
    'mkfifo',
    lookedFor.map((name) => join(path, name)),
  );
  return path;
};

const words = ({ name, positionals }: (typeof commands)[number]): string[] => [
  name,
  ...positionals.map(() => 'tsrunc-nothing'),
];

describe('in a folder of somebody else', () => {
  test('no file is read, whatever the command', { timeout: 60_000 }, async ({ box }) => {
    const cwd = pipes(box);
    const lines = [
      ['--help'],
      ['--version'],
      ['nonsense'],
      ...commands.flatMap((row) => [words(row), [row.name, '--help'], ['--debug', row.name, '--nonsense']]),
    ];
    const home = { HOME: cwd, XDG_CONFIG_HOME: cwd };
    for (const line of lines) {
      const { signal } = await box.tsrunc(...line, { cwd, env: home, timeout: 5000 });
      expect([line, signal]).toEqual([line, null]);
    }
  });

  test('no code is run, and its package.json is not ours', async ({ box }) => {
    const bundle = await box.bundle();
    const trap = join(box.path, 'trapped');
    const hostile = `require('node:fs').writeFileSync(${JSON.stringify(trap)}, '')`;
    writeFileSync(join(bundle.path, 'bunfig.toml'), 'preload = ["./evil.js"]\n');
    writeFileSync(join(bundle.path, 'evil.js'), hostile);
    writeFileSync(join(bundle.path, '.env'), `BUN_OPTIONS=--preload=./evil.js\nNODE_OPTIONS=--require=./evil.js\n`);
    writeFileSync(join(bundle.path, 'package.json'), '{"version":"6.6.6","type":"broken"');
    writeFileSync(join(bundle.path, 'tsconfig.json'), '{"compilerOptions":{"paths":{"*":["./evil.js"]}}');
    const outcome = await box.ok('run', box.id(), { cwd: bundle.path });
    expect(outcome.stderr).toBe('');
    const version = await box.ok('--version', { cwd: bundle.path });
    expect(version.stdout).not.toContain('6.6.6');
    expect(existsSync(trap)).toBe(false);
  });
});

describe('a standard stream that the caller has closed', () => {
  test('is not the next file that is opened', async ({ box }) => {
    const log = join(box.path, 'log');
    const line = '"$0" --root "$1" --log "$2" --log-format json state tsrunc-nothing <&- >&- 2>&-';
    const { code } = await exec('sh', ['-c', line, runtime, box.root, log]);
    expect(code).toBe(1);
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(lines.map((text) => JSON.parse(text).level)).toEqual(['error']);
  });
});

describe('bytes that are no UTF-8', () => {
  test('are replaced one by one, and swallow nothing that follows', async ({ box }) => {
    const line = '"$0" --root "$1" state "$(printf "a\\200\\nA\\342\\202B")"';
    const { stderr } = await exec('sh', ['-c', line, runtime, box.root]);
    expect(stderr).toContain('"a\ufffd\\nA\ufffdB"');
  });
});

test('half of a pair of surrogates in config.json is U+FFFD for the container, a pair is a letter', async ({ box }) => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['printf', '%s', 'PLACE'];
  });
  const file = join(bundle.path, 'config.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('PLACE', String.raw`\ud800a\udfff\ud83d\ude00`));
  const { stdout } = await box.ok('run', '-b', bundle.path, box.id());
  expect(stdout).toBe('\ufffda\ufffd\u{1f600}');
});

/** What `npm run build` makes; under Node.js the variables are those of node(1). */
const isExecutable = ['tsrunc', 'tsrunc-bun'].some((name) => runtime === join(repository, 'dist', name));

describe.skipIf(runtime !== join(repository, 'dist/tsrunc'))(
  'a file that is larger than memory (the engine’s own bound)',
  () => {
    test('is refused and not taken in', async ({ box }) => {
      const bundle = await box.bundle();
      const id = box.id();
      await box.ok('create', '-b', bundle.path, id);
      const file = join(box.path, 'sparse');
      writeFileSync(file, '');
      truncateSync(file, 2 ** 40);
      const { code, stderr } = await box.tsrunc('update', '--resources', file, id);
      expect([code, stderr]).toEqual([1, expect.stringContaining(file)]);
    });
  },
);

test.skipIf(runtime !== join(repository, 'dist/tsrunc'))('the executable needs no other file', async ({ box }) => {
  const alone = join(box.path, 'alone');
  copyFileSync(runtime, alone);
  const run = (...words: string[]) => exec(alone, ['--root', box.root, ...words]);
  expect(await run('help', 'kill')).toMatchObject({ code: 0, stdout: expect.stringContaining('Send a signal') });
  const { stderr } = await run('--debug', 'state', 'tsrunc-nothing');
  expect(stderr).toMatch(/debug: tsrunc:error TsruncError: container does not exist\n {4}at /);
});

describe.skipIf(!isExecutable)('the environment of the caller (only executables are deaf)', () => {
  test.for([
    ['BUN_OPTIONS', '--preload=EVIL'],
    ['BUN_OPTIONS', '--require EVIL'],
    ['BUN_OPTIONS', '--config=NOWHERE'],
    ['BUN_BE_BUN', '1'],
    ['BUN_INSPECT', '127.0.0.1:0'],
    ['BUN_INSPECT_CONNECT_TO', 'NOWHERE'],
    ['BUN_INSPECT_PRELOAD', 'EVIL'],
    ['BUN_BYTECODE_ORDER_OUT', 'NOWHERE'],
    ['BUN_BYTECODE_ORDER_NAMES_OUT', 'NOWHERE'],
    ['BUN_BYTECODE_DIGEST_OUT', 'NOWHERE'],
    ['NODE_OPTIONS', '--require=EVIL'],
    ['NODE_PATH', 'FOLDER'],
  ] as const)('%s=%s changes nothing', async ([name, value], { box }) => {
    const folder = join(box.path, 'folder');
    mkdirSync(folder);
    const evil = join(folder, 'evil.js');
    writeFileSync(
      evil,
      `console.log('evil'); require('node:fs').writeFileSync(${JSON.stringify(`${folder}/trap`)}, '')`,
    );
    const paths = { EVIL: evil, NOWHERE: join(folder, 'made'), FOLDER: folder };
    const text = value.replace(/[A-Z]{4,}/, (word) => paths[word as keyof typeof paths]);
    const run = (env: Record<string, string>) => exec(runtime, ['--root', box.root, 'list'], { env, cwd: folder });
    expect(await run({ [name]: text })).toEqual(await run({}));
    expect(readdirSync(folder)).toEqual(['evil.js']);
  });
});

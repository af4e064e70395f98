/** Compiled filters are kept below the state root, and used only where nobody else could have written them. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Seccomp } from '../src/config/spec.ts';
import { loadNative } from '../src/native/load.ts';
import { cachedFilter, type FilterCache, storeFilter } from '../src/seccomp/cache.ts';
import { type Box, expect, test } from './support/box.ts';
import { isRoot } from './support/host.ts';
import { runAfter } from './support/mounts.ts';
import { callingBundle, useSyscalls } from './support/syscalls.ts';

useSyscalls();

const denying = (errnoRet: number, rest: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet }],
  ...rest,
});

const directoryOf = (box: Box): string => join(box.root, '@seccomp');
const entries = (box: Box): string[] => (existsSync(directoryOf(box)) ? readdirSync(directoryOf(box)).sort() : []);

const run = async (box: Box, seccomp: Seccomp, ...flags: string[]): Promise<{ said: string; log: string }> => {
  const bundle = await callingBundle(box, seccomp, ['getppid']);
  const log = join(box.path, `log-${Math.random()}`);
  const outcome = await box.tsrunc('--debug', '--log', log, 'run', '--bundle', bundle.path, ...flags, box.id());
  return { said: outcome.stdout.trim(), log: readFileSync(log, 'utf8') };
};

describe('a container', () => {
  test('leaves its program to the next one with the same profile', async ({ box }) => {
    expect((await run(box, denying(100))).said).toBe('100');
    const [name = '', ...others] = entries(box);
    expect(name).toMatch(/^[0-9a-f]{16}$/);
    expect(others).toEqual([]);
    const path = join(directoryOf(box), name);
    const { ino } = statSync(path);
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(statSync(directoryOf(box)).mode & 0o7777).toBe(0o700);
    expect((await run(box, denying(100, { listenerPath: '/unused', listenerMetadata: 'x', flags: [] }))).said).toBe(
      '100',
    );
    expect(entries(box)).toEqual([name]);
    expect(statSync(path).ino).toBe(ino);
  });

  test('with another profile has another one', async ({ box }) => {
    expect((await run(box, denying(100))).said).toBe('100');
    expect((await run(box, denying(101))).said).toBe('101');
    expect(entries(box)).toHaveLength(2);
  });

  test.skipIf(!isRoot)('on another kernel has another one', async ({ box }) => {
    const bundle = await callingBundle(box, denying(100), ['getppid']);
    const on = async (release: string): Promise<string> => {
      const file = join(box.path, release);
      writeFileSync(file, `${release}\n`);
      return (await runAfter(box, `mount --bind ${file} /proc/sys/kernel/osrelease`, bundle)).stdout.trim();
    };
    expect(await on('6.99.0')).toBe('100');
    const [first = ''] = entries(box);
    expect(readFileSync(join(directoryOf(box), first), 'utf8')).toContain('"6.99.0"');
    expect(await on('6.99.0')).toBe('100');
    expect(entries(box)).toEqual([first]);
    expect(await on('6.99.1')).toBe('100');
    expect(entries(box)).toHaveLength(2);
  });

  test('is not fooled by two numbers that a double cannot tell apart', async ({ box }) => {
    const profile = (value: string): string =>
      JSON.stringify(denying(100)).replace(
        '"errnoRet":100',
        `"errnoRet":100,"args":[{"index":1,"op":"SCMP_CMP_EQ","value":${value}}]`,
      );
    const asked = async (value: string): Promise<string> => {
      const bundle = await callingBundle(box, undefined, ['getppid:0:18446744073709551615']);
      const text = readFileSync(join(bundle.path, 'config.json'), 'utf8');
      writeFileSync(
        join(bundle.path, 'config.json'),
        text.replace('"linux": {', `"linux": {"seccomp": ${profile(value)},`),
      );
      return (await box.run(bundle)).stdout.trim();
    };
    expect(await asked('18446744073709551615')).toBe('100');
    expect(await asked('18446744073709551614')).toBe('ok');
  });

  test.for<[string, (box: Box, path: string) => void]>([
    ['a directory that others may write', (box) => chmodSync(directoryOf(box), 0o777)],
    ['a directory of another user', (box) => chownSync(directoryOf(box), 1000, 1000)],
    ['a file of another user', (_, path) => chownSync(path, 1000, 1000)],
    ['a file that others may write', (_, path) => chmodSync(path, 0o666)],
    [
      'a link in its place',
      (box, path) => {
        writeFileSync(join(box.path, 'elsewhere'), readFileSync(path));
        rmSync(path);
        symlinkSync(join(box.path, 'elsewhere'), path);
      },
    ],
  ])('does not trust %s, and compiles', async ([_, spoil], { box }) => {
    await run(box, denying(100));
    const path = join(directoryOf(box), entries(box)[0] ?? '');
    // A program that permits everything, under the right key.
    const file = readFileSync(path);
    const end = 4 + file.readUInt32LE(0);
    writeFileSync(path, Buffer.concat([file.subarray(0, end), Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f])]));
    expect((await run(box, denying(100))).said, 'the entry is in use').toBe('ok');
    spoil(box, path);
    const { said, log } = await run(box, denying(100));
    expect(said).toBe('100');
    expect(log).toContain('the cache of filters is not used');
  });

  test('whose root is full or read-only still runs', async ({ box }) => {
    mkdirSync(box.root, { mode: 0o700 });
    writeFileSync(directoryOf(box), 'not a directory');
    const { said, log } = await run(box, denying(100));
    expect(said).toBe('100');
    expect(log).toContain('the cache of filters is not used');
  });

  test('and list, whatever is in the cache', async ({ box }) => {
    await run(box, denying(100));
    expect((await box.ok('list', '--quiet')).stdout).toBe('');
  });
});

describe('an entry', () => {
  const cacheOf = (box: Box): FilterCache => ({ root: box.root, native: loadNative() });
  const program = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

  test('is found by its text alone', ({ box }) => {
    const cache = cacheOf(box);
    expect(cachedFilter(cache, 'text')).toBeUndefined();
    storeFilter(cache, 'text', program);
    expect(cachedFilter(cache, 'text')).toEqual(Buffer.from(program));
    expect(cachedFilter(cache, 'other')).toBeUndefined();
  });

  test('whose fingerprint two texts share belongs to one of them', ({ box }) => {
    const cache: FilterCache = { root: box.root, native: { fingerprint: () => 'same' } };
    storeFilter(cache, 'one', program);
    expect(cachedFilter(cache, 'two')).toBeUndefined();
    expect(cachedFilter(cache, 'on')).toBeUndefined();
    storeFilter(cache, 'two', program.toReversed());
    expect(cachedFilter(cache, 'one')).toBeUndefined();
    expect(cachedFilter(cache, 'two')).toEqual(Buffer.from(program.toReversed()));
  });

  test.for([0, 3, 4, 8, 9, 15])('cut off after %i bytes is none', (length, { box }) => {
    const cache = cacheOf(box);
    storeFilter(cache, 'text', program);
    const path = join(directoryOf(box), entries(box)[0] ?? '');
    writeFileSync(path, readFileSync(path).subarray(0, length));
    expect(cachedFilter(cache, 'text')).toBeUndefined();
  });

  test('makes room for new ones: the oldest go', ({ box }) => {
    const cache = cacheOf(box);
    for (let index = 0; index < 70; index++) storeFilter(cache, `text ${index}`, program);
    expect(entries(box)).toHaveLength(64);
    expect(cachedFilter(cache, 'text 69')).toBeDefined();
  });
});

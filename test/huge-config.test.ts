/** Configurations of many megabytes: right ones run, wrong ones are refused, both in a time that grows with their size only. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { describe } from 'vitest';
import { type Config, exec, expect, patient, test } from './support/box.ts';
import { repository, runtime } from './support/host.ts';

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Ten times what a busy machine needs, and half of what one step that looks at each pair would take. */
const bound = patient(20_000);

const timed = async <T>(run: () => Promise<T>): Promise<{ readonly outcome: T; readonly milliseconds: number }> => {
  const start = performance.now();
  return { outcome: await run(), milliseconds: performance.now() - start };
};

describe('of 300 000 mistakes the first are told, the others counted', () => {
  const wrongs: readonly (readonly [what: string, spoil: (config: Config) => void, first: RegExp])[] = [
    [
      'variables without a value',
      (config) => void Object.assign(config.process, { env: many(300_000, (index) => `NAME${index}`) }),
      /config\.json:\d+:\d+: error: The environment entry "NAME0" has no "="/,
    ],
    [
      'numbers for variables',
      (config) => void Object.assign(config.process, { env: many(300_000, (index) => index) }),
      /config\.json:\d+:\d+: error: process\.env\[0\].* is 0; allowed: a string/,
    ],
    [
      'relative paths',
      (config) => void Object.assign(config.linux, { maskedPaths: many(300_000, (index) => `proc/${index}`) }),
      /config\.json:\d+:\d+: error: maskedPaths must be absolute, but this one is "proc\/0"/,
    ],
  ];

  test.for(wrongs)('%s', { timeout: 3 * bound }, async ([, spoil, first], { box }) => {
    const bundle = await box.bundle(spoil);
    for (const words of [
      ['create', '-b', bundle.path, box.id()],
      ['validate', bundle.path],
    ]) {
      const { outcome, milliseconds } = await timed(() => box.tsrunc(...words));
      const { code, stdout, stderr } = outcome;
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(first);
      expect(stdout + stderr).toMatch(/At least 9\d\d more mistakes are not shown/);
      expect((stdout + stderr).split('\n').length).toBeLessThan(110);
      expect(milliseconds).toBeLessThan(bound);
    }
  });

  test('and of warnings', { timeout: 3 * bound }, async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.capabilities = { bounding: many(100_000, (index) => `CAP_${index}`) };
    });
    const { outcome, milliseconds } = await timed(() => box.run(bundle));
    expect(outcome).toMatchObject({ code: 0, stdout: '' });
    expect(outcome.stderr).toContain('"CAP_0" is not a known capability and is left out');
    expect(outcome.stderr).toContain('99900 more warnings are not shown');
    expect(milliseconds).toBeLessThan(bound);
  });
});

test('a process of its own file is judged as fast, and its warnings have their places', { timeout: 3 * bound }, async ({
  box,
}) => {
  const id = await box.running();
  const file = join(box.path, 'process.json');
  const process = {
    args: ['true'],
    cwd: '/',
    capabilities: { bounding: many(100_000, (index) => `CAP_${index}`) },
  };
  writeFileSync(file, JSON.stringify(process, undefined, 1));
  const { outcome, milliseconds } = await timed(() => box.tsrunc('exec', '--process', file, id));
  expect(outcome).toMatchObject({ code: 0, stdout: '' });
  expect(outcome.stderr).toContain(
    'process.json:8:4: "CAP_0" is not a known capability and is left out (/capabilities/bounding/0)',
  );
  expect(outcome.stderr.split('\n').length).toBeLessThan(110);
  expect(milliseconds).toBeLessThan(bound);
});

describe('a right one runs', () => {
  test('with 100 000 variables', { timeout: 3 * bound }, async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['env'];
      config.process.env?.push(...many(100_000, (index) => `V${index}=`));
    });
    const { outcome, milliseconds } = await timed(() => box.run(bundle));
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout.match(/^V\d+=$/gm)).toHaveLength(100_000);
    expect(milliseconds).toBeLessThan(bound);
  });

  test('with 3 000 mounts', { timeout: 3 * bound }, async ({ box }) => {
    const { outcome, milliseconds } = await timed(() =>
      box.probe('grep -c /tmp/m /proc/mounts', (config) => {
        const mount = { type: 'tmpfs', source: 'none', options: ['nosuid', 'size=4k'] };
        config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'none' });
        config.mounts.push(...many(3000, (index) => ({ destination: `/tmp/m${index}`, ...mount })));
      }),
    );
    expect(outcome).toMatchObject({ stdout: '3000\n', stderr: '' });
    expect(milliseconds).toBeLessThan(bound);
  });
});

/** KiB of address space: 20 times what the text takes. Engines that compile reserve gigabytes at once. */
const room = 400_000;

test.skipIf(runtime !== join(repository, 'dist', 'tsrunc'))(
  'where a warning stands does not cost memory for each escape of a text (only the small engine can be limited)',
  { timeout: 3 * bound },
  async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.annotations = { text: '\n'.repeat(8_000_000) };
      config.process.capabilities = { bounding: ['CAP_NOSUCH'] };
    });
    const limited = ['-c', `ulimit -v ${room}; exec "$@"`, 'sh', runtime, 'validate', bundle.path];
    const { code, stdout, stderr } = await exec('sh', limited, { timeout: 2 * bound });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('"CAP_NOSUCH" is not a known capability');
  },
);

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { joined, lineOf, runIn } from './compatibility/records.mjs';
import { clientsOf, programsOf, type Run, render } from './compatibility/render.mjs';
import { repository } from './run.mjs';

const assertion = (title: string, status: string, ...ancestorTitles: string[]) => ({ title, status, ancestorTitles });
const file = (name: string, status: string, ...assertionResults: ReturnType<typeof assertion>[]) => ({
  name: `/x/test/clients/${name}.test.ts`,
  status,
  assertionResults,
});
const read = (...testResults: ReturnType<typeof file>[]) =>
  clientsOf({ testResults }, (path) => path.replace('/x/', ''));

describe('what vitest reports', () => {
  test('checks by client and group', () => {
    const docker = file(
      'docker',
      'passed',
      assertion('a', 'passed', 'Docker', 'run'),
      assertion('b', 'skipped', 'Docker'),
    );
    expect(read(docker)).toEqual([
      {
        name: 'Docker',
        file: 'test/clients/docker.test.ts',
        checks: [
          { group: 'run', name: 'a', verdict: 'passed' },
          { group: '', name: 'b', verdict: 'skipped' },
        ],
      },
    ]);
  });

  test('the client’s name goes without the reason why it is skipped', () => {
    const titles = ['podman: conmon: not installed', 'CRI (needs root)'];
    const names = titles.map((title) => read(file('x', 'passed', assertion('a', 'pending', title)))[0]?.name);
    expect(names).toEqual(['podman', 'CRI']);
  });

  test('what took two attempts says so', () => {
    const failed = { ...assertion('a', 'passed', 'Docker'), failureMessages: ['it took too long'] };
    expect(read(file('docker', 'passed', failed))[0]?.checks).toEqual([
      { group: '', name: 'a', verdict: 'passed', again: true },
    ]);
  });

  test.each([
    ['a file without tests', []],
    ['an engine that does not start', [assertion('a', 'skipped', 'Docker')]],
  ])('%s has failed', (_, assertions) => {
    const [client] = read(file('docker', 'failed', ...assertions));
    expect(client?.checks[0]).toEqual({ group: '', name: 'starts', verdict: 'failed' });
  });
});

test('what the validation suite prints', () => {
  expect(programsOf('ok create\nnot ok mounts\n    1: bad\nskipped hooks (impossible (really))\n\n1 passed\n')).toEqual(
    [
      { name: 'create', verdict: 'passed' },
      { name: 'mounts', verdict: 'failed' },
      { name: 'hooks', verdict: 'skipped', reason: 'impossible (really)' },
    ],
  );
});

test('hosts are columns, checks are rows', () => {
  const run = (host: string, verdict: 'passed' | 'failed', conformance: ReturnType<typeof programsOf> = []) => ({
    host,
    date: '2026-01-02T03:04:05Z',
    versions: { kernel: host === 'v1' ? '6.1' : '6.12' },
    clients: [{ name: 'Docker', file: 'd.ts', checks: [{ group: 'run', name: 'a | b', verdict }] }],
    conformance,
  });
  const text = render([run('v2', 'failed'), run('v1', 'passed', programsOf('ok create\nskipped hooks (why)\n'))]);
  for (const line of [
    '|  | v1 | v2 |',
    '| Docker | 1 ✓ | 0 ✓, 1 ✗ |',
    '| OCI validation suite | 1 ✓, 1 – |  |',
    '| kernel | 6.1 | 6.12 |',
    '| run on | 2026-01-02 | 2026-01-02 |',
    '| run: a \\| b | ✓ | ✗ |',
    '| hooks | – | why |',
  ])
    expect(text.split('\n')).toContain(line);
});

test('the newest release of an engine stands beside the host’s own', () => {
  const client = (name: string, check: object) => ({
    name,
    file: 'd.ts',
    checks: [{ group: '', name: 'a', verdict: 'passed' as const, ...check }],
  });
  const clients = [client('Docker', {}), client('Docker, newest', { again: true })];
  const text = render([{ host: 'v2', date: '2026-01-02', versions: {}, clients, conformance: [] }]);
  expect(text).toContain(
    '## Docker\n\n[d.ts](../d.ts)\n\n|  | v2 | v2, newest |\n| --- | --- | --- |\n| a | ✓ | ✓² |\n',
  );
});

test('docs/compatibility.md is what docs/compatibility.json holds', () => {
  const text = (name: string) => readFileSync(join(repository, 'docs', name), 'utf8');
  expect(text('compatibility.md')).toBe(render(JSON.parse(text('compatibility.json'))));
});

describe('what was known', () => {
  const client = (name: string) => ({ name, file: `test/clients/${name}.test.ts`, checks: [] });
  const program = (name: string) => ({ name, verdict: 'passed' as const });
  const run = (host: string, clients: string[], programs: string[] = []): Run => ({
    host,
    date: '',
    versions: {},
    clients: clients.map(client),
    conformance: programs.map(program),
  });
  const names = (runs: readonly Run[]) =>
    runs.map(({ host, clients, conformance }) => [host, ...[...clients, ...conformance].map(({ name }) => name)]);
  const old = [run('one', ['docker', 'gone', 'podman'], ['create']), run('other', ['podman'])];
  const isThere = (file: string) => !file.includes('gone');

  test.each([
    ['a client', run('one', ['cri']), ['one', 'cri', 'docker', 'podman', 'create']],
    ['the suite', run('one', [], ['delete']), ['one', 'docker', 'podman', 'delete']],
    ['a new kind of host', run('new', ['docker']), ['new', 'docker']],
  ])('is joined with a run of %s', (_, latest, expected) => {
    const joinedNames = names(joined(old, latest, isThere));
    expect(joinedNames.at(-1)).toEqual(expected);
    expect(joinedNames).toContainEqual(['other', 'podman']);
  });

  test('a client that a later run left out keeps its day', () => {
    const first = { ...run('one', ['docker', 'cri']), date: '2026-01-02T00:00:00Z' };
    const second = { ...run('one', ['cri']), date: '2026-03-04T00:00:00Z' };
    const third = { ...run('one', ['cri']), date: '2026-05-06T00:00:00Z' };
    const [known] = [second, third].reduce((runs, next) => joined(runs, next, isThere), [first] as readonly Run[]);
    expect(known?.clients.map(({ name, date }) => [name, date])).toEqual([
      ['cri', undefined],
      ['docker', '2026-01-02T00:00:00Z'],
    ]);
    expect(render(known === undefined ? [] : [known])).toContain(' (2026-01-02) |');
  });

  test('the suite that a later run left out keeps its day and commit', () => {
    const first = { ...run('one', [], ['create']), date: '2026-01-02T00:00:00Z', commit: 'abc1234' };
    const later = { ...run('one', ['cri']), date: '2026-03-04T00:00:00Z', commit: 'def5678' };
    const [known] = [later, later].reduce((runs, next) => joined(runs, next, isThere), [first] as readonly Run[]);
    expect(known).toMatchObject({ commit: 'def5678', suite: { date: '2026-01-02T00:00:00Z', commit: 'abc1234' } });
    const text = render(known === undefined ? [] : [known]);
    expect(text).toContain('| OCI validation suite | 1 ✓ (2026-01-02, abc1234) |');
    expect(text).toContain('| run on | 2026-03-04, def5678 |');
  });

  test('versions of what a later run did not see stay', () => {
    const first = { ...run('one', []), versions: { kernel: '6.1', CRIU: '4.2' } };
    const [known] = joined([first], { ...run('one', []), versions: { kernel: '6.12' } }, isThere);
    expect(known?.versions).toEqual({ kernel: '6.12', CRIU: '4.2' });
  });

  test('a run is found in what a machine prints', () => {
    const one = run('one', ['docker']);
    expect(runIn(`noise\r\n${lineOf(one)}\r\nmore\r\n`)).toEqual(one);
    expect(runIn('noise\n')).toBeUndefined();
  });
});

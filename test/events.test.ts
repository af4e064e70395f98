/** events: statistics as runc prints them, and notice of memory that has run out. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from 'vitest';
import { type Box, eventually, exec, expect, test, uniqueId } from './support/box.ts';
import { hasCommand, hasController, isCgroupV2, isRoot, repository, runtime } from './support/host.ts';

const MiB = 1024 * 1024;
/** How many the kernel keeps that nobody uses. */
const freeHugePages = (): number => {
  const path = '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages';
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
};

interface Event {
  readonly type: string;
  readonly id: string;
  readonly data?: Record<string, Record<string, unknown>>;
}

/** A container whose children are killed when they take 16 MiB. */
const limited = (box: Box, script: string): Promise<string> =>
  box.running((config) => {
    config.process.args = ['sh', '-c', script];
    config.linux.resources = { memory: { limit: 16 * MiB, swap: 16 * MiB } };
  });

/** `events` in the background, whose lines are read one by one. */
class Follower implements AsyncDisposable {
  readonly #process;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<unknown[]>;

  constructor(box: Box, id: string, interval: string) {
    const words = ['--root', box.root, 'events', '--interval', interval, id];
    this.#process = spawn(runtime, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.ended = once(this.#process, 'close');
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** undefined at the end. */
  async next(): Promise<Event | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : JSON.parse(value);
  }

  async nextOf(type: string): Promise<Event | undefined> {
    for (;;) {
      const event = await this.next();
      if (event === undefined || event.type === type) return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }
}

/** What takes memory without end does so once a file is there. */
const waiting = 'until [ -e /go ]; do sleep 0.05; done';
const feed = (box: Box, id: string): Promise<unknown> => box.ok('exec', id, 'touch', '/go');

describe.skipIf(!isRoot)('events', () => {
  test('prints statistics after each interval, one JSON document a line, until the container ends', async ({ box }) => {
    const id = await box.running();
    const started = Date.now();
    await using follower = new Follower(box, id, '300ms');
    for (const _ of [1, 2]) expect(await follower.next()).toMatchObject({ type: 'stats', id, data: { cpu: {} } });
    expect(Date.now() - started).toBeGreaterThanOrEqual(600);
    await box.ok('kill', id, 'KILL');
    expect(await follower.nextOf('oom')).toBeUndefined();
    expect(await follower.ended).toEqual([0, null]);
  });

  test('tells that memory has run out, each time', async ({ box }) => {
    const id = await limited(box, `while :; do ${waiting}; tail /dev/zero; rm /go; done`);
    await using follower = new Follower(box, id, '200ms');
    // It can only tell what happens after it has begun to listen.
    await follower.next();
    for (const _ of [1, 2]) {
      await feed(box, id);
      expect(await follower.nextOf('oom')).toEqual({ type: 'oom', id });
      const isGone = async () => (await box.tsrunc('exec', id, 'test', '-e', '/go')).code === 1 || undefined;
      await eventually('the file is gone', isGone);
    }
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });

  test('tells it also when it is the end of the container', async ({ box }) => {
    const id = await limited(box, `${waiting}; exec tail /dev/zero`);
    await using follower = new Follower(box, id, '200ms');
    await follower.next();
    await feed(box, id);
    const types: (string | undefined)[] = [];
    while (types.length === 0 || types.at(-1) !== undefined) types.push((await follower.next())?.type);
    expect(types).toContain('oom');
    expect(await follower.ended).toEqual([0, null]);
  });

  test('ends quietly when nobody reads any more', async ({ box }) => {
    const id = await box.running();
    const script = `{ timeout 20 ${runtime} --root ${box.root} events --interval 50ms ${id}; echo "end $?" >&2; } | head -n 1`;
    const { stdout, stderr } = await exec('sh', ['-c', script]);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'stats', id });
    expect(stderr).toBe('end 0\n');
  });

  test('--stats prints what holds now, and the limits', async ({ box }) => {
    const id = await box.running((config) => {
      config.linux.resources = { memory: { limit: 64 * MiB }, pids: { limit: 20 } };
    });
    const { data } = JSON.parse((await box.ok('events', '--stats', id)).stdout) as Event;
    expect(data?.pids).toEqual({ current: 1, limit: 20 });
    expect(data?.memory?.usage).toMatchObject({ limit: 64 * MiB, usage: expect.any(Number) });
    expect(data?.cpu?.usage).toMatchObject({ total: expect.any(Number) });
    expect(data?.cpuset?.cpus).toContain(0);
    if (isCgroupV2) expect(data?.memory).toHaveProperty('psi.some.avg10');
  });

  test.skipIf(!isCgroupV2)('--stats tells of pressure what the kernel does', async ({ box, skip }) => {
    skip(!existsSync('/proc/pressure/cpu'), 'this kernel does not measure pressure');
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'while :; do :; done & while :; do :; done'];
      config.linux.cgroupsPath = `/${id}`;
      config.linux.resources = { cpu: { quota: 10_000, period: 100_000 } };
    });
    await box.ok('run', '--detach', '--bundle', bundle.path, id);
    const totals = (controller: string): number[] => {
      const text = readFileSync(`/sys/fs/cgroup/${id}/${controller}.pressure`, 'utf8');
      return [...text.matchAll(/total=(\d+)/g)].map(([_, total]) => Number(total));
    };
    await eventually('its processes wait for each other', () => (totals('cpu')[0] ?? 0) > 0 || undefined);
    const members = { cpu: 'cpu', io: 'blkio', memory: 'memory' };
    const before = Object.keys(members).map(totals);
    const { data } = JSON.parse((await box.ok('events', '--stats', id)).stdout) as Event;
    const after = Object.keys(members).map(totals);
    const line = { avg10: expect.any(Number), avg60: expect.any(Number), avg300: expect.any(Number) };
    for (const [index, member] of Object.values(members).entries()) {
      const psi = data?.[member]?.psi as Record<'some' | 'full', { readonly total: number }>;
      expect(psi).toMatchObject({ some: line, full: line });
      for (const [kind, { total }] of [psi.some, psi.full].entries()) {
        expect(total).toBeGreaterThanOrEqual(before[index]?.[kind] ?? Number.NaN);
        expect(total).toBeLessThanOrEqual(after[index]?.[kind] ?? Number.NaN);
      }
    }
  });

  test.skipIf(!hasController('hugetlb') || freeHugePages() === 0)('--stats counts huge pages', async ({ box }) => {
    const id = await box.running((config) => {
      config.mounts.push({ destination: '/huge', type: 'hugetlbfs', source: 'none', options: ['pagesize=2M'] });
    });
    const usage = async (): Promise<unknown> => {
      const { data } = JSON.parse((await box.ok('events', '--stats', id)).stdout) as Event;
      return data?.hugetlb?.['2MB'];
    };
    const none = await usage();
    await box.ok('exec', id, 'fallocate', '-l', String(2 * MiB), '/huge/page');
    expect([none, await usage()]).toMatchObject([{ failcnt: 0 }, { usage: 2 * MiB, failcnt: 0 }]);
    expect(none).not.toHaveProperty('usage');
    await box.ok('delete', '--force', id);
  });

  test('--stats of a created and of a paused container', async ({ box }) => {
    const id = await box.create(await box.bundle());
    expect((await box.ok('events', '--stats', id)).stdout).toContain(`{"type":"stats","id":"${id}"`);
    await box.ok('pause', id);
    expect((await box.ok('events', '--stats', id)).stdout).toContain(`{"type":"stats","id":"${id}"`);
    await box.ok('resume', id);
  });

  test('--stats without a cgroup: nothing is known', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
    });
    const id = box.id();
    await box.ok('--cgroup-manager', 'disabled', 'run', '--detach', '--bundle', bundle.path, id);
    const { data } = JSON.parse((await box.ok('events', '--stats', id)).stdout) as Event;
    expect(data).toMatchObject({ pids: {}, blkio: {}, memory: { usage: { limit: 0, failcnt: 0 } } });
  });

  test.for([['0'], ['-5s'], ['0s']])('an interval of %s is refused', async ([interval = ''], { box }) => {
    const outcome = await box.tsrunc('events', '--interval', interval, await box.running());
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('duration interval must be greater than 0 (command line, --interval)');
  });

  test('an interval without a unit is refused', async ({ box }) => {
    const { code, stderr } = await box.tsrunc('events', '--interval', '5', 'any');
    expect([code, stderr]).toEqual([1, expect.stringContaining('invalid value "5"')]);
  });
});

describe.skipIf(!isRoot || runtime.endsWith('/runc'))('in the library', () => {
  test('statistics, a stream of them, and its end keep nobody waiting', async ({ box }) => {
    const id = await box.running();
    const script = `
      import { Container } from '${join(repository, 'dist', 'index.js')}';
      const container = Container.open('${id}', { root: '${box.root}' });
      const types = [container.stats().pids.current];
      for await (const event of container.events({ intervalMs: 100 })) {
        types.push(event.type);
        if (types.length === 3) break;
      }
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 100);
      for await (const event of container.events({ intervalMs: 3_600_000, signal: abort.signal })) types.push(event.type);
      console.log(types.join());`;
    const path = join(box.path, 'library.mjs');
    writeFileSync(path, script);
    const outcome = await exec(process.execPath, [path], { timeout: 20_000 });
    expect(outcome).toMatchObject({ code: 0, stdout: '1,stats,stats\n', stderr: '' });
  });
});

type Json = { readonly [key: string]: unknown };

/** Paths of the keys of a document, in their order; lists count by their first entry. */
const paths = (value: unknown, prefix = ''): string[] => {
  if (Array.isArray(value)) return paths(value[0], `${prefix}[]`);
  if (typeof value !== 'object' || value === null) return [prefix];
  return Object.entries(value as Json).flatMap(([key, member]) => [
    `${prefix}.${key}`,
    ...paths(member, `${prefix}.${key}`),
  ]);
};

/** Left out where they are zero. */
const mayBeZero =
  /\.(cpus|mems|cache|max|usage|total|percpu|percpu_kernel|percpu_user|current|limit|major|minor|op|value|periods?|throttledPeriods|throttledTime|io\w+Recursive)\b(\[\])?$/;
/** What newer releases of runc add. */
const isNewer = (path: string): boolean => /\.psi\b/.test(path);

describe.skipIf(!isRoot || !hasCommand('runc'))('beside runc, with the same container', () => {
  test('the statistics have the same keys in the same order', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.ociVersion = '1.0.2';
      config.process.args = ['sh', '-c', 'dd if=/dev/zero of=/file bs=1M count=8; sync; exec sleep 100'];
      config.linux.resources = {
        memory: { limit: 64 * MiB },
        pids: { limit: 20 },
        cpu: { quota: 50_000, period: 100_000 },
      };
    });
    const id = uniqueId();
    const runc = ['--root', join(box.path, 'runc')];
    const stats = async (program: string, root: readonly string[]): Promise<string[]> => {
      await exec(program, [...root, 'run', '--detach', '--bundle', bundle.path, id]);
      try {
        const processes = async () => (await exec(program, [...root, 'ps', id, '-o', 'pid,args'])).stdout;
        await eventually('it sleeps', async () => /^ *\d+ sleep 100$/m.test(await processes()) || undefined);
        const { stdout } = await exec(program, [...root, 'events', '--stats', id]);
        expect(stdout.endsWith('}\n') && !stdout.slice(0, -1).includes('\n')).toBe(true);
        return paths(JSON.parse(stdout)).filter((path) => !isNewer(path));
      } finally {
        await exec(program, [...root, 'delete', '--force', id]);
      }
    };
    const theirs = await stats('runc', runc);
    const ours = await stats(runtime, ['--root', box.root]);
    const inOrder = (keys: readonly string[], others: readonly string[]) => keys.filter((key) => others.includes(key));
    expect(inOrder(ours, theirs)).toEqual(inOrder(theirs, ours));
    const differing = [
      ...ours.filter((key) => !theirs.includes(key)),
      ...theirs.filter((key) => !ours.includes(key)),
    ].filter((key) => !mayBeZero.test(key));
    expect(differing).toEqual([]);
    // Not by chance: most of them are always there.
    expect(inOrder(ours, theirs).length).toBeGreaterThan(60);
  });
});

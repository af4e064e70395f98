/** checkpoint and restore: memory that takes another way than with the rest: earlier, to a page server, or later. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, eventually, expect, patient, test } from './support/box.ts';
import {
  counted,
  counter,
  ended,
  holding,
  reaches,
  revive,
  type Saved,
  save,
  start,
  useHolder,
} from './support/checkpoint.ts';
import { criuEnvironment, criuHas, criuServesPages, withoutCriu } from './support/criu.ts';
import { runtime } from './support/host.ts';

useHolder();

/** On the loopback device, for the next who listens. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Without connecting, which a page server takes for its client. */
const listens = (port: number): boolean =>
  readFileSync('/proc/net/tcp', 'utf8').includes(
    `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`,
  );

/** criu in one of its other roles, beside the directory of the images. */
const criu = (words: readonly string[], { images }: Saved): { child: ChildProcess; end: ReturnType<typeof ended> } => {
  const log = openSync(join(images, `${words[0]}.out`), 'w');
  const child = spawn('criu', [...words, '-D', images], { env: criuEnvironment, stdio: ['ignore', log, log] });
  closeSync(log);
  return { child, end: ended(child) };
};

/** With a megabyte that stays as it is, so that it can be told what was written again; a shell would have it in each child, too. */
const remembering = (box: Box): Promise<Saved> => holding(box, ['memory', '/numbers']);

/** That what remembers counts on. */
const goesOn = async ({ bundle }: Saved): Promise<void> => {
  const written = () => statSync(join(bundle.rootfs, 'numbers')).size;
  const before = written();
  await expect.poll(written, { timeout: patient(10_000) }).toBeGreaterThan(before);
};

const pageFiles = (images: string): string[] =>
  readdirSync(images)
    .filter((name) => /^pages-\d+\.img$/.test(name))
    .map((name) => join(images, name));

/** Bytes of memory in a directory of images. */
const pagesIn = (images: string): number => pageFiles(images).reduce((sum, path) => sum + statSync(path).size, 0);

/** The same on disk: less where some of it was freed. */
const allocatedIn = (images: string): number =>
  pageFiles(images).reduce((sum, path) => sum + statSync(path).blocks * 512, 0);

/** Ready for a lazy restore: the process that answers when memory is touched. */
const serveLazily = async (saved: Saved, ...flags: readonly string[]) => {
  const daemon = criu(['lazy-pages', ...flags], saved);
  await eventually('it listens', () => existsSync(join(saved.images, 'lazy-pages.socket')) || undefined);
  return daemon;
};

/** A checkpoint that keeps the memory until somebody fetches it; running when this returns. */
const saveLazily = async (box: Box, { id, images }: Saved, port: number) => {
  const path = join(box.path, 'status');
  const fd = openSync(path, 'w');
  const words = ['checkpoint', '--lazy-pages', '--page-server', `127.0.0.1:${port}`, '--status-fd', '3'];
  const child = spawn(runtime, ['--root', box.root, ...words, '--image-path', images, id], {
    stdio: ['ignore', 'ignore', 'inherit', fd],
  });
  closeSync(fd);
  await expect.poll(() => readFileSync(path), { timeout: patient(10_000) }).toEqual(Buffer.from([0]));
  return { child, end: ended(child) };
};

describe.skipIf(withoutCriu !== undefined)(`memory by other ways (${withoutCriu ?? 'criu works'})`, () => {
  test('--page-server sends it there', async ({ box }) => {
    const saved = await start(box, counter);
    mkdirSync(saved.images);
    const port = await freePort();
    const { end } = criu(['page-server', '--port', String(port)], saved);
    await eventually('the server listens', () => listens(port) || undefined);
    await save(box, saved, '--page-server', `127.0.0.1:${port}`);
    expect(await end).toBe(0);
    expect(readFileSync(join(saved.images, 'dump.log'), 'utf8')).toContain('page server');
    const before = counted(saved);
    await revive(box, saved);
    await reaches(saved, before + 2);
  });

  describe.skipIf(!criuHas('uffd-noncoop'))('--lazy-pages', () => {
    test('of restore: the container runs before its memory is there', async ({ box }) => {
      const saved = await remembering(box);
      await save(box, saved);
      const early = await box.tsrunc(
        ...['restore', '-d', '--lazy-pages', '-b', saved.bundle.path, '--image-path', saved.images, saved.id],
      );
      expect(early.stderr).toContain('start "criu lazy-pages"');
      const { end } = await serveLazily(saved);
      await revive(box, saved, '--lazy-pages');
      await goesOn(saved);
      expect(await end).toBe(0);
    });

    test('of checkpoint: it runs on until its memory is fetched; --status-fd is told when it can be', async ({
      box,
    }) => {
      const saved = await start(box, counter);
      const port = await freePort();
      const { end } = await saveLazily(box, saved, port);
      expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
      // Whoever comes and goes has taken the container over, says criu.
      const client = connect(port, '127.0.0.1', () => client.end());
      expect(await end).toBe(0);
      expect((await box.tsrunc('state', saved.id)).stderr).toContain('container does not exist');
    });

    test('of checkpoint, which was killed: who keeps the container is named, and without it delete --force removes it', async ({
      box,
    }) => {
      // The first process ends after its children, and the child's end is for who traces it.
      const saved = await start(box, `sleep 1000 & ${counter}`);
      const { child, end } = await saveLazily(box, saved, await freePort());
      child.kill('SIGKILL');
      await end;
      const { code, stderr } = await box.tsrunc('delete', '--force', saved.id);
      expect(code).toBe(1);
      const keeper = Number(/Process (\d+) traces it/.exec(stderr)?.[1]);
      expect(readFileSync(`/proc/${keeper}/cmdline`, 'utf8')).toContain('criu');
      process.kill(keeper);
      await box.ok('delete', '--force', saved.id);
      expect(readdirSync(box.root)).toEqual([]);
    });

    test('of both: the memory comes from where it was', async ({ box, skip }) => {
      skip(!criuServesPages, 'criu may not make its pipe for pages: no CAP_SYS_RESOURCE');
      const saved = await remembering(box);
      const port = await freePort();
      const checkpoint = await saveLazily(box, saved, port);
      expect(pagesIn(saved.images)).toBeLessThan(1_000_000);
      const { end } = await serveLazily(saved, '--page-server', '--address', '127.0.0.1', '--port', String(port));
      // The one that gives its memory away still has the name.
      const heir = { ...saved, id: box.id() };
      await revive(box, heir, '--lazy-pages');
      await goesOn(heir);
      expect([await end, await checkpoint.end]).toEqual([0, 0]);
      expect((await box.tsrunc('state', saved.id)).stderr).toContain('container does not exist');
      expect(await box.state(heir.id)).toMatchObject({ status: 'running' });
    });
  });

  test('restore --auto-dedup frees the images of the memory that it takes', async ({ box }) => {
    const saved = await start(box, counter);
    await save(box, saved);
    await revive(box, saved);
    const whole = pagesIn(saved.images);
    expect(allocatedIn(saved.images)).toBeGreaterThanOrEqual(whole);
    await box.ok('delete', '--force', saved.id);
    await revive(box, saved, '--auto-dedup');
    expect(allocatedIn(saved.images)).toBeLessThan(whole);
  });

  const tracks = criuHas('mem_dirty_track');
  test.skipIf(tracks)(
    '--pre-dump where the kernel tracks no memory: said before anything is written',
    async ({ box }) => {
      const saved = await start(box, counter);
      const { code, stderr } = await box.tsrunc('checkpoint', '--pre-dump', '--image-path', saved.images, saved.id);
      expect(code).toBe(1);
      expect(stderr).toContain('CONFIG_MEM_SOFT_DIRTY');
      expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
      expect(existsSync(saved.images)).toBe(false);
    },
  );

  describe.skipIf(!tracks)(`--pre-dump (${tracks ? 'memory is tracked' : 'this kernel does not track memory'})`, () => {
    test.for([
      [[], 'and the dump has the changes only'],
      [['--auto-dedup'], 'and the dump frees what it has anew'],
    ] as const)('%j: once and again, %s', async ([flags], { box }) => {
      const saved = await remembering(box);
      const [first, second] = [join(box.path, 'first'), join(box.path, 'second')];
      await box.ok('checkpoint', '--pre-dump', '--image-path', first, saved.id);
      expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
      await goesOn(saved);
      const chained = ['--pre-dump', '--parent-path', '../first', ...flags];
      await box.ok('checkpoint', ...chained, '--image-path', second, saved.id);
      await save(box, saved, '--parent-path', '../second', ...flags);
      expect(readlinkSync(join(saved.images, 'parent'))).toBe('../second');
      expect(pagesIn(first)).toBeGreaterThan(1_000_000);
      expect(pagesIn(second)).toBeLessThan(1_000_000);
      expect(pagesIn(saved.images)).toBeLessThan(1_000_000);
      // Only what was written again is freed in the first.
      expect(allocatedIn(first) < pagesIn(first)).toBe(flags.length > 0);
      expect(allocatedIn(first)).toBeGreaterThan(1_000_000);
      await revive(box, saved);
      await goesOn(saved);
    });

    test('to a page server', async ({ box }) => {
      const saved = await remembering(box);
      const port = await freePort();
      mkdirSync(saved.images);
      const { end } = criu(['page-server', '--port', String(port)], saved);
      await eventually('the server listens', () => listens(port) || undefined);
      const target = ['--page-server', `127.0.0.1:${port}`];
      await box.ok('checkpoint', '--pre-dump', ...target, '--image-path', saved.images, saved.id);
      expect(await end).toBe(0);
      expect(pagesIn(saved.images)).toBeGreaterThan(1_000_000);
      expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
    });
  });
});

/**
 * runtime-spec config-linux.md "IntelRdt" without the hardware: a directory stands for resctrl, by a mount table that the
 * runtime reads in a mount namespace of the test's own. What only the kernel does (groups that are born with files) is in
 * src/rdt/rdt.test.ts.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { IntelRdt } from '../src/config/spec.ts';
import { type Box, expect, type Outcome, test } from './support/box.ts';
import { hasCapability, hasCommand, runtime } from './support/host.ts';
import { exec, output } from './support/process.ts';

/** A directory with the files of the default class. */
function resctrlIn(box: Box): string {
  const root = join(box.path, 'resctrl');
  mkdirSync(join(root, 'mon_groups'), { recursive: true });
  writeFileSync(join(root, 'schemata'), 'L3:0=7ff\n');
  return root;
}

/** The shell becomes the runtime, so that the mount table of its pid is the one that the runtime reads. */
const withResctrl = (root: string, ...args: readonly string[]): Promise<Outcome> =>
  exec('unshare', [
    '--mount',
    'sh',
    '-ec',
    `{ cat /proc/$$/mountinfo; echo '999 1 0:99 / ${root} rw - resctrl resctrl rw'; } > ${root}.mounts
     mount --bind ${root}.mounts /proc/$$/mountinfo
     exec "$@"`,
    'sh',
    runtime,
    ...args,
  ]);

const sleeping = (box: Box, intelRdt: IntelRdt) =>
  box.bundle((config) => {
    config.process.args = ['sleep', '100'];
    config.linux.intelRdt = intelRdt;
  });

const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');

// Covers /linux/intelRdt/{closID,schemata,l3CacheSchema,memBwSchema,enableMonitoring}
describe.runIf(hasCapability('SYS_ADMIN') && hasCommand('unshare'))('intelRdt', () => {
  test('the process is in its class and its monitoring group, which goes with it', async ({ box }) => {
    const root = resctrlIn(box);
    const id = box.id();
    const bundle = await sleeping(box, { closID: '/', schemata: ['L3:0=f', 'MB:0=50'], enableMonitoring: true });
    const { stderr } = await withResctrl(root, '--root', box.root, 'create', '--bundle', bundle.path, id);
    expect(stderr).toBe('');
    const { pid } = await box.state(id);
    expect(text(root, 'tasks')).toBe(`${pid}\n`);
    expect(text(root, 'schemata')).toBe('L3:0=f\nMB:0=50\n');
    const monitor = join(root, 'mon_groups', id);
    expect(text(monitor, 'tasks')).toBe(`${pid}\n`);
    // The kernel would remove a group with its files.
    await exec('rm', [join(monitor, 'tasks')]);
    await box.ok('delete', '--force', id);
    expect(existsSync(monitor)).toBe(false);
    expect(existsSync(root)).toBe(true);
  });

  test('a process that goes on in a child is there, too', async ({ box }) => {
    const root = resctrlIn(box);
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.linux.intelRdt = { closID: '/' };
      config.linux.namespaces.push({ type: 'time' });
    });
    await withResctrl(root, '--root', box.root, 'create', '--bundle', bundle.path, id);
    expect(text(root, 'tasks')).toBe(`${(await box.state(id)).pid}\n`);
  });

  test('a process of exec is in the groups of its container', async ({ box }) => {
    const root = resctrlIn(box);
    const id = box.id();
    const bundle = await sleeping(box, { closID: '/' });
    await withResctrl(root, '--root', box.root, 'create', '--bundle', bundle.path, id);
    await box.ok('start', id);
    writeFileSync(join(root, 'tasks'), '');
    const pidFile = join(box.path, 'pid');
    await box.ok('exec', '--detach', '--pid-file', pidFile, id, 'sleep', '100');
    expect(text(root, 'tasks')).toBe(`${text(pidFile)}\n`);
  });

  test('what was made for a container that cannot be run is removed', async ({ box }) => {
    const root = resctrlIn(box);
    const bundle = await box.bundle((config) => {
      config.process.args = ['/bin/no-such-program'];
      config.linux.intelRdt = { enableMonitoring: true, closID: '/' };
    });
    const id = box.id();
    const { code, stderr } = await withResctrl(root, '--root', box.root, 'run', '--bundle', bundle.path, id);
    expect(code).not.toBe(0);
    // A directory, unlike the kernel, does not let itself be removed with a file in it: the attempt is what shows.
    expect(stderr).toContain('no-such-program');
    expect(stderr).toContain('could not remove the RDT monitoring group');
  });

  test('update writes other schemas, all or nothing, and events tells of them', async ({ box }) => {
    const root = resctrlIn(box);
    const id = box.id();
    const bundle = await sleeping(box, { closID: '/' });
    await withResctrl(root, '--root', box.root, 'create', '--bundle', bundle.path, id);
    const { stdout } = await box.ok('update', '--report', '--l3-cache-schema', 'L3:0=f', id);
    expect(stdout).toBe('schemata: L3:0=7ff -> L3:0=f\n');
    expect(text(root, 'schemata')).toBe('L3:0=f\n');
    const statistics = JSON.parse((await box.ok('events', '--stats', id)).stdout);
    expect(statistics.data.intel_rdt).toEqual({ l3_cache_schema_root: 'L3:0=f', l3_cache_schema: 'L3:0=f' });
    const refused = await box.tsrunc('update', '--l3-cache-schema', 'L3:0=3', '--cpuset-cpus', '4095', id);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('everything is as before');
    expect(text(root, 'schemata')).toBe('L3:0=f\n');
  });

  test('update makes a class for a container that had none, which goes with it', async ({ box }) => {
    const root = resctrlIn(box);
    const id = await box.running();
    const { stderr } = await withResctrl(root, '--root', box.root, 'update', '--mem-bw-schema', 'MB:0=20', id);
    expect(stderr).toBe('');
    expect(text(root, id, 'schemata')).toBe('MB:0=20\n');
    expect(text(root, id, 'tasks')).toBe(`${(await box.state(id)).pid}\n`);
    // The kernel would remove a group with its files.
    await exec('rm', [join(root, id, 'tasks'), join(root, id, 'schemata')]);
    await box.ok('delete', '--force', id);
    expect(existsSync(join(root, id))).toBe(false);
  });

  const gold: IntelRdt = { closID: 'gold', l3CacheSchema: 'L3:0=f\nMB:0=90', memBwSchema: 'MB:0=20' };

  test('a class with a name is made for its schemas, and stays', async ({ box }) => {
    const root = resctrlIn(box);
    const id = box.id();
    const { path } = await sleeping(box, gold);
    const { code, stderr } = await withResctrl(root, '--root', box.root, 'create', '--bundle', path, id);
    expect(code, stderr).toBe(0);
    // A file keeps the last write only.
    expect(text(root, 'gold', 'schemata')).toBe('MB:0=20\n');
    expect(text(root, 'gold', 'tasks')).toBe(`${(await box.state(id)).pid}\n`);
    await box.ok('delete', '--force', id);
    expect(existsSync(join(root, 'gold'))).toBe(true);
  });

  test('bandwidth in l3CacheSchema is not written beside memBwSchema', async ({ box }) => {
    const root = resctrlIn(box);
    const id = box.id();
    mkdirSync(join(root, id));
    // A pipe keeps all writes.
    const pipe = join(root, id, 'schemata');
    await output('mkfifo', [pipe]);
    const fd = openSync(pipe, 'r+');
    const { path } = await sleeping(box, { ...gold, closID: '' });
    const { code, stderr } = await withResctrl(root, '--root', box.root, 'create', '--bundle', path, id);
    expect(code, stderr).toBe(0);
    const written = Buffer.alloc(100);
    expect(written.toString('utf8', 0, readSync(fd, written))).toBe('L3:0=f\nMB:0=20\n');
    closeSync(fd);
  });

  test('a class that exists has to be the one that is asked for', async ({ box }) => {
    const root = resctrlIn(box);
    mkdirSync(join(root, 'gold'));
    const present = '    L3:0=00f;1=7ff\n    MB:0= 20;1=100\n';
    const create = async (intelRdt: IntelRdt) => {
      writeFileSync(join(root, 'gold', 'schemata'), present);
      const { path } = await sleeping(box, intelRdt);
      return withResctrl(root, '--root', box.root, 'create', '--bundle', path, box.id());
    };
    expect(await create(gold)).toMatchObject({ code: 0 });
    const { memBwSchema: _, ...withBandwidth } = gold;
    const { code, stderr } = await create(withBandwidth);
    expect(code).toBe(1);
    expect(stderr).toContain(`The RDT class of service ${root}/gold exists and differs: it has no "MB:0=90" (`);
    expect(stderr).toContain('/linux/intelRdt)');
    expect(text(root, 'gold', 'schemata')).toBe(present);
    expect((await box.ok('list', '--quiet')).stdout.trim().split('\n')).toHaveLength(1);
  });

  test('a class that is not there is refused with its place, and nothing is made', async ({ box }) => {
    const root = resctrlIn(box);
    const bundle = await sleeping(box, { closID: 'gold' });
    const { code, stderr } = await withResctrl(root, '--root', box.root, 'run', '--bundle', bundle.path, box.id());
    expect(code).toBe(1);
    expect(stderr).toContain('There is no RDT class of service "gold"');
    expect(stderr).toContain('/linux/intelRdt/closID');
    expect(existsSync(join(root, 'gold'))).toBe(false);
  });
});

test.skipIf(readFileSync('/proc/self/mountinfo', 'utf8').includes(' - resctrl '))(
  'without a mounted resctrl it is refused with its place and a hint',
  async ({ box }) => {
    const { code, stderr } = await box.run(await sleeping(box, {}));
    expect(code).toBe(1);
    expect(stderr).toContain('Intel RDT is not available: no resctrl file system is mounted');
    expect(stderr).toContain('/linux/intelRdt');
    expect(stderr).toMatch(/^Hint: /m);
    const id = await box.running();
    const update = await box.tsrunc('update', '--mem-bw-schema', 'MB:0=20', id);
    expect(update.code).toBe(1);
    expect(update.stderr).toContain(
      'Intel RDT is not available: no resctrl file system is mounted (command line, --mem-bw-schema)',
    );
  },
);

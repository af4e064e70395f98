/** `run` in the foreground: exit status, signals, orphans, clean-up; the process becomes a small monitor meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, type Bundle, expect, patient, test } from './support/box.ts';
import { cgroupDirectories, runtime } from './support/host.ts';

const script = (box: Box, text: string) =>
  box.bundle((config) => {
    config.process.args = ['sh', '-c', text];
  });

/** Start a foreground run and wait until the container wrote `file`. */
const startRun = async (box: Box, bundle: Bundle, id: string, file = 'up'): Promise<ChildProcess> => {
  const child = spawn(runtime, ['--root', box.root, 'run', '-b', bundle.path, id], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await expect.poll(() => existsSync(join(bundle.rootfs, file)), { timeout: patient(5000) }).toBe(true);
  return child;
};

const ended = (child: ChildProcess): Promise<number | NodeJS.Signals | null> =>
  new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));

describe('the exit status of run', () => {
  test.for([0, 1, 42, 255])('is the status %i of the program', async (status, { box }) => {
    expect((await box.probe(`exit ${status}`)).code).toBe(status);
  });

  test('is 128 + n when signal n ended the program', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      // Not as pid 1: a pid namespace protects its first process from its own signals.
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.process.args = ['sh', '-c', 'kill -USR1 $$'];
    });
    expect((await box.run(bundle)).code).toBe(128 + 10);
  });

  test('is 1 with a message when the container cannot be made', async ({ box }) => {
    const outcome = await box.probe('true', (config) => {
      config.root.path = 'nosuch';
    });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('nosuch');
  });
});

describe('run in the foreground', () => {
  test('brings stdin, stdout and stderr through untouched', async ({ box }) => {
    const outcome = await box.probe('cat; echo err >&2', undefined, { stdin: 'one\ntwo\n' });
    expect(outcome).toEqual({ code: 0, signal: null, stdout: 'one\ntwo\n', stderr: 'err\n' });
  });

  test('deletes the container afterwards: state, cgroups', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.linux.cgroupsPath = `/${id}`;
    });
    await box.ok('run', '-b', bundle.path, id);
    expect(readdirSync(box.root)).toEqual([]);
    expect(cgroupDirectories(id)).toEqual([]);
  });

  test('--keep leaves the stopped container', async ({ box }) => {
    const bundle = await box.bundle();
    const id = box.id();
    await box.ok('run', '--keep', '-b', bundle.path, id);
    expect(await box.state(id)).toMatchObject({ status: 'stopped', pid: 0 });
    await box.ok('delete', id);
  });

  test('forwards signals', async ({ box }) => {
    const bundle = await script(box, 'trap "echo usr1; exit 7" USR1; touch /up; while :; do sleep 0.01; done');
    const child = await startRun(box, bundle, box.id());
    const end = ended(child);
    child.kill('SIGUSR1');
    expect(await end).toBe(7);
  });

  test('is a small process while it waits', async ({ box }) => {
    const bundle = await script(box, 'touch /up; sleep 100');
    const id = box.id();
    const child = await startRun(box, bundle, id);
    const end = ended(child);
    const rss = () => Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    await expect.poll(rss).toBeLessThan(2048);
    await box.ok('kill', id, 'KILL');
    expect(await end).toBe(137);
  });

  test('reaps orphans of the container', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.process.args = ['sh', '-c', '(sleep 0.2 & echo $! > /orphan) & wait; touch /up; sleep 100'];
    });
    const id = box.id();
    const child = await startRun(box, bundle, id);
    const end = ended(child);
    const orphan = readFileSync(join(bundle.rootfs, 'orphan'), 'utf8').trim();
    await expect.poll(() => alive(orphan)).toBe(false);
    await box.ok('kill', id, 'KILL');
    await end;
  });

  test('a killed monitor leaves a container that delete --force removes', async ({ box }) => {
    const bundle = await script(box, 'touch /up; sleep 100');
    const id = box.id();
    const child = await startRun(box, bundle, id);
    const end = ended(child);
    child.kill('SIGKILL');
    await end;
    const { pid } = await box.state(id);
    await box.ok('delete', '--force', id);
    expect(alive(pid)).toBe(false);
    expect(readdirSync(box.root)).toEqual([]);
  });
});

describe('run --detach', () => {
  test('returns while the program runs', async ({ box }) => {
    const bundle = await script(box, 'sleep 100');
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });
});

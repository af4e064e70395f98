/** pause and resume: the freezer of cgroup v1 and v2; messages as runc's. */
import { readFileSync } from 'node:fs';
import { describe } from 'vitest';
import { alive, type Box, cpuTime, eventually, expect, test } from './support/box.ts';
import { isRoot } from './support/host.ts';

const running = async (box: Box, script: string): Promise<string> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', script];
  });
  await box.ok('run', '-d', '-b', bundle.path, id);
  return id;
};

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!isRoot)('pause and resume', () => {
  test('a paused container uses no time, a resumed one does', async ({ box }) => {
    const id = await running(box, 'while :; do :; done');
    const { pid } = await box.state(id);
    expect(await box.ok('pause', id)).toMatchObject({ stdout: '', stderr: '' });
    expect(await box.state(id)).toMatchObject({ status: 'paused', pid });
    const before = cpuTime(pid);
    await pass(100);
    expect(cpuTime(pid)).toBe(before);
    expect(await box.ok('resume', id)).toMatchObject({ stdout: '', stderr: '' });
    expect(await box.state(id)).toMatchObject({ status: 'running', pid });
    await expect.poll(() => cpuTime(pid)).toBeGreaterThan(before);
  });

  test('children stop as well', async ({ box }) => {
    const id = await running(box, '(while :; do :; done) & wait');
    const { pid } = await box.state(id);
    const child = await eventually('there is a child', () => {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return children === '' ? undefined : Number(children);
    });
    await box.ok('pause', id);
    const before = cpuTime(child);
    await pass(100);
    expect(cpuTime(child)).toBe(before);
    await box.ok('resume', id);
    await expect.poll(() => cpuTime(child)).toBeGreaterThan(before);
  });

  test('a created container can be paused; it starts after resume only', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
    });
    const id = await box.create(bundle);
    await box.ok('pause', id);
    expect(await box.state(id)).toMatchObject({ status: 'paused' });
    const early = await box.tsrunc('start', id);
    expect(early.code).toBe(1);
    expect(early.stderr).toContain('cannot start a container in the paused state');
    await box.ok('resume', id);
    expect(await box.state(id)).toMatchObject({ status: 'created' });
    await box.ok('start', id);
  });

  test('signals wait for the end of the pause', async ({ box }) => {
    const id = await running(box, 'trap "echo got > /got; exit 3" TERM; while :; do sleep 0.01; done');
    const { pid } = await box.state(id);
    await box.ok('pause', id);
    await box.ok('kill', id, 'TERM');
    await pass(50);
    expect(alive(pid)).toBe(true);
    await box.ok('resume', id);
    await box.reached(id, 'stopped');
  });

  test('KILL ends a paused container', async ({ box }) => {
    const id = await running(box, 'sleep 100');
    const { pid } = await box.state(id);
    await box.ok('pause', id);
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    expect(alive(pid)).toBe(false);
    await box.ok('delete', id);
  });

  test('delete refuses a paused container, delete --force removes it', async ({ box }) => {
    const id = await running(box, 'sleep 100');
    await box.ok('pause', id);
    const refused = await box.tsrunc('delete', id);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`cannot delete container ${id} that is not stopped: paused`);
    await box.ok('delete', '--force', id);
    expect((await box.tsrunc('state', id)).stderr).toContain('container does not exist');
  });

  test('wrong states are refused with the words that engines know', async ({ box }) => {
    const id = await running(box, 'sleep 100');
    expect(await box.tsrunc('resume', id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container not paused'),
    });
    await box.ok('pause', id);
    expect(await box.tsrunc('pause', id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('container not running'),
    });
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    for (const [verb, message] of [
      ['pause', 'container not running'],
      ['resume', 'container not paused'],
    ] as const) {
      expect(await box.tsrunc(verb, id)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
      const unknown = await box.tsrunc(verb, 'tsrunc-test-nobody');
      expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('container does not exist') });
    }
  });

  test('without a cgroup there is nothing to pause with', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
    });
    await box.ok('--cgroup-manager', 'disabled', 'run', '-d', '-b', bundle.path, id);
    const { code, stderr } = await box.tsrunc('pause', id);
    expect(code).toBe(1);
    expect(stderr).toContain('it has no cgroup');
  });
});

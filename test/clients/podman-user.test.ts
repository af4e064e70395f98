/**
 * podman of an ordinary user whose cgroups the user's own systemd manages and hands on: how it is used on a desktop and on servers
 * of more than one person. Needs the session of such a user (npm run test:vm -- --mode user).
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasCommand, isCgroupV2, isRoot, runtime } from '../support/host.ts';
import { subordinate, uid } from '../support/ordinary.ts';
import { configuration, image, storage } from '../support/podman.ts';
import { type ExecOptions, exec, type Outcome, patient } from '../support/process.ts';
import { layerIn } from '../support/realm.ts';
import { directoryOf, isKnown, knob, systemctl } from '../support/systemd.ts';

const needed = ['podman', 'conmon', 'newuidmap', 'newgidmap'];

const whyNot = (): string | undefined => {
  if (isRoot) return 'is of an ordinary user';
  if (!isCgroupV2 || !existsSync(`${process.env.XDG_RUNTIME_DIR}/systemd/private`))
    return 'needs the session of a user of systemd, with cgroup v2';
  if (subordinate.count === 0) return 'this user has no subordinate ids';
  const missing = needed.filter((name) => !hasCommand(name));
  return missing.length > 0 ? `${missing.join(', ')}: not installed` : undefined;
};
const unavailable = whyNot();

const MiB = 1024 * 1024;
const lines = (text: string): string[] => text.trimEnd().split('\n');
const scopeOf = (id: string): string => `libpod-${id}.scope`;
const title = `podman of a user of systemd${unavailable === undefined ? '' : `: ${unavailable}`}`;

describe.skipIf(unavailable)(title, () => {
  const path = unavailable === undefined ? mkdtempSync(join(tmpdir(), 'tsrunc-test-podman-user-')) : '';
  const env = {
    HOME: path, // where podman 4.3 has its storage, whatever is configured
    CONTAINERS_CONF: join(path, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(path, 'storage.conf'),
  };
  const podman = (words: readonly string[], options: ExecOptions = {}): Promise<Outcome> =>
    exec('podman', words, { timeout: 40_000, ...options, env });
  const ok = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await podman(words);
    if (code !== 0) throw new Error(`podman ${words.join(' ')}: ${code}\n${stderr}${stdout}`);
    return stdout.trimEnd();
  };
  const detached = (flags: readonly string[], ...command: readonly string[]): Promise<string> =>
    ok('run', '--detach', '--network=none', ...flags, image, ...command);
  const inspect = (id: string, template: string): Promise<string> => ok('inspect', '--format', template, id);

  beforeAll(async () => {
    const graph = join(path, 'graph');
    writeFileSync(env.CONTAINERS_CONF, configuration({ executable: runtime, graph }, 'systemd'));
    writeFileSync(env.CONTAINERS_STORAGE_CONF, storage(graph, join(path, 'run')));
    await ok('import', '--quiet', await layerIn(path), image);
  }, patient(60_000));
  afterAll(async () => {
    if (unavailable !== undefined) return;
    await podman(['rm', '--all', '--force', '--time', '0']);
    // Files of the containers belong to subordinate ids.
    await podman(['unshare', 'rm', '-rf', path]);
  }, patient(60_000));

  test('limits are those of a scope below the user, and hold', async () => {
    const limits = ['--memory=64m', '--memory-swap=64m', '--pids-limit=17', '--cpus=0.5'];
    const id = await detached(limits, 'sleep', '100');
    const files = ['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max'];
    const expected = [String(64 * MiB), '0', '17', '50000 100000'];
    expect(files.map((file) => knob(scopeOf(id), file))).toEqual(expected);
    expect(directoryOf(scopeOf(id))).toContain(`/user@${uid}.service/`);
    const inside = await ok('exec', id, 'sh', '-c', `cd /sys/fs/cgroup; cat ${files.join(' ')}; cat /proc/self/cgroup`);
    expect(lines(inside)).toEqual([...expected, '0::/']);
    systemctl('daemon-reload');
    expect(files.map((file) => knob(scopeOf(id), file))).toEqual(expected);
  });

  test('pause freezes the scope, unpause thaws it', async () => {
    const id = await detached([], 'sleep', '100');
    await ok('pause', id);
    expect(await inspect(id, '{{.State.Status}}')).toBe('paused');
    expect(knob(scopeOf(id), 'cgroup.events')).toContain('frozen 1');
    expect((await podman(['exec', id, 'true'])).code).not.toBe(0);
    await ok('unpause', id);
    expect(knob(scopeOf(id), 'cgroup.events')).toContain('frozen 0');
    expect(await ok('exec', id, 'echo', 'awake')).toBe('awake');
  });

  test('update changes limits, stats measures', async () => {
    const id = await detached(['--memory=64m'], 'sleep', '100');
    await ok('update', '--memory=32m', '--cpus=0.25', id);
    const changed = () => ['memory.max', 'cpu.max'].map((file) => knob(scopeOf(id), file));
    expect(changed()).toEqual([String(32 * MiB), '25000 100000']);
    systemctl('daemon-reload');
    expect(changed()).toEqual([String(32 * MiB), '25000 100000']);
    const row = await ok('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDS}}', id);
    expect(row).toMatch(/^\d+\.?\d*kB \/ \S+ 1$/);
  });

  test('a container that eats too much is killed', async () => {
    const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'];
    expect(await ok('wait', await detached(['--memory=16m', '--memory-swap=16m'], ...eater))).toBe('137');
  });

  test('health checks', async () => {
    const id = await detached(['--health-cmd=test ! -e /tmp/ill', '--health-interval=disable'], 'sleep', '100');
    await ok('healthcheck', 'run', id);
    expect(await inspect(id, '{{.State.Healthcheck.Status}}')).toBe('healthy');
    await ok('exec', id, 'touch', '/tmp/ill');
    expect((await podman(['healthcheck', 'run', id])).code).toBe(1);
  });

  test('a pod is a slice: its containers share network and limits', async () => {
    const pod = await ok('pod', 'create', '--network=none', '--memory=96m', 'tsrunc-pod');
    const id = await ok('run', '--detach', '--pod', pod, image, 'sleep', '100');
    const slice = directoryOf(scopeOf(id)).split('/').at(-2) ?? '';
    expect(slice).toMatch(/^user-libpod_pod_\w+\.slice$/);
    expect(knob(slice, 'memory.max')).toBe(String(96 * MiB));
    await ok('pod', 'rm', '--force', '--time', '0', pod);
    expect(isKnown(scopeOf(id))).toBe(false);
  });

  test('stop gives time, rm leaves neither scope nor process', async () => {
    const id = await detached([], 'sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done');
    await expect.poll(() => ok('logs', id), { timeout: patient(10_000) }).toBe('ready');
    const pid = await inspect(id, '{{.State.Pid}}');
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(scopeOf(id));
    await ok('stop', '--time', '8', id);
    expect(await inspect(id, '{{.State.ExitCode}}')).toBe('9');
    await ok('rm', id);
    expect([isKnown(scopeOf(id)), existsSync(`/proc/${pid}`)]).toEqual([false, false]);
  });
});

/**
 * The verbs on containers of an ordinary user whose systemd was given controllers, by both drivers: in a cgroup beside the tests'
 * own, which systemd has delegated to them, and in a scope of the user's systemd. Needs such a session: npm run test:vm -- --mode user.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe } from 'vitest';
import type { Resources } from '../src/config/spec.ts';
import { alive, type Box, type Config, cpuTime, eventually, expect, patient, test, uniqueId } from './support/box.ts';
import { isRoot } from './support/host.ts';
import { rootless, uid, unavailable } from './support/ordinary.ts';
import { isKnown, systemctl } from './support/systemd.ts';

const MiB = 1024 * 1024;
const managers = [
  ['cgroupfs', []],
  ['systemd', ['--systemd-cgroup']],
] as const;
type Manager = (typeof managers)[number];

const limits: Resources = {
  memory: { limit: 64 * MiB, swap: 64 * MiB },
  cpu: { quota: 50_000, period: 100_000 },
  pids: { limit: 17 },
};

/** A running container in its cgroup. */
class Container {
  readonly id: string;
  readonly directory: string;
  readonly #box: Box;

  constructor(box: Box, id: string, pid: number | undefined) {
    this.#box = box;
    this.id = id;
    this.directory = `/sys/fs/cgroup${cgroupOf(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))}`;
  }

  file(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8').trim();
  }

  get limits(): readonly string[] {
    return ['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'].map((name) => this.file(name));
  }

  async pids(): Promise<number[]> {
    return JSON.parse((await this.#box.ok('ps', '--format', 'json', this.id)).stdout);
  }

  /** The processes, once there are so many. */
  running(count: number): Promise<number[]> {
    return eventually(`${count} processes run`, async () => {
      const found = await this.pids();
      return found.length === count ? found : undefined;
    });
  }
}

const cgroupOf = (text: string): string => /^0::(.*)$/m.exec(text)?.[1] ?? '';

const limited = (config: Config): void => {
  rootless(config);
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
  config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs');
  config.linux.resources = limits;
};

const start = async (box: Box, [, words]: Manager, patch?: (config: Config) => void): Promise<Container> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    limited(config);
    config.process.args = ['sleep', '100'];
    patch?.(config);
  });
  const { stderr } = await box.ok(...words, 'run', '-d', '-b', bundle.path, id);
  expect(stderr).toBe('');
  return new Container(box, id, (await box.state(id)).pid);
};

/** What systemd does to its scopes when it reads its units again; it leaves other cgroups alone. */
const reload = (): string => systemctl('daemon-reload');

const session = process.env.XDG_RUNTIME_DIR;

describe.skipIf(unavailable !== undefined || isRoot || !existsSync(`${session}/systemd/private`))(
  'an ordinary user in a session of systemd',
  () => {
    describe.for(managers)('%s', (manager) => {
      test('the container has a cgroup of the user’s own, and its state says what it is', async ({ box }) => {
        const { id, directory, limits: found } = await start(box, manager);
        expect(directory).toContain(`/user@${uid}.service/`);
        expect(found).toEqual([String(64 * MiB), '0', '50000 100000', '17']);
        const state = await box.state(id);
        expect(state).toMatchObject({ id, status: 'running' });
        expect((await box.ok('list', '--quiet')).stdout).toBe(`${id}\n`);
        expect(JSON.parse((await box.ok('list', '--format', 'json')).stdout)).toMatchObject([
          { id, pid: state.pid, status: 'running', owner: expect.anything() },
        ]);
      });

      test('update: reports what it changes, which is still so when systemd has read its units again', async ({
        box,
      }) => {
        const container = await start(box, manager);
        const asked = ['--cpu-quota', '30000', '--memory', '32M', '--memory-swap', '32M', '--pids-limit', '21'];
        const { stdout } = await box.ok('update', '--report', ...asked, container.id);
        expect(stdout).toBe(
          `cpu.max: 50000 100000 -> 30000 100000\nmemory.max: ${64 * MiB} -> ${32 * MiB}\nmemory.swap.max: 0 -> 0\npids.max: 17 -> 21\n`,
        );
        for (const again of [false, true]) {
          if (again) reload();
          expect({ again, limits: container.limits }).toEqual({
            again,
            limits: [String(32 * MiB), '0', '30000 100000', '21'],
          });
        }
      });

      test('update: the new limits hold', async ({ box }) => {
        const { id } = await start(box, manager);
        await box.ok('update', '--memory', '16M', '--memory-swap', '16M', '--pids-limit', '3', id);
        const fork = 'for each in 1 2 3 4; do echo $each; sleep 60 & done';
        const { stdout, stderr } = await box.tsrunc('exec', id, 'sh', '-c', fork);
        expect(stdout).toBe('1\n2\n');
        expect(stderr).toContain("can't fork");
        await box.ok('update', '--pids-limit', '30', id);
        const { code } = await box.tsrunc('exec', id, 'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1');
        expect(code).toBe(137);
      });

      test('update: weights, idleness and CPUs', async ({ box, skip }) => {
        const container = await start(box, manager);
        const { id } = container;
        skip(!container.file('cgroup.controllers').split(' ').includes('cpuset'), 'cpuset is not delegated');
        const found = () => ['cpu.weight', 'cpu.idle', 'cpuset.cpus'].map((name) => container.file(name));
        await box.ok('update', '--cpu-share', '512', '--cpuset-cpus', '0', id);
        reload();
        expect(found()).toEqual(['59', '0', '0']);
        await box.ok('update', '--cpu-idle', '1', id);
        reload();
        expect(found().slice(1)).toEqual(['1', '0']);
        await box.ok('update', '--cpu-idle', '0', id);
        reload();
        expect(found()).toEqual(['59', '0', '0']);
      });

      test('update: without the controller nothing changes', async ({ box }) => {
        const container = await start(box, manager);
        const asked: Resources = { pids: { limit: 9 }, hugepageLimits: [{ pageSize: '2MB', limit: 2 * MiB }] };
        const stdin = JSON.stringify(asked);
        const { code, stdout, stderr } = await box.tsrunc('update', '--report', '-r', '-', container.id, { stdin });
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toContain('the hugetlb controller is not available');
        expect(stderr).toContain('everything is as before');
        reload();
        expect(container.limits).toEqual([String(64 * MiB), '0', '50000 100000', '17']);
        const { stdout: next } = await box.ok('update', '--report', '--pids-limit', '18', container.id);
        expect(next).toBe('pids.max: 17 -> 18\n');
      });

      test('pause: everybody stands still until resume', async ({ box }) => {
        const spin = ['sh', '-c', 'while :; do :; done'];
        const container = await start(box, manager, (config) => {
          config.process.args = spin;
        });
        const { id } = container;
        await box.ok('exec', '--detach', id, ...spin);
        const pids = await container.running(2);
        await box.ok('pause', id);
        expect(await box.state(id)).toMatchObject({ status: 'paused' });
        expect((await box.tsrunc('exec', id, 'true')).stderr).toContain('paused');
        const before = pids.map(cpuTime);
        await pause(patient(100));
        expect(pids.map(cpuTime)).toEqual(before);
        await box.ok('resume', id);
        const advanced = () => pids.every((pid, index) => cpuTime(pid) > (before[index] ?? 0)) || undefined;
        await eventually('both run on', advanced);
        expect(await box.state(id)).toMatchObject({ status: 'running' });
      });

      test('exec, ps: a further process is in the cgroup, and listed', async ({ box }) => {
        const container = await start(box, manager);
        const { id, directory } = container;
        const shown = await box.ok('exec', id, 'cat', '/proc/self/cgroup');
        expect(`/sys/fs/cgroup${cgroupOf(shown.stdout)}`).toBe(directory);
        await box.ok('exec', '--detach', id, 'sleep', '3333');
        expect(await container.running(2)).toEqual(container.file('cgroup.procs').split('\n').map(Number));
        expect((await box.ok('ps', id, '-o', 'pid,args')).stdout).toContain('sleep 3333\n');
      });

      test('exec --cgroup: a further process is in a cgroup below', async ({ box }) => {
        const container = await start(box, manager);
        const { id, directory } = container;
        mkdirSync(join(directory, 'child'));
        await box.ok('exec', '--detach', '--cgroup', 'child', id, 'sleep', '3333');
        expect(await container.running(2)).toContain(Number(container.file('child/cgroup.procs')));
        const { code, stderr } = await box.tsrunc('exec', '--cgroup', 'nosuch', id, 'true');
        expect(code).not.toBe(0);
        expect(stderr).toContain(`Cannot enter the cgroup "${directory}/nosuch"`);
      });

      test('events --stats: what the container uses, and its limits', async ({ box }) => {
        const container = await start(box, manager);
        await box.ok('exec', '--detach', container.id, 'sleep', '3333');
        await container.running(2);
        const { data } = JSON.parse((await box.ok('events', '--stats', container.id)).stdout);
        expect(data.pids).toEqual({ current: 2, limit: 17 });
        expect(data.cpu.usage.total).toBeGreaterThan(0);
        expect(data.memory.usage.limit).toBe(64 * MiB);
        expect(data.memory.usage.usage).toBeGreaterThan(0);
      });

      test.for(['KILL', 'TERM'])('kill --all %s: nobody is left', async (signal, { box }) => {
        const container = await start(box, manager, (config) => {
          config.process.args = ['sh', '-c', 'trap "exit 0" TERM; sleep 1111 & sleep 2222 & wait'];
        });
        const { id, directory } = container;
        await box.ok('exec', '--detach', id, 'sleep', '3333');
        const pids = await container.running(4);
        await box.ok('kill', '--all', id, signal);
        await eventually('nobody is left', () => !pids.some(alive) || undefined);
        await box.reached(id, 'stopped');
        await box.ok('delete', id);
        expect(existsSync(directory)).toBe(false);
      });

      test('without a pid namespace the cgroup tells whose processes there are', async ({ box }) => {
        const container = await start(box, manager, (config) => {
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
          config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
          config.process.args = ['sh', '-c', 'sleep 1111 & sleep 2222 & wait'];
        });
        const { id, directory } = container;
        await box.ok('exec', '--detach', id, 'sleep', '3333');
        const pids = await container.running(4);
        await box.ok('kill', '--all', id, 'KILL');
        await eventually('nobody is left', () => !pids.some(alive) || undefined);
        await box.ok('delete', id);
        expect(existsSync(directory)).toBe(false);
      });

      test('a container that divides its cgroup is entered where its first process is, and goes as a whole', async ({
        box,
      }) => {
        const container = await start(box, manager, (config) => {
          config.linux.namespaces.push({ type: 'cgroup' });
          config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] });
        });
        const { id } = container;
        const divide =
          'for pid in $(cat cgroup.procs); do echo $pid > inner/cgroup.procs; done; echo +pids > cgroup.subtree_control';
        await box.ok('exec', '--cwd', '/sys/fs/cgroup', id, 'sh', '-c', `mkdir inner; ${divide}`);
        expect(container.file('cgroup.subtree_control')).toBe('pids');
        expect((await box.ok('exec', id, 'cat', '/proc/self/cgroup')).stdout).toContain('0::/inner\n');
        await box.ok('exec', '--detach', id, 'sleep', '3333');
        const pids = await container.running(2);
        await box.ok('update', '--pids-limit', '5', id);
        expect(container.file('pids.max')).toBe('5');
        await box.ok('pause', id);
        expect(await box.state(id)).toMatchObject({ status: 'paused' });
        await box.ok('resume', id);
        await box.ok('delete', '--force', id);
        expect(pids.filter(alive)).toEqual([]);
        expect(existsSync(container.directory)).toBe(false);
      });

      test('run in the foreground leaves nothing', async ({ box }) => {
        const id = box.id();
        const bundle = await box.bundle((config) => {
          limited(config);
          config.process.args = ['grep', '^0::', '/proc/self/cgroup'];
        });
        const { stdout } = await box.ok(...manager[1], 'run', '-b', bundle.path, id);
        expect(cgroupOf(stdout)).toContain(id);
        expect(existsSync(`/sys/fs/cgroup${cgroupOf(stdout)}`)).toBe(false);
        expect((await box.ok('list', '--quiet')).stdout).toBe('');
      });

      test('delete --force: what was paused goes, with the cgroups below its own', async ({ box }) => {
        const container = await start(box, manager);
        const { id, directory } = container;
        mkdirSync(join(directory, 'child/grandchild'), { recursive: true });
        await box.ok('exec', '--detach', '--cgroup', 'child/grandchild', id, 'sleep', '3333');
        const pids = await container.running(2);
        await box.ok('pause', id);
        await box.ok('delete', '--force', id);
        expect(pids.filter(alive)).toEqual([]);
        expect(readdirSync(dirname(directory)).filter((name) => name.includes(id))).toEqual([]);
        expect(isKnown(`tsrunc-${id}.scope`)).toBe(false);
        expect((await box.ok('list', '--quiet')).stdout).toBe('');
      });
    });

    test('delete takes the cgroups along that were made on the way to the container’s own', async ({ box }) => {
      const name = uniqueId();
      const { id, directory } = await start(box, managers[0], (config) => {
        config.linux.cgroupsPath = `${name}/leaf`;
      });
      expect(directory).toMatch(new RegExp(`/${name}/leaf$`));
      await box.ok('delete', '--force', id);
      expect(existsSync(dirname(directory))).toBe(false);
    });
  },
);

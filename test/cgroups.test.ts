/** runtime-spec config-linux.md "Control groups": placement, limits read back on the host and held inside, removal. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { parseCgroup } from '../src/host/parse.ts';
import { alive, type Box, expect, type Patch, test } from './support/box.ts';
import { cgroupDirectories, cgroupsOf, hasController, isCgroupV2, isRoot } from './support/host.ts';

const MiB = 1024 * 1024;

/** File of the container's cgroup on the host: name on v1, name on v2. */
const knob = (id: string, controller: string, v1: string, v2: string): string =>
  readFileSync(isCgroupV2 ? `/sys/fs/cgroup/${id}/${v2}` : `/sys/fs/cgroup/${controller}/${id}/${v1}`, 'utf8').trim();

const running = async (box: Box, patch: Patch): Promise<string> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
    config.linux.cgroupsPath = `/${id}`;
    return patch(config);
  });
  await box.ok('run', '-d', '-b', bundle.path, id);
  return id;
};

describe.skipIf(!isRoot)('cgroups', () => {
  // Covers /linux/cgroupsPath
  test('the process is in its cgroup of every hierarchy when create returns', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.linux.cgroupsPath = `/${id}`;
    });
    await box.ok('create', '-b', bundle.path, id);
    const { pid } = await box.state(id);
    const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
    const placed = lines.filter((line) => !line.startsWith('0::') || isCgroupV2);
    expect(placed.length).toBeGreaterThan(0);
    for (const line of placed) expect(line.split(':')[2]).toBe(`/${id}`);
    await box.ok('delete', id);
    expect(cgroupDirectories(id)).toEqual([]);
  });

  /** The cgroup of a process in each hierarchy in which containers get one of their own. */
  const placesOf = (pid: number | 'self' | undefined): string[] =>
    parseCgroup(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))
      .filter(({ controllers }) => isCgroupV2 || controllers.length > 0)
      .map(({ path }) => path);

  // Covers /linux/cgroupsPath
  // Beside the caller on v2, where a cgroup with processes has no limited children; below it on v1.
  test.for<[string, cgroupsPath: string | undefined, below: string]>([
    ['no path', undefined, 'ID'],
    ['an empty path', '', 'ID'],
    ['a relative path', 'ID/inner', 'ID/inner'],
    ['a relative path that climbs', '../../../ID', 'ID'],
  ])('%s is placed where the caller is', async ([, cgroupsPath, below], { box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      if (cgroupsPath !== undefined) config.linux.cgroupsPath = cgroupsPath.replace('ID', id);
    });
    await box.ok('create', '-b', bundle.path, id);
    const { pid } = await box.state(id);
    const directories = cgroupsOf(pid).filter((path) => path.includes(id));
    const expected = placesOf('self').map((own) => join(own, isCgroupV2 ? '..' : '', below.replace('ID', id)));
    expect(placesOf(pid)).toEqual(expected);
    expect(directories).toHaveLength(expected.length);
    await box.ok('delete', id);
    expect(directories.filter((path) => existsSync(path))).toEqual([]);
  });

  const needed = ['memory', 'cpu', 'pids', 'cpuset'];
  test.skipIf(!needed.every(hasController))('memory, cpu, pids and cpuset limits are the kernel’s', async ({ box }) => {
    const id = await running(box, (config) => {
      config.linux.resources = {
        memory: { limit: 64 * MiB, reservation: 32 * MiB },
        cpu: { shares: 512, quota: 20_000, period: 100_000, cpus: '0' },
        pids: { limit: 17 },
      };
    });
    expect(knob(id, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(64 * MiB));
    expect(knob(id, 'memory', 'memory.soft_limit_in_bytes', 'memory.low')).toBe(String(32 * MiB));
    expect(knob(id, 'pids', 'pids.max', 'pids.max')).toBe('17');
    expect(knob(id, 'cpuset', 'cpuset.cpus', 'cpuset.cpus')).toBe('0');
    if (isCgroupV2) expect(knob(id, '', '', 'cpu.max')).toBe('20000 100000');
    else {
      expect(knob(id, 'cpu', 'cpu.shares', '')).toBe('512');
      expect(knob(id, 'cpu', 'cpu.cfs_quota_us', '')).toBe('20000');
      expect(knob(id, 'cpu', 'cpu.cfs_period_us', '')).toBe('100000');
    }
  });

  // Covers /linux/resources/memory/limit
  test.skipIf(!hasController('memory'))('the memory limit holds: who exceeds it is killed', async ({ box }) => {
    const outcome = await box.probe('dd if=/dev/zero of=/dev/null bs=64M count=1', (config) => {
      config.linux.resources = { memory: { limit: 16 * MiB, swap: 16 * MiB } };
    });
    expect(outcome.code).toBe(137);
  });

  // Covers /linux/resources/pids/limit
  test('the pids limit holds: fork fails', async ({ box }) => {
    const outcome = await box.probe('for i in 1 2 3 4 5 6; do sleep 1 & done; wait', (config) => {
      config.linux.resources = { pids: { limit: 3 } };
    });
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/can't fork|Resource temporarily unavailable/);
  });

  // Covers /linux/resources/devices
  test('devices: what is not allowed cannot be opened', async ({ box }) => {
    const patch: Patch = (config) => {
      config.process.capabilities = { bounding: ['CAP_MKNOD'], effective: ['CAP_MKNOD'], permitted: ['CAP_MKNOD'] };
      config.linux.resources = {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
        ],
      };
    };
    const script =
      'mknod /dev/kmsg2 c 1 11; head -c 1 /dev/kmsg2 > /dev/null && echo kmsg; echo > /dev/null && echo null';
    const { stdout, stderr } = await box.probe(script, patch);
    expect(stdout).toBe('null\n');
    expect(stderr).toMatch(/not permitted/);
  });

  test('what the container makes below its cgroup goes with it', async ({ box }) => {
    const id = await running(box, () => {});
    for (const directory of cgroupDirectories(id)) mkdirSync(join(directory, 'child/grandchild'), { recursive: true });
    await box.ok('delete', '--force', id);
    expect(cgroupDirectories(id)).toEqual([]);
  });

  test('a cgroup that was there before stays', async ({ box }) => {
    const parents = cgroupDirectories('.').map((mountpoint) => join(mountpoint, box.id()));
    const writable = parents.filter((path) => isCgroupV2 || !path.includes('/unified/'));
    for (const path of writable) mkdirSync(path);
    try {
      const id = box.id();
      const bundle = await box.bundle((config) => {
        config.linux.cgroupsPath = `/${writable[0]?.split('/').at(-1)}/inner`;
      });
      await box.ok('run', '-b', bundle.path, id);
      for (const path of writable) expect(readdirSync(path).includes('inner')).toBe(false);
      for (const path of writable) expect(existsSync(path)).toBe(true);
    } finally {
      for (const path of writable) rmdirSync(path);
    }
  });

  test('a value that the kernel refuses is named with its file, value and place', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      config.linux.resources = { cpu: { cpus: '999' } };
    });
    expect(code).toBe(1);
    expect(stderr).toContain('cpuset.cpus');
    expect(stderr).toContain('999');
    expect(stderr).toContain('/linux/resources/cpu/cpus');
  });

  test('a frozen container is paused, and KILL ends it', async ({ box }) => {
    const id = await running(box, () => {});
    const { pid } = await box.state(id);
    freeze(id);
    await box.reached(id, 'paused');
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    expect(alive(pid)).toBe(false);
  });

  test('a cgroup namespace shows the container’s own cgroup as the root', async ({ box }) => {
    const { stdout } = await box.probe('cat /proc/self/cgroup', (config) => {
      config.linux.namespaces.push({ type: 'cgroup' });
    });
    const paths = stdout
      .trim()
      .split('\n')
      .filter((line) => isCgroupV2 || !line.startsWith('0::'));
    expect(paths.map((line) => line.split(':')[2])).toEqual(paths.map(() => '/'));
  });

  test.for([true, false])(
    'a cgroup mount shows the container’s own cgroup (cgroup namespace: %s)',
    async (own, { box }) => {
      const id = box.id();
      const bundle = await box.bundle((config) => {
        config.linux.cgroupsPath = `/${id}`;
        if (own) config.linux.namespaces.push({ type: 'cgroup' });
        config.linux.resources = { pids: { limit: 23 } };
        config.mounts.push({
          destination: '/sys/fs/cgroup',
          type: 'cgroup',
          source: 'cgroup',
          options: ['nosuid', 'noexec', 'nodev', 'ro'],
        });
        const file = isCgroupV2 ? '/sys/fs/cgroup/pids.max' : '/sys/fs/cgroup/pids/pids.max';
        config.process.args = ['sh', '-c', `cat ${file}; echo 5 > ${file} || echo read-only`];
      });
      const { stdout } = await box.ok('run', '-b', bundle.path, id);
      expect(stdout).toBe('23\nread-only\n');
    },
  );
});

const freeze = (id: string): void => {
  const file = isCgroupV2 ? `/sys/fs/cgroup/${id}/cgroup.freeze` : `/sys/fs/cgroup/freezer/${id}/freezer.state`;
  writeFileSync(file, isCgroupV2 ? '1' : 'FROZEN');
};

describe.runIf(isRoot && isCgroupV2)('delegation', () => {
  const ownCgroups: Patch = ({ linux, mounts }) => {
    const map = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
    linux.namespaces.push({ type: 'user' }, { type: 'cgroup' });
    Object.assign(linux, { uidMappings: map, gidMappings: map });
    mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec'] });
  };
  const divide = 'cd /sys/fs/cgroup && mkdir a && echo 0 > a/cgroup.procs && echo +pids > cgroup.subtree_control';

  const files = { manager: 'the files', flags: [] };
  const systemd = { manager: 'systemd', flags: ['--systemd-cgroup'] };
  const managers = existsSync('/run/systemd/system') ? [files, systemd] : [files];

  test.for(managers)('root of a user namespace divides its cgroup, made by $manager', async ({ flags }, { box }) => {
    const bundle = await box.bundle((config) => {
      const limit =
        'echo 3 > a/pids.max && cat a/pids.max /proc/self/cgroup; (echo max > pids.max) 2> /dev/null || echo mine';
      config.process.args = ['sh', '-c', `${divide} && ${limit}`];
      config.linux.resources = { pids: { limit: 20 } };
      return ownCgroups(config);
    });
    const outcome = await box.tsrunc(...flags, 'run', '-b', bundle.path, box.id());
    expect(outcome).toMatchObject({ stderr: '', stdout: '3\n0::/a\nmine\n' });
  });

  test.for(managers)(
    'it owns what the kernel lists for that and nothing else, made by $manager',
    async ({ flags }, { box }) => {
      const id = box.id();
      const bundle = await box.bundle((config) => {
        config.process.args = ['sleep', '100'];
        return ownCgroups(config);
      });
      await box.ok(...flags, 'run', '-d', '-b', bundle.path, id);
      const [directory = ''] = cgroupsOf((await box.state(id)).pid);
      const listed = ['.', ...readFileSync('/sys/kernel/cgroup/delegate', 'utf8').split('\n')];
      const names = ['.', ...readdirSync(directory)];
      const owners = names.map((name) => [name, statSync(join(directory, name)).uid]);
      expect(owners).toEqual(names.map((name) => [name, listed.includes(name) ? 200_000 : 0]));
    },
  );

  test('of a cgroup that is mounted read-only there is none', async ({ box }) => {
    const { stderr } = await box.probe(divide, (config) => {
      ownCgroups(config);
      config.mounts.at(-1)?.options?.push('ro');
    });
    expect(stderr).toMatch(/Read-only file system|Permission denied/);
  });
});

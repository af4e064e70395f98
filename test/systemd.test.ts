/**
 * --systemd-cgroup: a container is a transient scope of systemd, with slice, limits and annotations, and nothing of it stays.
 * Needs systemd as process 1 (npm run test:vm; with cgroup v1: --mode v1), or the user's own (npm run test:vm -- --mode user).
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe } from 'vitest';
import { openCgroup } from '../src/cgroup/choose.ts';
import { parseRecord } from '../src/store/record.ts';
import { type Box, type Config, eventually, expect, output, type Patch, test } from './support/box.ts';
import { hasCommand, isCgroupV2, isRoot, runtime } from './support/host.ts';

const MiB = 1024 * 1024;
const running = existsSync('/run/systemd/system');
const session =
  process.env.XDG_RUNTIME_DIR !== undefined && existsSync(`${process.env.XDG_RUNTIME_DIR}/systemd/private`);

const systemctl = (...args: readonly string[]): string =>
  execFileSync('systemctl', isRoot ? args : ['--user', ...args], { encoding: 'utf8' }).trim();

const property = (unit: string, name: string): string => systemctl('show', '--value', '--property', name, unit);
const isKnown = (unit: string): boolean => property(unit, 'LoadState') !== 'not-found';
const unitOf = (id: string): string => `tsrunc-${id}.scope`;
/** `hierarchy`: of cgroup v1. */
const directoryOf = (unit: string, hierarchy = 'systemd'): string =>
  `/sys/fs/cgroup${isCgroupV2 ? '' : `/${hierarchy}`}${property(unit, 'ControlGroup')}`;
const knob = (unit: string, file: string): string =>
  readFileSync(`${directoryOf(unit, file.slice(0, file.indexOf('.')))}/${file}`, 'utf8').trim();
/** What /proc/PID/cgroup says, whatever the number of hierarchies. */
const pathsIn = (text: string): string[] => [
  ...new Set(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(':')[2] ?? ''),
  ),
];

const sleeping: Patch = (config) => {
  config.process.args = ['sleep', '100'];
};

/** A running container in the default scope; returns its id. */
const start = async (box: Box, patch?: (config: Config) => void): Promise<string> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    sleeping(config);
    patch?.(config);
  });
  await box.ok('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id);
  return id;
};

/** The driver of an existing container, as the verbs open it. */
const driverOf = (box: Box, id: string) => {
  const { cgroup } = parseRecord(readFileSync(`${box.root}/${id}/state.json`, 'utf8'));
  if (cgroup === undefined) throw new Error('the container has no cgroup');
  return openCgroup(cgroup);
};

describe.skipIf(!running || !isRoot)('a container under systemd', () => {
  test('is a scope in its slice, and gone after delete', async ({ box }) => {
    const id = await start(box, (config) => {
      config.linux.cgroupsPath = 'machine-tsrunc.slice:tsrunc:name';
    });
    const unit = 'tsrunc-name.scope';
    const { pid } = await box.state(id);
    expect(property(unit, 'Slice')).toBe('machine-tsrunc.slice');
    expect(property(unit, 'Delegate')).toBe('yes');
    expect(property(unit, 'Description')).toBe(`container ${id}`);
    const counted = ['CPU', 'Memory', 'Tasks', isCgroupV2 ? 'IO' : 'BlockIO'];
    expect(counted.map((what) => property(unit, `${what}Accounting`))).toEqual(['yes', 'yes', 'yes', 'yes']);
    expect(pathsIn(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))).toEqual([
      '/machine.slice/machine-tsrunc.slice/tsrunc-name.scope',
    ]);
    const directory = directoryOf(unit);
    await box.ok('delete', '--force', id);
    expect([isKnown(unit), existsSync(directory)]).toEqual([false, false]);
  });

  test('without a path it is named after its id', async ({ box }) => {
    const id = await start(box);
    expect(property(unitOf(id), 'ControlGroup')).toBe(`/system.slice/${unitOf(id)}`);
  });

  test('create, start, kill, delete', async ({ box }) => {
    const bundle = await box.bundle(sleeping);
    const id = box.id();
    await box.ok('--systemd-cgroup', 'create', '-b', bundle.path, id);
    expect(property(unitOf(id), 'ActiveState')).toBe('active');
    await box.ok('start', id);
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
    expect(isKnown(unitOf(id))).toBe(false);
  });

  test('in the foreground it leaves nothing, and its name is free at once', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'cat /proc/self/cgroup; exit 7'];
    });
    const id = box.id();
    for (const _ of [1, 2]) {
      const { code, stdout } = await box.tsrunc('--systemd-cgroup', 'run', '-b', bundle.path, id);
      expect({ code, paths: pathsIn(stdout) }).toEqual({ code: 7, paths: [`/system.slice/${unitOf(id)}`] });
      expect(isKnown(unitOf(id))).toBe(false);
    }
  });

  test('a cgroup namespace begins in the scope', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces.push({ type: 'cgroup' });
      config.process.args = ['cat', '/proc/self/cgroup'];
    });
    const { stdout } = await box.ok('--systemd-cgroup', 'run', '-b', bundle.path, box.id());
    expect(pathsIn(stdout)).toEqual(['/']);
  });

  // Kernels that still have cgroup v1 are often built without its memory and cpuset.
  test.skipIf(isCgroupV2)(
    'with cgroup v1, its limits are properties and files, also after systemd was reloaded',
    async ({ box }) => {
      const id = await start(box, (config) => {
        config.linux.resources = { cpu: { shares: 512, quota: 20_000, period: 50_000 }, pids: { limit: 17 } };
      });
      const unit = unitOf(id);
      const properties = { CPUShares: '512', CPUQuotaPerSecUSec: '400ms', TasksMax: '17' };
      const files = {
        'cpu.shares': '512',
        'cpu.cfs_quota_us': '20000',
        'cpu.cfs_period_us': '50000',
        'pids.max': '17',
      };
      const read = () => ({
        properties: Object.fromEntries(Object.keys(properties).map((name) => [name, property(unit, name)])),
        files: Object.fromEntries(Object.keys(files).map((name) => [name, knob(unit, name)])),
      });
      expect(read()).toEqual({ properties, files });
      systemctl('daemon-reload');
      expect(read()).toEqual({ properties, files });
    },
  );

  test.runIf(isCgroupV2)('its limits are properties and files, also after systemd was reloaded', async ({ box }) => {
    const id = await start(box, (config) => {
      config.linux.resources = {
        memory: { limit: 64 * MiB, reservation: 32 * MiB, swap: 64 * MiB },
        cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: '0', mems: '0' },
        pids: { limit: 17 },
        unified: { 'memory.high': String(48 * MiB) },
      };
    });
    const unit = unitOf(id);
    const properties = {
      MemoryMax: String(64 * MiB),
      MemoryLow: String(32 * MiB),
      MemoryHigh: String(48 * MiB),
      MemorySwapMax: '0',
      CPUWeight: '59',
      CPUQuotaPerSecUSec: '400ms',
      CPUQuotaPeriodUSec: '50ms',
      AllowedCPUs: '0',
      AllowedMemoryNodes: '0',
      TasksMax: '17',
    };
    const files = {
      'memory.max': String(64 * MiB),
      'memory.low': String(32 * MiB),
      'memory.high': String(48 * MiB),
      'memory.swap.max': '0',
      'cpu.weight': '59',
      'cpu.max': '20000 50000',
      'cpuset.cpus': '0',
      'cpuset.mems': '0',
      'pids.max': '17',
    };
    const read = () => ({
      properties: Object.fromEntries(Object.keys(properties).map((name) => [name, property(unit, name)])),
      files: Object.fromEntries(Object.keys(files).map((name) => [name, knob(unit, name)])),
    });
    expect(read()).toEqual({ properties, files });
    systemctl('daemon-reload');
    expect(read()).toEqual({ properties, files });
  });

  test('devices that are not allowed stay so after systemd was reloaded', async ({ box }) => {
    const id = await start(box, (config) => {
      config.linux.resources = {
        devices: [
          { allow: false, access: 'rwm' },
          { allow: true, type: 'c', major: 1, minor: 11, access: 'r' },
        ],
      };
    });
    // From the host's /dev, as a process of the container's cgroup: /dev/kmsg is 1:11, /dev/port 1:4, /dev/null 1:3.
    const script = `echo $$ > ${directoryOf(unitOf(id), 'devices')}/cgroup.procs
      for use in '< /dev/kmsg' '> /dev/kmsg' '< /dev/port' '> /dev/null'; do
        (eval ": $use") 2> /dev/null && echo "yes $use" || echo "no $use"
      done`;
    const expected = 'yes < /dev/kmsg\nno > /dev/kmsg\nno < /dev/port\nyes > /dev/null\n';
    expect(await output('sh', ['-c', script])).toBe(expected);
    systemctl('daemon-reload');
    expect(await output('sh', ['-c', script])).toBe(expected);
  });

  test('annotations are properties', async ({ box }) => {
    const id = await start(box, (config) => {
      config.annotations = {
        'org.systemd.property.TimeoutStopSec': '7',
        'org.systemd.property.Description': "'mine'",
        'org.systemd.property.KillSignal': '15',
        'org.example.other': 'x',
      };
    });
    const unit = unitOf(id);
    expect(['TimeoutStopUSec', 'Description', 'KillSignal'].map((name) => property(unit, name))).toEqual([
      '7s',
      'mine',
      '15',
    ]);
  });

  test('an annotation that would run a command on the host is refused (CVE-2024-3154)', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.annotations = { 'org.systemd.property.ExecStartPre': "[('/bin/touch', ['touch', '/run/owned'], false)]" };
    });
    const id = box.id();
    const { code, stderr } = await box.tsrunc('--systemd-cgroup', 'run', '-b', bundle.path, id);
    expect(code).toBe(1);
    expect(stderr).toContain('The systemd property "ExecStartPre" cannot be set by an annotation');
    expect([existsSync('/run/owned'), isKnown(unitOf(id)), existsSync(`${box.root}/${id}`)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test.for(['/a/b', 'machine.slice:only'])(
    'a cgroupsPath of "%s" is no name of a unit',
    async (cgroupsPath, { box }) => {
      const bundle = await box.bundle((config) => {
        config.linux.cgroupsPath = cgroupsPath;
      });
      const { code, stderr } = await box.tsrunc('--systemd-cgroup', 'create', '-b', bundle.path, box.id());
      expect(code).toBe(1);
      expect(stderr).toContain('"slice:prefix:name"');
      expect(stderr).toContain('/linux/cgroupsPath');
    },
  );

  test('what fails after the scope was made takes it along', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['/no/such/program'];
    });
    const id = box.id();
    expect(await box.tsrunc('--systemd-cgroup', 'run', '-b', bundle.path, id)).toMatchObject({ code: 1 });
    expect([isKnown(unitOf(id)), existsSync(`${box.root}/${id}`)]).toEqual([false, false]);
  });

  test.runIf(isCgroupV2)(
    'a limit that systemd does not know is written all the same; one that the kernel refuses fails',
    async ({ box }) => {
      const id = await start(box, (config) => {
        config.linux.resources = { unified: { 'cgroup.max.depth': '3', 'hugetlb.2MB.max': '0' } };
      });
      expect([knob(unitOf(id), 'cgroup.max.depth'), knob(unitOf(id), 'hugetlb.2MB.max')]).toEqual(['3', '0']);
      const bundle = await box.bundle((config) => {
        config.linux.resources = { cpu: { cpus: '999' } };
      });
      const refused = box.id();
      const { code, stderr } = await box.tsrunc('--systemd-cgroup', 'run', '-b', bundle.path, refused);
      expect({ code, named: stderr.includes('/linux/resources/cpu/cpus') }).toEqual({ code: 1, named: true });
      expect(isKnown(unitOf(refused))).toBe(false);
    },
  );

  test.runIf(isCgroupV2)('a scope that ran out of memory does not keep its name', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'];
      config.linux.resources = { memory: { limit: 16 * MiB, swap: 16 * MiB } };
    });
    for (const _ of [1, 2]) {
      expect(await box.tsrunc('--systemd-cgroup', 'run', '-b', bundle.path, id)).toMatchObject({ code: 137 });
      expect(isKnown(unitOf(id))).toBe(false);
    }
  });

  test('a paused one is paused, and delete --force ends it', async ({ box }) => {
    const id = await start(box);
    const unit = unitOf(id);
    await box.ok('pause', id);
    expect(await box.state(id)).toMatchObject({ status: 'paused' });
    await box.ok('resume', id);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
    await box.ok('pause', id);
    await box.ok('delete', '--force', id);
    expect(isKnown(unit)).toBe(false);
  });

  test.runIf(isCgroupV2)('an update reaches systemd and the files, exactly', async ({ box }) => {
    const id = await start(box, (config) => {
      config.linux.resources = { memory: { limit: 64 * MiB }, pids: { limit: 17 } };
    });
    const unit = unitOf(id);
    const asked = { cpu: { quota: 20_500, period: 100_000 }, memory: { limit: 32 * MiB } };
    await driverOf(box, id).update({ asked, resources: { pids: { limit: 17 }, ...asked } });
    expect([knob(unit, 'cpu.max'), knob(unit, 'memory.max'), knob(unit, 'pids.max')]).toEqual([
      '20500 100000',
      String(32 * MiB),
      '17',
    ]);
    // Systemd keeps whole percents.
    expect([property(unit, 'CPUQuotaPerSecUSec'), property(unit, 'MemoryMax')]).toEqual(['210ms', String(32 * MiB)]);
    systemctl('daemon-reload');
    expect(knob(unit, 'memory.max')).toBe(String(32 * MiB));
  });

  test.runIf(isCgroupV2)('an update that the kernel refuses changes nothing', async ({ box }) => {
    const id = await start(box, (config) => {
      config.linux.resources = { memory: { limit: 64 * MiB }, pids: { limit: 17 } };
    });
    const unit = unitOf(id);
    const asked = { memory: { limit: 32 * MiB }, unified: { 'cpu.max.burst': 'nonsense' } };
    await expect(driverOf(box, id).update({ asked, resources: asked })).rejects.toThrow('cpu.max.burst');
    expect([knob(unit, 'memory.max'), property(unit, 'MemoryMax')]).toEqual([String(64 * MiB), String(64 * MiB)]);
  });

  test.for([50, 150, 400, 1000, 2500])(
    'killed after %d ms, tsrunc leaves nothing that delete --force does not remove',
    async (ms, { box }) => {
      const id = box.id();
      const bundle = await box.bundle(sleeping);
      const child = spawn(runtime, ['--root', box.root, '--systemd-cgroup', 'create', '-b', bundle.path, id], {
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.on('exit', resolve));
      await Promise.race([pause(ms), ended]);
      child.kill('SIGKILL');
      await ended;
      await box.ok('delete', '--force', id);
      // A request that was on its way when tsrunc died is done after that.
      await eventually('the scope has gone', () => !isKnown(unitOf(id)) || undefined);
    },
  );
});

describe.skipIf(!running || !isRoot || !hasCommand('systemd-run'))('a unit of the same name', () => {
  const units: string[] = [];
  afterEach(() => {
    for (const unit of units.splice(0)) systemctl('stop', unit);
  });

  test('that is somebody else’s is left alone', async ({ box }) => {
    const id = box.id();
    const unit = unitOf(id);
    spawn('systemd-run', ['--scope', '--quiet', `--unit=${unit}`, 'sleep', '300'], { stdio: 'ignore' });
    units.push(unit);
    await eventually('the other scope runs', () => property(unit, 'ActiveState') === 'active' || undefined);
    const bundle = await box.bundle(sleeping);
    const { code, stderr } = await box.tsrunc('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id);
    expect(code).toBe(1);
    expect(stderr).toContain(`systemd cannot start ${unit}`);
    expect(stderr).toContain('choose another id or linux.cgroupsPath');
    expect(property(unit, 'ActiveState')).toBe('active');
  });
});

describe.skipIf(!running || !isRoot)('without a message bus', () => {
  test('systemd is asked on its private socket', async ({ box }) => {
    const bundle = await box.bundle(sleeping);
    const id = box.id();
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/no/such/bus' };
    await box.ok('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id, { env });
    expect(property(unitOf(id), 'ActiveState')).toBe('active');
    await box.ok('delete', '--force', id, { env });
    expect(isKnown(unitOf(id))).toBe(false);
  });
});

describe.skipIf(running || !isRoot)('without systemd', () => {
  test('it is said, and nothing is left', async ({ box }) => {
    const bundle = await box.bundle(sleeping);
    const id = box.id();
    const { code, stderr } = await box.tsrunc('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot reach systemd for --systemd-cgroup: .*\/run\/systemd\/private: E/);
    expect(existsSync(`${box.root}/${id}`)).toBe(false);
  });
});

describe.skipIf(!session || isRoot)('an ordinary user', () => {
  const rootless: Patch = (config) => {
    sleeping(config);
    const map = (hostID: number | undefined) => [{ containerID: 0, hostID: hostID ?? 0, size: 1 }];
    config.linux.namespaces.push({ type: 'user' });
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
    config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs' && type !== 'devpts');
    Object.assign(config.linux, { uidMappings: map(process.getuid?.()), gidMappings: map(process.getgid?.()) });
    config.linux.resources = {
      memory: { limit: 64 * MiB },
      cpu: { quota: 50_000, period: 100_000 },
      pids: { limit: 17 },
    };
  };

  test('has scopes in the own systemd, with limits that hold', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle(rootless);
    await box.ok('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id);
    const unit = unitOf(id);
    expect(property(unit, 'ControlGroup')).toMatch(/\/user@\d+\.service\/user\.slice\/tsrunc-/);
    expect([property(unit, 'MemoryMax'), knob(unit, 'memory.max')]).toEqual([String(64 * MiB), String(64 * MiB)]);
    expect([knob(unit, 'cpu.max'), knob(unit, 'pids.max')]).toEqual(['50000 100000', '17']);
    await box.ok('delete', '--force', id);
    expect(isKnown(unit)).toBe(false);
  });

  test('without a session gets a hint', async ({ box }) => {
    const bundle = await box.bundle(rootless);
    const env = { XDG_RUNTIME_DIR: undefined, DBUS_SESSION_BUS_ADDRESS: undefined };
    const { code, stderr } = await box.tsrunc('--systemd-cgroup', 'run', '-d', '-b', bundle.path, box.id(), { env });
    expect(code).toBe(1);
    expect(stderr).toContain("Cannot reach the user's systemd");
    expect(stderr).toContain('loginctl enable-linger');
  });
});

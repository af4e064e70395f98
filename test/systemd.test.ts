/**
 * --systemd-cgroup: a container is a transient scope of systemd, with slice, limits and annotations, and nothing of it stays.
 * Needs systemd as process 1 (npm run test:vm; with cgroup v1: --mode v1), or the user's own (npm run test:vm -- --mode user).
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe } from 'vitest';
import { openCgroup } from '../src/cgroup/choose.ts';
import type { Resources } from '../src/config/spec.ts';
import { FakeBus } from '../src/dbus/fixtures.ts';
import type { Value, Variant } from '../src/dbus/values.ts';
import { parseRecord } from '../src/store/record.ts';
import {
  alive,
  type Box,
  type Config,
  cpuTime,
  eventually,
  expect,
  output,
  type Patch,
  patient,
  test,
} from './support/box.ts';
import { counted, counter, reaches, save } from './support/checkpoint.ts';
import { withoutCriu } from './support/criu.ts';
import { cgroupRoots, hasCommand, isCgroupV2, isRoot, runtime } from './support/host.ts';
import { hasLoopDevices, withBfqDevice } from './support/loop.ts';
import { directoryOf, isKnown, knob, property, systemctl } from './support/systemd.ts';

const MiB = 1024 * 1024;
const running = existsSync('/run/systemd/system');
const session =
  process.env.XDG_RUNTIME_DIR !== undefined && existsSync(`${process.env.XDG_RUNTIME_DIR}/systemd/private`);

const unitOf = (id: string): string => `tsrunc-${id}.scope`;
/** Of a scope, by their names. */
interface Limits {
  readonly properties: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

const propertiesOf = (unit: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    systemctl('show', ...names.map((name) => `--property=${name}`), unit)
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

const filesOf = (unit: string, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, knob(unit, name)]));

/** In force now, and still when systemd was reloaded and has written its own idea of them. */
const expectLimits = (unit: string, { properties, files }: Limits): void => {
  for (const when of ['now', 'after a reload']) {
    if (when !== 'now') systemctl('daemon-reload');
    const found = {
      properties: propertiesOf(unit, Object.keys(properties)),
      files: filesOf(unit, Object.keys(files)),
    };
    expect({ when, ...found }).toEqual({ when, properties, files });
  }
};

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

  type Row = readonly [name: string, Resources, Limits];
  // Kernels that still have cgroup v1 are often built without its memory and cpuset.
  const rowsOfV1: readonly Row[] = [
    [
      'its limits',
      { cpu: { shares: 512, quota: 20_000, period: 50_000 }, pids: { limit: 17 } },
      {
        properties: { CPUShares: '512', CPUQuotaPerSecUSec: '400ms', TasksMax: '17' },
        files: {
          'cpu.shares': '512',
          'cpu.cfs_quota_us': '20000',
          'cpu.cfs_period_us': '50000',
          'pids.max': '17',
        },
      },
    ],
    [
      'no limits',
      { cpu: { quota: -1 }, pids: { limit: -1 } },
      {
        properties: { CPUQuotaPerSecUSec: 'infinity', TasksMax: 'infinity' },
        files: { 'cpu.cfs_quota_us': '-1', 'pids.max': 'max' },
      },
    ],
    ['pids 0', { pids: { limit: 0 } }, { properties: { TasksMax: '1' }, files: { 'pids.max': '1' } }],
    [
      'what systemd does not know',
      { cpu: { quota: 20_000, period: 50_000, burst: 10_000, idle: 1 } },
      {
        properties: { CPUQuotaPerSecUSec: '400ms' },
        files: { 'cpu.cfs_burst_us': '10000', 'cpu.idle': '1' },
      },
    ],
  ];
  const rowsOfV2: readonly Row[] = [
    [
      'its limits',
      {
        memory: { limit: 64 * MiB, reservation: 32 * MiB, swap: 64 * MiB },
        cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: '0', mems: '0' },
        pids: { limit: 17 },
        unified: { 'memory.high': String(48 * MiB) },
      },
      {
        properties: {
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
        },
        files: {
          'memory.max': String(64 * MiB),
          'memory.low': String(32 * MiB),
          'memory.high': String(48 * MiB),
          'memory.swap.max': '0',
          'cpu.weight': '59',
          'cpu.max': '20000 50000',
          'cpuset.cpus': '0',
          'cpuset.mems': '0',
          'pids.max': '17',
        },
      },
    ],
    [
      'no limits',
      {
        memory: { limit: -1, swap: -1, reservation: -1 },
        cpu: { quota: -1 },
        pids: { limit: -1 },
      },
      {
        properties: {
          MemoryMax: 'infinity',
          MemoryLow: 'infinity',
          MemorySwapMax: 'infinity',
          CPUQuotaPerSecUSec: 'infinity',
          TasksMax: 'infinity',
        },
        files: {
          'memory.max': 'max',
          'memory.low': 'max',
          'memory.swap.max': 'max',
          'cpu.max': 'max 100000',
          'pids.max': 'max',
        },
      },
    ],
    ['pids 0', { pids: { limit: 0 } }, { properties: { TasksMax: '1' }, files: { 'pids.max': '1' } }],
    ['cpu.idle', { cpu: { idle: 1 } }, { properties: { CPUWeight: 'idle' }, files: { 'cpu.idle': '1' } }],
    [
      'cpu.idle and a weight',
      { cpu: { shares: 512, idle: 1 } },
      { properties: { CPUWeight: 'idle' }, files: { 'cpu.idle': '1' } },
    ],
    [
      'what systemd does not know',
      {
        cpu: { quota: 20_000, period: 50_000, burst: 10_000 },
        hugepageLimits: [{ pageSize: '2MB', limit: 4 * MiB }],
        unified: { 'cgroup.max.depth': '3', 'cgroup.max.descendants': '7' },
      },
      {
        properties: { CPUQuotaPerSecUSec: '400ms' },
        files: {
          'cpu.max': '20000 50000',
          'cpu.max.burst': '10000',
          'hugetlb.2MB.max': String(4 * MiB),
          'hugetlb.2MB.rsvd.max': String(4 * MiB),
          'cgroup.max.descendants': '7',
          'cgroup.max.depth': '3',
        },
      },
    ],
  ];
  test.for(isCgroupV2 ? rowsOfV2 : rowsOfV1)(
    'properties and files agree, also after systemd was reloaded: %s',
    async ([, resources, limits], { box }) => {
      const id = await start(box, (config) => {
        config.linux.resources = resources;
      });
      expectLimits(unitOf(id), limits);
    },
  );

  const weighted: Patch = (config) => {
    config.linux.resources = { blockIO: { weight: 500 } };
  };
  const weights = (unit: string): Limits =>
    existsSync(`${directoryOf(unit)}/io.bfq.weight`)
      ? { properties: { IOWeight: '4500' }, files: { 'io.bfq.weight': 'default 500' } }
      : { properties: { IOWeight: '4950' }, files: { 'io.weight': 'default 4950' } };

  test.runIf(isCgroupV2)('a weight of block IO is a property as well', async ({ box }) => {
    const unit = unitOf(await start(box, weighted));
    expectLimits(unit, weights(unit));
  });

  test.runIf(isCgroupV2 && hasLoopDevices)('the same where BFQ is loaded', ({ box, skip }) =>
    withBfqDevice(box, skip, async () => {
      const unit = unitOf(await start(box, weighted));
      expect(Object.keys(weights(unit).files)).toEqual(['io.bfq.weight']);
      expectLimits(unit, weights(unit));
    }),
  );

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

describe.skipIf(!running || !isRoot)('the verbs on a scope', () => {
  const limited = (config: Config): void => {
    config.linux.resources = {
      ...(isCgroupV2 ? { memory: { limit: 64 * MiB } } : {}),
      cpu: { shares: 512, quota: 20_000, period: 50_000 },
      pids: { limit: 17 },
    };
  };
  const pidsOf = async (box: Box, id: string): Promise<number[]> =>
    JSON.parse((await box.ok('ps', '--format', 'json', id)).stdout);
  const numbers = (text: string): number[] => text.split('\n').map(Number);

  test('update: systemd and the files have it, and the next one builds on it', async ({ box }) => {
    const id = await start(box, limited);
    const memory = isCgroupV2 ? ['--memory', '32M'] : [];
    const { stdout } = await box.ok('update', '--report', '--cpu-quota', '30000', ...memory, '--pids-limit', '21', id);
    expect(stdout).toBe(
      isCgroupV2
        ? `cpu.max: 20000 50000 -> 30000 50000\nmemory.max: ${64 * MiB} -> ${32 * MiB}\npids.max: 17 -> 21\n`
        : 'cpu.cfs_quota_us: 20000 -> 30000\npids.max: 17 -> 21\n',
    );
    await box.ok('update', '--cpu-share', '1024', '--cpu-period', '100000', id);
    expectLimits(
      unitOf(id),
      isCgroupV2
        ? {
            properties: {
              CPUWeight: '100',
              CPUQuotaPerSecUSec: '300ms',
              CPUQuotaPeriodUSec: '100ms',
              MemoryMax: String(32 * MiB),
              TasksMax: '21',
            },
            files: {
              'cpu.weight': '100',
              'cpu.max': '30000 100000',
              'memory.max': String(32 * MiB),
              'pids.max': '21',
            },
          }
        : {
            properties: { CPUShares: '1024', CPUQuotaPerSecUSec: '300ms', TasksMax: '21' },
            files: {
              'cpu.shares': '1024',
              'cpu.cfs_quota_us': '30000',
              'cpu.cfs_period_us': '100000',
              'pids.max': '21',
            },
          },
    );
  });

  // Without a quota systemd takes the usual period, whatever was asked for: it means nothing then.
  test('update: without limits again', async ({ box }) => {
    const id = await start(box, limited);
    const memory = isCgroupV2 ? ['--memory', '-1'] : [];
    const cpu = ['--cpu-quota', '-1', '--cpu-period', '100000'];
    await box.ok('update', ...cpu, ...memory, '--pids-limit', '-1', id);
    expectLimits(
      unitOf(id),
      isCgroupV2
        ? {
            properties: { CPUQuotaPerSecUSec: 'infinity', MemoryMax: 'infinity', TasksMax: 'infinity' },
            files: { 'cpu.max': 'max 100000', 'memory.max': 'max', 'pids.max': 'max' },
          }
        : {
            properties: { CPUQuotaPerSecUSec: 'infinity', TasksMax: 'infinity' },
            files: { 'cpu.cfs_quota_us': '-1', 'pids.max': 'max' },
          },
    );
  });

  test.runIf(isCgroupV2)('update: idle, and not any more', async ({ box }) => {
    const id = await start(box);
    await box.ok('update', '--cpu-idle', '1', id);
    expectLimits(unitOf(id), { properties: { CPUWeight: 'idle' }, files: { 'cpu.idle': '1' } });
    await box.ok('update', '--cpu-idle', '0', id);
    expectLimits(unitOf(id), {
      properties: { CPUWeight: '100' },
      files: { 'cpu.idle': '0', 'cpu.weight': '100' },
    });
    await box.ok('update', '--cpu-idle', '1', id);
    await box.ok('update', '-r', '-', id, { stdin: '{"cpu": {"shares": 512, "idle": 0}}' });
    expectLimits(unitOf(id), { properties: { CPUWeight: '59' }, files: { 'cpu.idle': '0', 'cpu.weight': '59' } });
  });

  test.runIf(isCgroupV2)('update: what is refused changes nothing, not by a microsecond', async ({ box }) => {
    const id = await start(box, (config) => {
      config.linux.resources = { cpu: { quota: 20_500, period: 100_000 } };
    });
    const { code, stderr } = await box.tsrunc('update', '--cpu-quota', '40000', '--cpuset-cpus', '999', id);
    expect({ code, restored: stderr.includes('everything is as before') }).toEqual({ code: 1, restored: true });
    expect(knob(unitOf(id), 'cpu.max')).toBe('20500 100000');
    expect(property(unitOf(id), 'CPUQuotaPerSecUSec')).toBe('210ms');
  });

  test.runIf(isCgroupV2)('update: a limit below what is in use is refused, and nobody is killed', async ({ box }) => {
    const id = await start(box, (config) => {
      config.process.args = [
        'sh',
        '-c',
        'x=$(head -c 16777216 /dev/zero | tr "\\0" x); echo > /ready; sleep 100; echo $x',
      ];
      config.linux.resources = { memory: { limit: 64 * MiB, swap: 64 * MiB } };
    });
    const { pid } = await box.state(id);
    await eventually('it has its memory', () => existsSync(`/proc/${pid}/root/ready`) || undefined, patient(10_000));
    const check = { memory: { limit: 4 * MiB, swap: 4 * MiB, checkBeforeUpdate: true } };
    const { code, stderr } = await box.tsrunc('update', '-r', '-', id, { stdin: JSON.stringify(check) });
    expect({ code, named: stderr.includes('is below what is in use') }).toEqual({ code: 1, named: true });
    expect(await box.state(id)).toMatchObject({ status: 'running' });
    expectLimits(unitOf(id), {
      properties: { MemoryMax: String(64 * MiB) },
      files: { 'memory.max': String(64 * MiB), 'memory.swap.max': '0' },
    });
  });

  test('exec: its process is in the scope, and ps lists it', async ({ box }) => {
    const id = await start(box);
    const { stdout } = await box.ok('exec', id, 'cat', '/proc/self/cgroup');
    // Beside hierarchies of v1 that of v2 limits nothing, and is not entered.
    const limiting = isCgroupV2 ? stdout : stdout.replace(/^0::.*\n/m, '');
    expect(pathsIn(limiting)).toEqual([`/system.slice/${unitOf(id)}`]);
    await box.ok('exec', '--detach', id, 'sleep', '3333');
    const pids = await pidsOf(box, id);
    expect(pids).toEqual(numbers(readFileSync(`${directoryOf(unitOf(id))}/cgroup.procs`, 'utf8').trim()));
    const commands = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(commands).toEqual(['sleep\x00100\x00', 'sleep\x003333\x00']);
    expect((await box.ok('ps', id, '-o', 'pid,args')).stdout).toContain('sleep 3333\n');
  });

  test.runIf(isCgroupV2)('exec --cgroup: its process is in a cgroup below the scope', async ({ box }) => {
    const id = await start(box);
    const directory = directoryOf(unitOf(id));
    mkdirSync(join(directory, 'child'));
    const { stdout } = await box.ok('exec', '--cgroup', 'child', id, 'cat', '/proc/self/cgroup');
    expect(pathsIn(stdout)).toEqual([`/system.slice/${unitOf(id)}/child`]);
    await box.ok('exec', '--detach', '--cgroup', 'child', id, 'sleep', '3333');
    expect(await pidsOf(box, id)).toHaveLength(2);
    await box.ok('delete', '--force', id);
    expect([isKnown(unitOf(id)), existsSync(directory)]).toEqual([false, false]);
  });

  test('events --stats: what the scope uses, and its limits', async ({ box }) => {
    const id = await start(box, limited);
    await box.ok('exec', '--detach', id, 'sleep', '3333');
    const { data } = JSON.parse((await box.ok('events', '--stats', id)).stdout);
    expect(data.pids).toEqual({ current: 2, limit: 17 });
    expect(data.cpu.usage.total).toBeGreaterThan(0);
    if (isCgroupV2) expect(data.memory.usage).toMatchObject({ limit: 64 * MiB, usage: expect.any(Number) });
  });

  test.for(['KILL', 'TERM'])('kill --all %s: nobody is left', async (signal, { box }) => {
    const id = await start(box, (config) => {
      config.process.args = ['sh', '-c', 'trap "exit 0" TERM; sleep 1111 & sleep 2222 & wait'];
    });
    await box.ok('exec', '--detach', id, 'sleep', '3333');
    const pids = await eventually('all four run', async () => {
      const found = await pidsOf(box, id);
      return found.length === 4 ? found : undefined;
    });
    await box.ok('kill', '--all', id, signal);
    await eventually('nobody is left', () => !pids.some(alive) || undefined);
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
    expect(isKnown(unitOf(id))).toBe(false);
  });

  test('pause: everybody stands still until resume', async ({ box }) => {
    const spin = ['sh', '-c', 'while :; do :; done'];
    const id = await start(box, (config) => {
      config.process.args = spin;
    });
    await box.ok('exec', '--detach', id, ...spin);
    const pids = await pidsOf(box, id);
    expect(pids).toHaveLength(2);
    await box.ok('pause', id);
    expect(await box.state(id)).toMatchObject({ status: 'paused' });
    const before = pids.map(cpuTime);
    systemctl('daemon-reload');
    await pause(patient(100));
    expect(pids.map(cpuTime)).toEqual(before);
    await box.ok('resume', id);
    const advanced = () => pids.every((pid, index) => cpuTime(pid) > (before[index] ?? 0)) || undefined;
    await eventually('both run on', advanced);
  });

  test.skipIf(withoutCriu !== undefined)(
    `checkpoint and restore: the scope is back with its limits (${withoutCriu ?? 'criu works'})`,
    async ({ box }) => {
      const bundle = await box.bundle((config) => {
        limited(config);
        config.process.args = ['sh', '-c', counter];
      });
      const id = box.id();
      const unit = unitOf(id);
      const saved = { id, bundle, images: join(box.path, 'images') };
      await box.ok('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id);
      await reaches(saved, 3);
      const directory = directoryOf(unit);
      await save(box, saved);
      expect([isKnown(unit), existsSync(directory)]).toEqual([false, false]);
      const stopped = counted(saved);
      rmSync(join(bundle.rootfs, 'count'));
      await box.ok('--systemd-cgroup', 'restore', '-d', '-b', bundle.path, '--image-path', saved.images, id);
      await reaches(saved, stopped + 1);
      const { pid } = await box.state(id);
      expect(pathsIn(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))).toEqual([`/system.slice/${unit}`]);
      expectLimits(
        unit,
        isCgroupV2
          ? {
              properties: { CPUWeight: '59', MemoryMax: String(64 * MiB), TasksMax: '17' },
              files: {
                'cpu.weight': '59',
                'cpu.max': '20000 50000',
                'memory.max': String(64 * MiB),
                'pids.max': '17',
              },
            }
          : {
              properties: { CPUShares: '512', TasksMax: '17' },
              files: { 'cpu.shares': '512', 'cpu.cfs_quota_us': '20000', 'pids.max': '17' },
            },
      );
      await box.ok('delete', '--force', id);
      expect([isKnown(unit), existsSync(directory), existsSync(join(box.root, id))]).toEqual([false, false, false]);
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

// Both wait for the same half minute.
describe.skipIf(!isRoot)('a systemd that does not answer', () => {
  const systemd = 'org.freedesktop.systemd1';
  const job = { signature: 'o', body: [`/org/freedesktop/systemd1/job/1`] };
  const ended = { interface: `${systemd}.Manager`, member: 'JobRemoved', signature: 'uoss' };
  const end = { ...ended, body: [1, job.body[0] ?? '', 'x.scope', 'done'] };
  const silent = { silent: true };
  const limit = patient(60_000);

  /** What the bus was asked to make a scope of. */
  const asked = (bus: FakeBus, name: string): Value | undefined => {
    const properties = bus.argumentsOf('StartTransientUnit')[2] as unknown as readonly [string, Variant][] | undefined;
    return properties?.find(([each]) => each === name)?.[1].value;
  };
  const run = async (box: Box, bus: FakeBus) => {
    const id = box.id();
    const bundle = await box.bundle(sleeping);
    const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus.path}` };
    const outcome = await box.tsrunc('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id, { env, timeout: 60_000 });
    const left = [join(box.root, id), ...cgroupRoots().map((root) => join(root, 'system.slice', unitOf(id)))];
    expect(left.filter((path) => existsSync(path))).toEqual([]);
    return { id, ...outcome };
  };

  test.concurrent(
    'a job without an end is given up, and a scope that comes late is stopped',
    async ({ box }) => {
      await using bus = await FakeBus.start({
        Get: ({ body: [, name] }) => ({
          signature: 'v',
          body: [
            name === 'Documentation'
              ? { signature: 'as', value: asked(bus, 'Documentation') ?? [] }
              : { signature: 's', value: name === 'Version' ? '252' : 'inactive' },
          ],
        }),
        StartTransientUnit: job,
        StopUnit: { ...job, after: [end] },
      });
      const { id, code, stderr } = await run(box, bus);
      expect(code).toBe(1);
      expect(stderr).toBe(
        `tsrunc: systemd did not start ${unitOf(id)} within 30 s\nHint: See what it is busy with: systemctl list-jobs; journalctl -b. Without --systemd-cgroup it is not asked.\n`,
      );
      expect(bus.argumentsOf('StopUnit')).toEqual([unitOf(id), 'replace']);
      const [pid] = asked(bus, 'PIDs') as readonly number[];
      expect(alive(pid)).toBe(false);
    },
    limit,
  );

  test.concurrent(
    'one that is silent is asked once',
    async ({ box }) => {
      await using bus = await FakeBus.start({ Hello: silent, AddMatch: silent, Get: silent, Subscribe: silent });
      const { code, stderr } = await run(box, bus);
      expect(code).toBe(1);
      expect(stderr).toContain('systemd did not answer within 30 s\nHint: See what it is busy with');
      expect(bus.members).toEqual(['Hello', 'AddMatch', 'Get', 'Subscribe']);
    },
    limit,
  );
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

  test('updates, enters and pauses them', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle(rootless);
    await box.ok('--systemd-cgroup', 'run', '-d', '-b', bundle.path, id);
    const unit = unitOf(id);
    await box.ok('update', '--memory', '32M', '--pids-limit', '21', id);
    expectLimits(unit, {
      properties: { MemoryMax: String(32 * MiB), TasksMax: '21', CPUQuotaPerSecUSec: '500ms' },
      files: { 'memory.max': String(32 * MiB), 'pids.max': '21', 'cpu.max': '50000 100000' },
    });
    await box.ok('exec', '--detach', id, 'sleep', '3333');
    expect(JSON.parse((await box.ok('ps', '--format', 'json', id)).stdout)).toHaveLength(2);
    await box.ok('pause', id);
    expect(await box.state(id)).toMatchObject({ status: 'paused' });
    await box.ok('resume', id);
    await box.ok('kill', '--all', id, 'KILL');
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
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

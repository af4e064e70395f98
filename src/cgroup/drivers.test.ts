/**
 * The drivers against the real kernel, below a path of their own that each test removes. Skipped where this user may not make
 * cgroups. The v2 mechanics also run on a hybrid host, whose unified hierarchy has all of them but controllers.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Resources, Spec } from '../config/spec.ts';
import { errnoName } from '../host/errno.ts';
import type { HostFacts } from '../host/facts.ts';
import { probeHost } from '../host/probe.ts';
import { chooseCgroup, openCgroup } from './choose.ts';
import type { CgroupDriver, DeviceProgramLoader } from './driver.ts';
import { readControl, writeControl } from './files.ts';
import { type CgroupRecord, directoryOf } from './record.ts';
import { CgroupV1 } from './v1.ts';
import { CgroupV2 } from './v2.ts';

const facts = probeHost();
const unified = '/sys/fs/cgroup/unified';
const name = `tsrunc-test-${process.pid}`;
const global = { cgroupManager: 'cgroupfs', rootless: 'auto', root: '/r oot' } as const;

function writable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return facts.user.privileged;
  } catch {
    return false;
  }
}

function spec(cgroupsPath: string | undefined): Spec {
  return { ociVersion: '1.3.0', ...(cgroupsPath === undefined ? {} : { linux: { cgroupsPath } }) };
}

function choose(cgroup: HostFacts['cgroup'], path: string | undefined = `/${name}/leaf`, loader?: DeviceProgramLoader) {
  const request = { spec: spec(path), id: `${name}-id`, facts: { ...facts, cgroup }, global };
  const driver = chooseCgroup(loader === undefined ? request : { ...request, loader });
  made.push(driver);
  return driver;
}

const made: CgroupDriver[] = [];
const running: (() => Promise<void>)[] = [];

/** A process in the cgroup directories, with one child. */
async function inhabit(directories: readonly string[]): Promise<number> {
  const joins = directories.map((directory) => `echo 0 > ${directory}/cgroup.procs`).join('; ');
  const script = `${joins}; sleep 60 & echo ready; wait`;
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const pid = child.pid ?? 0;
  const ended = once(child, 'close');
  running.push(async () => {
    signalGroup(pid);
    await ended;
  });
  await once(child.stdout, 'data');
  return pid;
}

/** Both, through the process group; the driver may have killed them already. */
function signalGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if (errnoName(error) !== 'ESRCH') throw error;
  }
}

afterEach(async () => {
  for (const driver of made) await driver.kill(9);
  for (const end of running.splice(0)) await end();
  // The last one first: who came first made the shared parent.
  for (const driver of made.splice(0).reverse()) await driver.remove();
});

function recordOf(driver: CgroupDriver): CgroupRecord {
  if (driver.record === undefined) throw new Error('the driver has no record');
  return driver.record;
}

const v1Facts = facts.cgroup.layout === 'v1' || facts.cgroup.layout === 'hybrid' ? facts.cgroup : undefined;

describe.skipIf(v1Facts === undefined || !writable(v1Facts.hierarchies[0]?.mountpoint ?? ''))('v1', () => {
  const cgroup = v1Facts ?? { layout: 'none' as const };

  test('makes one directory per hierarchy, and removes exactly what it made', async () => {
    const driver = choose(cgroup);
    const { places, directories } = recordOf(driver);
    expect(places.map(({ path }) => path)).toEqual(places.map(() => `/${name}/leaf`));
    expect(directories).toHaveLength(places.length * 2);
    expect(directories.some((directory) => existsSync(directory))).toBe(false);
    driver.create();
    expect(directories.every((directory) => existsSync(directory))).toBe(true);
    expect(driver.placement).toMatchObject({ kind: 'v1', hierarchies: { length: places.length } });
    mkdirSync(`${driver.directory('memory')}/child/grandchild`, { recursive: true });
    await openCgroup(recordOf(driver)).remove();
    expect(directories.some((directory) => existsSync(directory))).toBe(false);
  });

  test('limits read back exactly; an empty cpuset takes what its parent has', async () => {
    const driver = choose(cgroup);
    driver.create();
    const cpuset = driver.directory('cpuset');
    expect(readControl(`${cpuset}/cpuset.cpus`)).toBe(readControl('/sys/fs/cgroup/cpuset/cpuset.cpus'));
    await driver.apply({
      memory: { limit: 64 << 20, swap: 128 << 20, reservation: 32 << 20, swappiness: 10, disableOOMKiller: false },
      cpu: { shares: 512, period: 50000, quota: 25000, burst: 1000, cpus: '0', mems: '0', idle: 0 },
      pids: { limit: 7 },
    });
    const read = (file: string): string => readControl(`${driver.directory(file.split('.')[0] ?? '')}/${file}`);
    expect(read('memory.limit_in_bytes')).toBe(String(64 << 20));
    expect(read('memory.memsw.limit_in_bytes')).toBe(String(128 << 20));
    expect(read('memory.soft_limit_in_bytes')).toBe(String(32 << 20));
    expect(read('memory.swappiness')).toBe('10');
    expect([read('cpu.shares'), read('cpu.cfs_period_us'), read('cpu.cfs_quota_us'), read('cpu.cfs_burst_us')]).toEqual(
      ['512', '50000', '25000', '1000'],
    );
    expect([read('cpuset.cpus'), read('cpuset.mems'), read('pids.max')]).toEqual(['0', '0', '7']);
  });

  test('what somebody removes before the first process is in it is made again, with its limits', async () => {
    const driver = choose(cgroup);
    driver.create();
    const vanish = (): void => {
      for (const controller of ['pids', 'memory']) rmdirSync(driver.directory(controller));
    };
    const limits = (): string[] => [
      readControl(`${driver.directory('pids')}/pids.max`),
      readControl(`${driver.directory('memory')}/memory.limit_in_bytes`),
    ];
    vanish();
    await driver.apply({ pids: { limit: 7 }, memory: { limit: 64 << 20 } });
    expect(limits()).toEqual(['7', String(64 << 20)]);
    vanish();
    closeSync(driver.openTasks('pids'));
    expect(limits()).toEqual(['7', String(64 << 20)]);
  });

  test('a process that was kept out by the removal of its cgroup is put into it, with its limits', async () => {
    const driver = choose(cgroup);
    driver.create();
    await driver.apply({ pids: { limit: 7 } });
    const tasks = driver.openTasks('pids');
    rmdirSync(driver.directory('pids'));
    const child = spawn('sleep', ['60']);
    const pid = String(child.pid);
    try {
      expect(() => writeSync(tasks, pid)).toThrow('ENODEV');
      driver.ensureInside(Number(pid));
      const procs = recordOf(driver).places.map((place) => readControl(`${directoryOf(place)}/cgroup.procs`));
      expect(procs).toEqual(procs.map(() => pid));
      expect(readControl(`${driver.directory('pids')}/pids.max`)).toBe('7');
    } finally {
      closeSync(tasks);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  test('what was there before and is made again is ours to remove', async () => {
    const [hierarchy] = v1Facts?.hierarchies.filter(({ controllers }) => controllers.includes('pids')) ?? [];
    const directory = `${hierarchy?.mountpoint}/${name}`;
    mkdirSync(directory);
    const driver = choose(cgroup, `/${name}`);
    driver.create();
    await driver.apply({});
    expect(recordOf(driver).directories).not.toContain(directory);
    rmdirSync(directory);
    closeSync(driver.openTasks('pids'));
    expect(recordOf(driver).directories).toContain(directory);
    await driver.remove();
    expect(existsSync(directory)).toBe(false);
  });

  test('limits can be raised and lowered in any order', async () => {
    const driver = choose(cgroup);
    driver.create();
    const limits = [64, 256, 32].map((mebi): Resources => ({ memory: { limit: mebi << 20, swap: mebi << 20 } }));
    for (const resources of limits) await driver.apply(resources);
    expect(readControl(`${driver.directory('memory')}/memory.memsw.limit_in_bytes`)).toBe(String(32 << 20));
    await driver.apply({ memory: { limit: -1 } });
    expect(readControl(`${driver.directory('memory')}/memory.memsw.limit_in_bytes`)).toBe('9223372036854771712');
    for (const [quota, burst] of [
      [20000, 10000],
      [5000, 2000],
      [90000, 80000],
    ])
      await driver.apply({ cpu: { quota: quota ?? 0, burst: burst ?? 0 } });
    expect(readControl(`${driver.directory('cpu')}/cpu.cfs_burst_us`)).toBe('80000');
  });

  test('an update that fails half-way leaves everything as it was', async () => {
    const driver = choose(cgroup);
    driver.create();
    const before: Resources = { memory: { limit: 64 << 20, swap: 64 << 20 }, cpu: { shares: 512 }, pids: { limit: 7 } };
    await driver.apply(before);
    const read = (file: string): string => readControl(`${driver.directory(file.split('.')[0] ?? '')}/${file}`);
    const files = ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'cpu.shares', 'cpuset.cpus', 'pids.max'];
    const contents = files.map(read);
    // Raised together, the two limits of memory go up and down in opposite orders; huge pages are refused at the end.
    const asked: Resources = {
      memory: { limit: 128 << 20, swap: 256 << 20 },
      cpu: { shares: 1024, cpus: '0' },
      pids: { limit: 8 },
      hugepageLimits: [{ pageSize: '3MB', limit: 3 << 20 }],
    };
    await expect(driver.update({ asked, resources: asked })).rejects.toThrow(/hugetlb.*; everything is as before$/);
    expect(files.map(read)).toEqual(contents);
    const { hugepageLimits: _, ...possible } = asked;
    const changes = await driver.update({ asked: possible, resources: possible });
    expect(changes).toContainEqual({ path: `${driver.directory('pids')}/pids.max`, before: '7', after: '8' });
    expect(files.map(read)).toEqual([String(128 << 20), String(256 << 20), '1024', '0', '8']);
  });

  test('huge pages that may not be used and cannot be limited are a warning', async () => {
    const driver = choose(cgroup);
    driver.create();
    await driver.apply({ hugepageLimits: [{ pageSize: '3MB', limit: 0 }] });
    expect(driver.warnings).toEqual([expect.stringContaining('hugetlb.3MB.limit_in_bytes')]);
  });

  test('devices.list begins with the rules in their order', async () => {
    const driver = choose(cgroup);
    driver.create();
    const devices: Resources['devices'] = [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
      { allow: true, type: 'b', major: 8, minor: 20, access: 'rw' },
    ];
    await driver.apply({ devices });
    const list = () =>
      readFileSync(`${driver.directory('devices')}/devices.list`, 'utf8')
        .trim()
        .split('\n');
    expect(list().slice(0, 3)).toEqual(['c 10:229 rwm', 'b 8:20 rw', 'c *:* m']);
    await driver.update({ asked: {}, resources: { devices: [{ allow: false, access: 'rwm' }] } });
    expect(list()).toHaveLength(12);
  });

  test('a value that the kernel refuses is an error with file, value, place and hint', async () => {
    const driver = choose(cgroup);
    driver.create();
    const refusal = (resources: Resources) => expect(driver.apply(resources)).rejects;
    await refusal({ cpu: { cpus: '4000' } }).toMatchObject({
      code: 'CGROUP_FAILED',
      message: expect.stringMatching(/^Cannot write "4000" to .*\/cpuset\.cpus: E/),
      place: { file: 'config.json', pointer: '/linux/resources/cpu/cpus' },
      hint: expect.stringContaining('online'),
    });
    await refusal({ memory: { useHierarchy: false } }).toMatchObject({
      hint: expect.stringContaining('Since Linux 5.11'),
    });
    await refusal({ cpu: { quota: 1 } }).toMatchObject({ message: expect.stringContaining('EINVAL') });
  });

  test('an existing cgroup stays, if it is idle; one in use is refused', async () => {
    const [hierarchy] = v1Facts?.hierarchies.filter(({ controllers }) => controllers.includes('freezer')) ?? [];
    const directory = `${hierarchy?.mountpoint}/${name}`;
    mkdirSync(directory);
    try {
      const driver = choose(cgroup, `/${name}`);
      expect(recordOf(driver).directories).not.toContain(directory);
      driver.create();
      await driver.remove();
      expect(existsSync(directory)).toBe(true);
      await inhabit([directory]);
      expect(() => choose(cgroup, `/${name}`).create()).toThrow("container's cgroup is not empty: 2 process(es) found");
      await choose(cgroup, `/${name}`).kill(9);
      writeControl(`${directory}/freezer.state`, 'FROZEN');
      expect(() => choose(cgroup, `/${name}`).create()).toThrow('unexpectedly frozen');
    } finally {
      await openCgroup({ ...recordOf(choose(cgroup, `/${name}`)), directories: [directory] }).remove();
    }
  });

  test('freezes, thaws, kills frozen processes, counts them', async () => {
    const driver = choose(cgroup);
    driver.create();
    const pid = await inhabit([driver.directory('freezer'), driver.directory('memory')]);
    expect(driver.pids()).toHaveLength(2);
    expect(driver.pids()).toContain(pid);
    await driver.freeze(true);
    expect(driver.frozen()).toBe(true);
    await driver.freeze(false);
    expect(driver.frozen()).toBe(false);
    expect(driver.oomKills()).toBe(0);
    await driver.freeze(true);
    await driver.kill(9);
    expect(driver.pids()).toEqual([]);
    await driver.remove();
  });

  test('another signal than KILL leaves a paused container paused', async () => {
    const driver = choose(cgroup);
    driver.create();
    await inhabit([driver.directory('freezer')]);
    await driver.freeze(true);
    await driver.kill(15);
    expect([driver.frozen(), driver.pids().length]).toEqual([true, 2]);
    await driver.freeze(false);
    await expect.poll(() => driver.pids()).toEqual([]);
  });

  test('a cgroup in use cannot be removed, and says by whom', async () => {
    const driver = choose(cgroup);
    driver.create();
    const pid = await inhabit([driver.directory('pids')]);
    await expect(driver.remove()).rejects.toMatchObject({
      code: 'CGROUP_FAILED',
      hint: expect.stringContaining(String(pid)),
    });
  });

  test('a parent with the cgroup of another container stays until that goes', async () => {
    const first = choose(cgroup, `/${name}/a`);
    first.create();
    const second = choose(cgroup, `/${name}/b`);
    second.create();
    const parent = `${second.directory('pids')}/..`;
    await first.remove();
    expect(existsSync(parent)).toBe(true);
    await second.remove();
    for (const { mountpoint } of recordOf(second).places) rmdirSync(`${mountpoint}/${name}`);
  });

  test('a parent that vanishes before it is used is made again', () => {
    const driver = choose(cgroup);
    driver.create();
    expect(() => driver.create()).not.toThrow();
  });

  test('a missing hierarchy is an error only when it is needed', async () => {
    const few = v1Facts?.hierarchies.filter(({ controllers }) => !controllers.includes('memory')) ?? [];
    const driver = choose({ layout: 'v1', hierarchies: few });
    driver.create();
    await driver.apply({ memory: { limit: -1 } });
    await expect(driver.apply({ memory: { limit: 5 << 20 } })).rejects.toThrow(
      'no cgroup hierarchy with the memory controller is mounted',
    );
  });
});

const v2Facts =
  facts.cgroup.layout === 'v2'
    ? facts.cgroup
    : facts.cgroup.layout === 'hybrid' && existsSync(`${unified}/cgroup.controllers`)
      ? ({ layout: 'v2', mountpoint: unified, ownPath: '/', controllers: [] } as const)
      : undefined;

describe.skipIf(v2Facts === undefined || !writable(v2Facts.mountpoint))('v2', () => {
  const enabled = `${v2Facts?.mountpoint}/cgroup.subtree_control`;
  const before = v2Facts === undefined ? '' : readControl(enabled);
  // Making a cgroup enables controllers on the way; the host gets back what it had.
  afterAll(() => {
    for (const controller of readControl(enabled).split(' ').filter(Boolean)) {
      if (!before.split(' ').includes(controller)) writeControl(enabled, `-${controller}`);
    }
  });

  const cgroup = v2Facts ?? { layout: 'none' as const };
  const leaf = `${v2Facts?.mountpoint}/${name}/leaf`;

  test('makes its directories and removes them with what the container made inside', async () => {
    const driver = choose(cgroup);
    driver.create();
    expect(driver.placement).toEqual({ kind: 'v2', mountpoint: v2Facts?.mountpoint, path: `/${name}/leaf` });
    closeSync(driver.openDirectory());
    mkdirSync(`${leaf}/child/grandchild`, { recursive: true });
    await driver.remove();
    expect(existsSync(`${leaf}/..`)).toBe(false);
  });

  test('gives it to the user of a container that may write to its cgroups; limits stay with the runtime', () => {
    const delegated: Spec = {
      ...spec(`/${name}/leaf`),
      process: { cwd: '/', user: { uid: 12_345, gid: 0 } },
      mounts: [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' }],
    };
    delegated.linux = { ...delegated.linux, namespaces: [{ type: 'cgroup' }] };
    const driver = chooseCgroup({ spec: delegated, id: name, facts: { ...facts, cgroup }, global });
    made.push(driver);
    driver.create();
    expect(driver.skipped).toEqual([]);
    const files = ['.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
    expect(files.map((file) => statSync(`${leaf}/${file}`).uid)).toEqual(files.map(() => 12_345));
    expect(['cgroup.freeze', 'cgroup.max.depth', '..'].map((file) => statSync(`${leaf}/${file}`).uid)).toEqual([
      0, 0, 0,
    ]);
  });

  test('freezes, thaws, kills, counts, with processes in a child cgroup', async () => {
    const driver = choose(cgroup);
    driver.create();
    mkdirSync(`${leaf}/child`);
    await inhabit([`${leaf}/child`]);
    expect(driver.pids()).toHaveLength(2);
    await driver.freeze(true);
    expect(driver.frozen()).toBe(true);
    await driver.freeze(false);
    await driver.freeze(true);
    await driver.kill(9);
    expect(driver.pids()).toEqual([]);
    await driver.remove();
    expect(existsSync(leaf)).toBe(false);
  });

  test('an own file is written; a controller that is missing says so', async () => {
    const driver = choose(cgroup);
    driver.create();
    await driver.apply({ devices: [{ allow: true, access: 'rwm' }], unified: { 'cgroup.max.depth': '3' } });
    expect(readControl(`${leaf}/cgroup.max.depth`)).toBe('3');
    await expect(driver.apply({ unified: { 'nothing.max': '3' } })).rejects.toThrow(
      'the nothing controller is not available',
    );
  });

  test.skipIf(!existsSync('/sys/kernel/mm/hugepages/hugepages-2048kB'))(
    'huge pages are limited where the controller is, use and reservation',
    async (context) => {
      const driver = choose(cgroup, undefined, { attachDeviceProgram: () => undefined });
      driver.create();
      if (!readControl(`${leaf}/cgroup.controllers`).includes('hugetlb')) context.skip('no hugetlb controller on v2');
      await driver.apply({ hugepageLimits: [{ pageSize: '2MB', limit: 4 << 20 }] });
      expect(readControl(`${leaf}/hugetlb.2MB.max`)).toBe(String(4 << 20));
      expect(readControl(`${leaf}/hugetlb.2MB.rsvd.max`)).toBe(String(4 << 20));
      const unknown = { hugepageLimits: [{ pageSize: '3MB', limit: 4 << 20 }] };
      await expect(driver.apply(unknown)).rejects.toThrow(`${leaf}/hugetlb.3MB.max: ENOENT`);
    },
  );

  test('device rules go to the loader; without one they are refused', async () => {
    const calls: number[] = [];
    const driver = choose(cgroup, undefined, {
      attachDeviceProgram: (fd, program) => calls.push(fd, program.length % 8),
    });
    driver.create();
    await driver.apply({ devices: [{ allow: false, access: 'rwm' }] });
    expect(calls).toEqual([expect.any(Number), 0]);
    const without = choose(cgroup, `/${name}/other`);
    without.create();
    await expect(without.apply({})).rejects.toThrow('Device rules on cgroup v2 need the native addon');
  });

  test('a process in the cgroup makes it unfit for another container', async () => {
    const driver = choose(cgroup);
    driver.create();
    await inhabit([leaf]);
    expect(() => choose(cgroup).create()).toThrow('is not empty: 2 process(es)');
  });
});

describe('without rights', () => {
  // sysfs denies every mkdir, also to root.
  const sysfs: HostFacts['cgroup'] = {
    layout: 'v1',
    hierarchies: [{ controllers: ['memory'], mountpoint: '/sys', root: '/', ownPath: '/' }],
  };
  const user = { euid: 1000, egid: 1000, privileged: false, inUserNamespace: true, sysResource: false };
  const ask = (cgroup: HostFacts['cgroup'], path?: string) =>
    chooseCgroup({ spec: spec(path), id: 'x', facts: { user, cgroup }, global });

  test('--cgroup-manager disabled', async () => {
    const make = () =>
      chooseCgroup({ spec: spec(undefined), id: 'x', facts, global: { ...global, cgroupManager: 'disabled' } });
    expect(make().placement).toEqual({ kind: 'none' });
    await make().apply({ devices: [{ allow: false }] });
    await expect(make().apply({ pids: { limit: 3 } })).rejects.toThrow(
      'The container cannot be limited: cgroups are switched off',
    );
  });

  const v2: HostFacts['cgroup'] = { layout: 'v2', mountpoint: '/c', ownPath: '/', controllers: [] };
  const scoped = (cgroupsPath: string | undefined, privileged: boolean) =>
    chooseCgroup({
      spec: spec(cgroupsPath),
      id: 'x',
      facts: { user: { ...user, privileged }, cgroup: v2 },
      global: { ...global, cgroupManager: 'systemd' },
    });

  test.each([
    [
      true,
      'machine.slice:p:n',
      { name: 'p-n.scope', slice: 'machine.slice', manager: 'system', mark: 'file:/r%20oot/x' },
    ],
    [false, undefined, { name: 'tsrunc-x.scope', slice: 'user.slice', manager: 'user', mark: 'file:/r%20oot/x' }],
  ] as const)(
    'systemd (privileged: %s): the unit is in the record before anything is made',
    (privileged, path, unit) => {
      const driver = scoped(path, privileged);
      expect(driver.record).toEqual({ driver: 'systemd', unit, layout: 'v2', places: [], directories: [] });
      expect([driver.placement, driver.precedes]).toEqual([{ kind: 'none' }, false]);
      const reopened = openCgroup(recordOf(driver));
      expect([reopened.pids(), reopened.frozen()]).toEqual([[], false]);
    },
  );

  test('systemd: a path is refused at once', () => expect(() => scoped('/a/b', true)).toThrow('slice:prefix:name'));

  test('no cgroup file system: fatal for root, not for a user who asks for nothing', async () => {
    const none = { layout: 'none' } as const;
    expect(() => choose(none)).toThrow('no cgroup file system is mounted');
    expect(ask(none).record).toBeUndefined();
    const named = ask(none, '/x');
    expect(named.record).toBeUndefined();
    await named.apply({ pids: { limit: 3 } });
    expect(named.unapplied.map(({ from }) => from)).toEqual(['/linux/cgroupsPath', '/linux/resources/pids/limit']);
    expect(named.unapplied[0]?.obstacle).toEqual({ kind: 'other', reason: 'no cgroup file system is mounted' });
  });

  const fieldsOf = (driver: CgroupDriver) => driver.unapplied.map(({ from }) => from);
  const resources: Resources = {
    memory: { limit: 5 << 20, swap: 6 << 20 },
    unified: { 'memory.high': '5' },
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 10, minor: 229, access: 'r' },
    ],
  };
  const listed = ['memory/limit', 'memory/swap', 'unified/memory.high', 'devices/1'];

  test('what may not be made is listed, with all that would have been limited there', async () => {
    const driver = ask(sysfs);
    expect(driver.placement.kind).toBe('v1');
    driver.create();
    expect(driver.placement).toEqual({ kind: 'none' });
    expect(driver.skipped[0]).toMatch(/^Cannot make the cgroup/);
    expect([driver.record, driver.absence]).toEqual([undefined, 'none was delegated to its user']);
    await driver.apply({ devices: [{ allow: false, access: 'rwm' }] });
    expect(driver.unapplied).toEqual([]);
    await driver.apply(resources);
    expect(fieldsOf(driver).toSorted()).toEqual(listed.map((field) => `/linux/resources/${field}`).toSorted());
    expect(driver.unapplied.find(({ from }) => from.endsWith('limit'))?.obstacle).toEqual({
      kind: 'cgroup',
      path: '/sys/x',
    });
  });

  // What was to be made and is there by now was made by somebody else: sysfs lets nobody remove it.
  test.for<[CgroupRecord['layout'], string, string, string[]]>([
    ['v1', '/sys', '/kernel/x', ['/sys/kernel', '/sys/kernel/x']],
    ['v2', '/sys/kernel', '/x', ['/sys/kernel/mm', '/sys/kernel/x']],
  ])('%s: what somebody else made meanwhile stays', async ([layout, mountpoint, path, directories]) => {
    const Driver = layout === 'v1' ? CgroupV1 : CgroupV2;
    const places = [{ controllers: layout === 'v1' ? ['memory'] : [], mountpoint, path }];
    const driver = new Driver({ driver: 'cgroupfs', layout, places, directories }, { rights: true, devices: true });
    driver.create();
    expect([driver.placement, driver.record]).toEqual([{ kind: 'none' }, undefined]);
    await driver.remove();
  });

  test('a mistake is one for everybody', async () => {
    const driver = ask(sysfs);
    driver.create();
    await expect(driver.apply({ cpu: { shares: 1 } })).rejects.toThrow('the minimum allowed cpu-shares');
  });

  test('a path that was asked for is listed, too', () => {
    const driver = ask(sysfs, '/y');
    driver.create();
    expect(driver.unapplied).toEqual([{ from: '/linux/cgroupsPath', obstacle: { kind: 'cgroup', path: '/sys/y' } }]);
  });

  test('for root it is an error', () => {
    const request = {
      spec: spec('/x'),
      id: 'x',
      facts: { user: { ...user, privileged: true }, cgroup: sysfs },
      global,
    };
    expect(() => chooseCgroup(request).create()).toThrow('Cannot make the cgroup /sys/x');
  });

  test('v2: nothing is made, everything listed', async () => {
    const driver = ask({ layout: 'v2', mountpoint: '/sys/kernel', ownPath: '/', controllers: [] }, '/y');
    driver.create();
    expect([driver.placement, driver.record, driver.openDirectory()]).toEqual([{ kind: 'none' }, undefined, -1]);
    await driver.apply(resources);
    const wanted = ['/linux/cgroupsPath', ...listed.map((field) => `/linux/resources/${field}`)];
    expect(fieldsOf(driver).toSorted()).toEqual(wanted.toSorted());
  });
});

test('directoryOf', () => {
  expect(directoryOf({ controllers: [], mountpoint: '/c', path: '/' })).toBe('/c');
  expect(directoryOf({ controllers: [], mountpoint: '/c', path: '/a' })).toBe('/c/a');
});

/** runtime-spec config-linux.md "Namespaces": new, inherited and joined, each alone, together, and in every combination. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Namespace, NamespaceType } from '../src/config/spec.ts';
import { alive, type Box, type Bundle, eventually, expect, output, type Patch, patient, test } from './support/box.ts';
import { Elsewhere } from './support/elsewhere.ts';
import { hasCommand } from './support/host.ts';
import { differences, idRange, namespaceOf, namespaceTypes, withNamespaces } from './support/namespaces.ts';

const lines = (text: string): string[] => text.trimEnd().split('\n');

/** New namespaces of these types. */
const fresh = (...types: readonly NamespaceType[]): Namespace[] => types.map((type) => ({ type }));

/** A bundle with these namespaces that runs `script`; its root file system belongs to the container's root. */
const bundleIn = async (
  box: Box,
  namespaces: readonly Namespace[],
  script = 'exec sleep 100',
  patch?: Patch,
): Promise<Bundle> => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', script];
    withNamespaces(...namespaces)(config);
    return patch?.(config);
  });
  if (namespaces.some(({ type }) => type === 'user')) {
    await output('chown', ['-hR', `${idRange.hostID}:${idRange.hostID}`, bundle.rootfs]);
  }
  return bundle;
};

/** Run it in the background. */
const detached = async (box: Box, bundle: Bundle): Promise<{ readonly id: string; readonly pid: number }> => {
  const id = box.id();
  const pidFile = join(box.path, `${id}.pid`);
  await box.ok('run', '--detach', '--bundle', bundle.path, '--pid-file', pidFile, id);
  return { id, pid: Number(readFileSync(pidFile, 'utf8')) };
};

const fieldOf = (pid: number, name: string): string[] =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];

// Covers /linux/namespaces/*/type
describe('every combination of new and inherited', () => {
  const others = namespaceTypes.filter((type) => type !== 'user' && type !== 'mount');
  const combinations = Array.from({ length: 2 ** others.length }, (_, bits) =>
    others.filter((_type, index) => ((bits >> index) & 1) === 1),
  );

  /** The types in which the container differs from the host, or what the runtime says. The root file system is shared. */
  const tryOut = async (box: Box, rootfs: string, types: readonly NamespaceType[]): Promise<unknown> => {
    const bundle = await box.bundle(
      (config) => {
        config.root.path = rootfs;
        config.process.args = ['sleep', '100'];
        withNamespaces(...fresh(...types))(config);
      },
      { rootfs: false },
    );
    const id = box.id();
    const pidFile = join(bundle.path, 'pid');
    const { code, stderr } = await box.tsrunc('run', '-d', '-b', bundle.path, '--pid-file', pidFile, id);
    if (code !== 0) return stderr;
    const found = differences(Number(readFileSync(pidFile, 'utf8')));
    await box.ok('delete', '--force', id);
    return found.toSorted();
  };

  const verdicts = async (box: Box, ...also: readonly NamespaceType[]): Promise<[string, unknown, unknown][]> => {
    const { rootfs } = await bundleIn(box, fresh(...also));
    const found: [string, unknown, unknown][] = [];
    for (const combination of combinations) {
      const types = [...combination, ...also].toSorted();
      found.push([types.join(' '), await tryOut(box, rootfs, types), types]);
    }
    return found;
  };

  test.for([[], ['mount'], ['mount', 'user']] as const)(
    'with %j: runs, and only in those',
    { timeout: patient(60_000) },
    async (also, { box }) => {
      const found = await verdicts(box, ...also);
      expect(found.map(([name, got]) => [name, got])).toEqual(found.map(([name, , wanted]) => [name, wanted]));
    },
  );

  test('with a user namespace, but the mounts of the host: is refused, since nothing may be mounted there', async ({
    box,
  }) => {
    for (const [, found] of await verdicts(box, 'user')) {
      expect(found).toContain('Cannot make the device "/dev/null"');
      expect(found).toContain('{"type": "mount"}');
    }
  });
});

describe('in a user namespace, file systems belong to the namespace that they show', () => {
  test.for([
    ['proc', 'pid', 'pid namespace'],
    ['sysfs', 'network', '{"type": "network"}'],
    ['mqueue', 'ipc', '{"type": "ipc"}'],
  ] as const)('%s without a new %s namespace is refused with the way out', async ([fstype, missing, hint], { box }) => {
    const namespaces = fresh(...namespaceTypes.filter((type) => type !== missing));
    const bundle = await bundleIn(box, namespaces, 'true', (config) => {
      config.mounts = [{ destination: '/mnt', type: fstype, source: fstype }];
    });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`Cannot mount "${fstype}" at "/mnt": \\w+: EPERM \\(.*/config\\.json:\\d+:\\d+, /mounts/0\\)`),
    );
    expect(stderr).toContain(hint);
  });
});

// Covers /linux/namespaces/*/path
describe('joined by path', () => {
  test.for(namespaceTypes)('%s: the same one as its maker has, the others as asked', async (type, { box }) => {
    await using elsewhere = await Elsewhere.make([type]);
    const own = fresh('mount', 'pid', 'network', 'ipc', 'uts').filter((entry) => entry.type !== type);
    const bundle = await bundleIn(box, [...own, { type, path: elsewhere.path(type) }]);
    const { id, pid } = await detached(box, bundle);
    expect(namespaceOf(pid, type)).toBe(namespaceOf(elsewhere.pid, type));
    expect(differences(pid).toSorted()).toEqual([...own.map((entry) => entry.type), type].toSorted());
    await box.ok('delete', '--force', id);
    expect(alive(pid)).toBe(false);
    expect(alive(elsewhere.pid)).toBe(true);
  });

  test('all of them at once, also those that belong to the user namespace', async ({ box }) => {
    await using elsewhere = await Elsewhere.make(namespaceTypes);
    const bundle = await bundleIn(
      box,
      namespaceTypes.map((type) => ({ type, path: elsewhere.path(type) })),
    );
    const { pid } = await detached(box, bundle);
    expect(differences(pid, elsewhere.pid)).toEqual([]);
    expect(fieldOf(pid, 'Uid')[0]).toBe('100000');
  });

  test('a user namespace and what belongs to it, with new ones beside', async ({ box }) => {
    await using elsewhere = await Elsewhere.make(['user', 'network', 'ipc', 'uts']);
    const joined = (['user', 'network', 'ipc', 'uts'] as const).map((type) => ({ type, path: elsewhere.path(type) }));
    const bundle = await bundleIn(box, [...fresh('mount', 'pid', 'time', 'cgroup'), ...joined]);
    const { pid } = await detached(box, bundle);
    expect(differences(pid, elsewhere.pid).toSorted()).toEqual(['cgroup', 'mount', 'pid', 'time']);
    expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual(['0', '100000', '65536']);
    expect(readlinkSync(`/proc/${pid}/ns/user`)).toBe(readlinkSync(`/proc/${elsewhere.pid}/ns/user`));
  });

  test('a user namespace that denies setgroups: no group of the caller comes along, and none can be set', async ({
    box,
  }) => {
    await using elsewhere = await Elsewhere.makeWithoutGroups('network', 'ipc', 'uts');
    const joined = (['user', 'network', 'ipc', 'uts'] as const).map((type) => ({ type, path: elsewhere.path(type) }));
    const namespaces = [...joined, ...fresh('mount', 'pid')];
    const script = 'cat /proc/self/setgroups; grep Groups /proc/self/status';
    const { stdout } = await box.run(await bundleIn(box, namespaces, script));
    expect(lines(stdout)).toEqual(['deny', expect.stringMatching(/^Groups:\s*$/)]);

    const asking = await bundleIn(box, namespaces, 'true', (config) => {
      config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
    });
    const { code, stderr } = await box.run(asking);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/setgroups: EPERM \(.*\/process\/user\)/)]);
    expect(stderr).toContain('leave additionalGids out');
  });

  test('a network of the host beside a new user namespace, as engines with user namespaces have it', async ({
    box,
  }) => {
    await using elsewhere = await Elsewhere.make(['network']);
    const network = { type: 'network' as const, path: elsewhere.path('network') };
    const namespaces = [...fresh('user', 'mount', 'pid', 'ipc', 'uts'), network];
    const withoutSys = await bundleIn(box, namespaces, undefined, (config) => {
      config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs');
    });
    const { pid } = await detached(box, withoutSys);
    expect(namespaceOf(pid, 'network')).toBe(namespaceOf(elsewhere.pid, 'network'));
    const withSys = await box.run(await bundleIn(box, namespaces));
    expect(withSys.code).toBe(1);
    expect(withSys.stderr).toContain('bind the host\'s /sys with the options "rbind" and "ro"');
  });

  test('a pid namespace: its number inside and outside, the exit status, kill and delete', async ({ box }) => {
    await using elsewhere = await Elsewhere.make(['pid']);
    const pidNamespace = { type: 'pid' as const, path: elsewhere.path('pid') };
    const namespaces = [...fresh('mount', 'uts', 'ipc', 'network'), pidNamespace];
    const seen = await box.run(await bundleIn(box, namespaces, 'echo $$; cat /proc/1/comm; exit 7'));
    expect(seen).toMatchObject({ code: 7, stderr: '' });
    expect(Number(lines(seen.stdout)[0])).toBeGreaterThan(1);
    expect(lines(seen.stdout)[1]).toBe('sleep');

    const { id, pid } = await detached(box, await bundleIn(box, namespaces, 'sleep 100 & sleep 101 & wait'));
    expect(await box.state(id)).toMatchObject({ status: 'running', pid });
    expect(fieldOf(pid, 'NSpid')).toEqual([String(pid), expect.stringMatching(/^([2-9]|\d\d+)$/)]);
    const children = await eventually('two children', () => {
      const found = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      return found.length === 2 ? found : undefined;
    });
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    await eventually('its children have ended too', () => (children.some(alive) ? undefined : true));
    await box.ok('delete', id);
    expect(alive(elsewhere.pid)).toBe(true);
  });

  test('a pid namespace whose first process has ended takes no more', async ({ box }) => {
    const elsewhere = await Elsewhere.make(['pid']);
    const kept = openSync(elsewhere.path('pid'), 'r');
    await elsewhere[Symbol.asyncDispose]();
    const path = `/proc/${process.pid}/fd/${kept}`;
    const { code, stderr } = await box.run(await bundleIn(box, [{ type: 'mount' }, { type: 'pid', path }]));
    closeSync(kept);
    expect(code).toBe(1);
    expect(stderr).toContain('/linux/namespaces/1');
    expect(stderr).toContain('has lost its first process');
  });

  test('a time namespace, with its clocks', async ({ box }) => {
    await using elsewhere = await Elsewhere.make(['time'], '--boottime', '5000000');
    const time = { type: 'time' as const, path: elsewhere.path('time') };
    const { stdout } = await box.run(await bundleIn(box, [...fresh('mount', 'pid'), time], 'cat /proc/uptime'));
    expect(Number(stdout.split(' ')[0])).toBeGreaterThan(5_000_000);
  });
});

/** What Kubernetes does: one container holds the namespaces, the others join them. */
test('a pod: network, ipc, uts and pid of another container', async ({ box }) => {
  const sandbox = await detached(
    box,
    await bundleIn(box, fresh('mount', 'network', 'ipc', 'uts', 'pid'), 'exec sleep 102', (config) => {
      config.hostname = 'the-pod';
    }),
  );
  const shared = (['network', 'ipc', 'uts', 'pid'] as const).map((type) => ({
    type,
    path: `/proc/${sandbox.pid}/ns/${type === 'network' ? 'net' : type}`,
  }));
  const member = (script: string) =>
    bundleIn(box, [{ type: 'mount' }, ...shared], script, (config) => {
      delete config.hostname;
    });
  const { stdout } = await box.run(await member('hostname; tr "\\0" " " < /proc/1/cmdline'));
  expect(stdout).toBe('the-pod\nsleep 102 ');

  const [one, two] = [
    await detached(box, await member('exec sleep 103')),
    await detached(box, await member('exec sleep 104')),
  ];
  expect(differences(one.pid, two.pid)).toEqual(['mount']);
  expect(differences(one.pid, sandbox.pid)).toEqual(['mount']);
  await box.ok('kill', one.id, 'KILL');
  await box.reached(one.id, 'stopped');
  await box.ok('delete', one.id);
  expect([alive(two.pid), alive(sandbox.pid)]).toEqual([true, true]);
  // The end of its pid 1 is the end of the pid namespace.
  await box.ok('delete', '--force', sandbox.id);
  await box.reached(two.id, 'stopped');
});

describe('a path that cannot be joined', () => {
  const refused = async (box: Box, type: NamespaceType, path: string) => {
    const { code, stderr } = await box.run(await bundleIn(box, [{ type, path }], 'true'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/config\.json:\d+:\d+, \/linux\/namespaces\/0\/path\)/);
    return stderr;
  };

  test.for(namespaceTypes)('another type than %s', async (type, { box }) => {
    const other = type === 'network' ? 'ipc' : 'net';
    const message = await refused(box, type, `/proc/self/ns/${other}`);
    expect(message).toContain(
      `Cannot join the ${type} namespace at "/proc/self/ns/${other}": it is a namespace of another type`,
    );
  });

  test('missing', async ({ box }) => {
    expect(await refused(box, 'network', '/nonexistent/net')).toContain('"/nonexistent/net": open: ENOENT');
  });

  test('a namespace of a process that is gone', async ({ box }) => {
    const elsewhere = await Elsewhere.make(['uts']);
    await elsewhere[Symbol.asyncDispose]();
    expect(await refused(box, 'uts', elsewhere.path('uts'))).toContain('ENOENT');
  });

  test.for(['/etc/passwd', '/dev/null', '/proc', '/proc/self/status'])(
    'no namespace at all: %s',
    async (path, { box }) => {
      expect(await refused(box, 'ipc', path)).toContain(`at "${path}": that is no namespace`);
    },
  );

  test('a FIFO, which blocks nobody', async ({ box }) => {
    const fifo = join(box.path, 'fifo');
    await output('mkfifo', [fifo]);
    expect(await refused(box, 'uts', fifo)).toContain('that is no namespace');
  });

  test('relative', async ({ box }) => {
    expect(await refused(box, 'network', 'proc/self/ns/net')).toContain('must be absolute');
  });

  test('the user namespace of the runtime itself', async ({ box }) => {
    const namespaces: Namespace[] = [{ type: 'mount' }, { type: 'user', path: '/proc/self/ns/user' }];
    const { code, stderr } = await box.run(await bundleIn(box, namespaces, 'true'));
    expect(code).toBe(1);
    expect(stderr).toContain('/linux/namespaces/1');
    expect(stderr).toContain('cannot join the user namespace that it is in');
  });
});

describe('what the namespaces are like inside', () => {
  const flags = (script = 'cat /sys/class/net/lo/flags') => script;
  const IFF_UP = 1;

  test('loopback is up in a new network, and reachable', async ({ box }) => {
    const before = readFileSync('/sys/class/net/lo/flags', 'utf8');
    const { stdout } = await box.probe(
      `${flags()}; ls /sys/class/net; nc -l -p 80 127.0.0.1 & until echo hi | nc 127.0.0.1 80 2>/dev/null; do sleep 0.05; done; wait`,
    );
    const [lo, names] = lines(stdout);
    expect(Number(lo) & IFF_UP).toBe(IFF_UP);
    expect(names).toBe('lo');
    expect(stdout).toContain('hi');
    expect(readFileSync('/sys/class/net/lo/flags', 'utf8')).toBe(before);
  });

  test('loopback stays as it is in a network that is joined', async ({ box }) => {
    await using elsewhere = await Elsewhere.make(['network']);
    const network = { type: 'network' as const, path: elsewhere.path('network') };
    const { stdout } = await box.run(await bundleIn(box, [...fresh('mount', 'pid'), network], flags()));
    expect(Number(stdout) & IFF_UP).toBe(0);
  });

  test('the cgroup of the container is the root of a new cgroup namespace', async ({ box }) => {
    const read = async (...types: NamespaceType[]) => {
      const bundle = await bundleIn(box, fresh('mount', 'pid', ...types), 'cat /proc/self/cgroup');
      return lines((await box.run(bundle)).stdout).map((line) => line.split(':')[2]);
    };
    expect(new Set(await read('cgroup'))).toEqual(new Set(['/']));
    // Hierarchies that are not mounted know no container.
    expect(await read()).toContainEqual(expect.stringContaining('tsrunc-test'));
  });

  test('no namespaces at all: the host, with another root', async ({ box }) => {
    const { pid } = await detached(box, await bundleIn(box, []));
    expect(differences(pid)).toEqual([]);
    expect(readlinkSync(`/proc/${pid}/root`)).toMatch(/\/rootfs$/);
  });
});

// Covers /linux/timeOffsets
describe('time offsets', () => {
  const clocks = { monotonic: { secs: 1_000_000, nanosecs: 5 }, boottime: { secs: 2_000_000, nanosecs: 7 } };
  const withOffsets: Patch = (config) => {
    config.linux.timeOffsets = clocks;
  };

  test.for([[], ['user']] as const)('move both clocks, beside %j', async (also, { box }) => {
    const script = 'cat /proc/self/timens_offsets /proc/uptime';
    const { stdout } = await box.run(await bundleIn(box, fresh('mount', 'pid', 'time', ...also), script, withOffsets));
    const [monotonic, boottime, uptime] = lines(stdout).map((line) => line.trim().split(/\s+/));
    expect(monotonic).toEqual(['monotonic', '1000000', '5']);
    expect(boottime).toEqual(['boottime', '2000000', '7']);
    expect(Number(uptime?.[0])).toBeGreaterThan(2_000_000);
  });

  test.skipIf(!hasCommand('nsenter'))('are what programs read', async ({ box }) => {
    const { pid } = await detached(box, await bundleIn(box, fresh('mount', 'pid', 'time'), undefined, withOffsets));
    const readClock = ['-p', 'process.hrtime()[0]'];
    const [before] = process.hrtime();
    const inside = execFileSync('nsenter', ['--time', '-t', String(pid), process.execPath, ...readClock]);
    expect(Number(inside) - before).toBeGreaterThanOrEqual(1_000_000);
    expect(Number(inside) - before).toBeLessThan(1_000_060);
  });

  test('that would turn a clock back behind zero are refused with their place', async ({ box }) => {
    const bundle = await bundleIn(box, fresh('mount', 'pid', 'time'), 'true', (config) => {
      config.linux.timeOffsets = { monotonic: { secs: -2_000_000_000 } };
    });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain('/linux/timeOffsets/monotonic');
    expect(stderr).toContain('No clock may become negative');
  });
});

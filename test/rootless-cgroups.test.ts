/** Limits of an ordinary user's containers: applied where a cgroup is delegated, else listed once, and the container runs. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { CgroupPlace } from '../src/cgroup/record.ts';
import type { DeviceRule, Resources, State } from '../src/config/spec.ts';
import { test as base, type Config, eventually, exec, expect, uniqueId } from './support/box.ts';
import { isCgroupV2, isRoot, runtime } from './support/host.ts';
import { gid, Ordinary, rootless, uid, unavailable } from './support/ordinary.ts';
import { patient } from './support/process.ts';

const test = base.extend<{ user: Ordinary }>({
  user: async ({ box }, use) => {
    const user = new Ordinary(box);
    await use(user);
    await user.close();
  },
});

const lines = (text: string): string[] => text.split('\n').filter(Boolean);

const limited = (config: Config): void => {
  config.linux.resources = {
    memory: { limit: 64 << 20, swap: 64 << 20 },
    cpu: { quota: 50_000, period: 100_000 },
    pids: { limit: 17 },
    unified: { 'memory.high': '100' },
  };
};
const fields = ['cpu.period', 'cpu.quota', 'memory.limit', 'memory.swap', 'pids.limit', 'unified["memory.high"]'].map(
  (field) => `linux.resources.${field}`,
);

const readOnly = (directory: string): string => `mount -o remount,bind,ro ${directory}`;

/** Words that have a log written, and its lines. */
const logged = (user: Ordinary) => {
  const path = join(user.home, 'log');
  const log = (): unknown[] => lines(readFileSync(path, 'utf8')).map((line) => JSON.parse(line));
  return { words: ['--log', path, '--log-format', 'json'], log };
};

interface Recorded {
  readonly cgroup?: { readonly places: CgroupPlace[]; withheld?: readonly CgroupPlace[] };
}

const rewrite = (path: string, change: (record: Recorded) => void): void => {
  const record: Recorded = JSON.parse(readFileSync(path, 'utf8'));
  change(record);
  writeFileSync(path, JSON.stringify(record));
};

/** What a warning lists. */
const listed = (text: string): string[] =>
  (/Not applied: (.*?);/.exec(text)?.[1] ?? '').split(', ').toSorted((one, other) => (one < other ? -1 : 1));

describe.skipIf(unavailable !== undefined || !isRoot)(
  `an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`,
  () => {
    describe('without a delegated cgroup', () => {
      test('is told once what is not applied, why, and what to do; the container runs', async ({ user }) => {
        const { code, stdout, stderr } = await user.probe('echo ran', limited);
        expect([code, stdout]).toEqual([0, 'ran\n']);
        expect(lines(stderr)).toHaveLength(1);
        expect(stderr).toMatch(/^tsrunc: warning: /);
        expect(listed(stderr)).toEqual(fields);
        expect(stderr).toContain(`the cgroup is not delegated to uid ${uid}: /sys/fs/cgroup/`);
        expect(stderr).toMatch(/--systemd-cgroup.*session of systemd.*Delegate=yes/);
      });

      test('and what it means where there is no pid namespace either', async ({ user }) => {
        const { code, stderr } = await user.probe('true', (config) => {
          limited(config);
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
          config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
        });
        expect(code).toBe(0);
        expect(stderr).toMatch(/Not applied: .*only its first process will be found: kill and delete leave the others/);
      });

      test('finds it in the file of --log as well', async ({ user }) => {
        const bundle = await user.bundle((config) => {
          rootless(config);
          limited(config);
        });
        const { log, words } = logged(user);
        expect((await user.ok([...words, 'run', '--bundle', bundle.path, uniqueId()])).stderr).toBe('');
        const msg = expect.stringContaining('linux.resources.memory.limit');
        expect(log()).toEqual([expect.objectContaining({ level: 'warning', msg })]);
      });

      test.for<[string, (config: Config) => void]>([
        [
          'a program that is not there',
          (config) => {
            config.process.args = ['nosuch'];
          },
        ],
        [
          'a startContainer hook',
          (config) => {
            config.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'exit 4'] }] };
          },
        ],
        [
          'a poststart hook',
          (config) => {
            config.hooks = { poststart: [{ path: '/bin/sh', args: ['sh', '-c', 'exit 4'] }] };
          },
        ],
      ])('its failure by %s is one line of --log', async ([, patch], { user }) => {
        const bundle = await user.bundle((config) => {
          rootless(config);
          limited(config);
          patch(config);
        });
        const { log, words } = logged(user);
        expect((await user.tsrunc([...words, 'run', '--bundle', bundle.path, uniqueId()])).code).not.toBe(0);
        expect(log()).toEqual([expect.objectContaining({ level: 'error' })]);
      });

      const allow = (major: number, minor: number, access = 'rwm'): DeviceRule => ({
        allow: true,
        type: 'c',
        major,
        minor,
        access,
      });
      const usual: DeviceRule[] = [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'b', access: 'm' },
        allow(1, 3),
        allow(136, -1),
        { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
      ];

      test.for<[string, Config['linux']['resources']]>([
        ['no resources', undefined],
        ['empty resources', {}],
        ["an engine's devices", { devices: usual }],
        ['what is no limit', { memory: { limit: -1 }, pids: { limit: -1 }, cpu: { shares: 0 }, unified: {} }],
        ['huge pages as the kubelet sends them', { hugepageLimits: [{ pageSize: '2MB', limit: 0 }] }],
      ])('hears nothing of %s', async ([, resources], { user }) => {
        const { code, stderr } = await user.probe('true', (config) => {
          if (resources !== undefined) config.linux.resources = resources;
        });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      });

      test('hears of device rules that would have taken something away, and of a path', async ({ user }) => {
        const { code, stderr } = await user.probe('true', (config) => {
          config.linux.resources = { devices: [...usual, allow(10, 229, 'r')] };
          config.linux.cgroupsPath = `/${uniqueId()}`;
        });
        expect(code).toBe(0);
        expect(listed(stderr)).toEqual(['linux.cgroupsPath', 'linux.resources.devices[5]']);
        expect(stderr).toContain('only root can enforce rules for devices');
      });

      test('a failure is told alone', async ({ user }) => {
        const { code, stderr } = await user.probe('true', (config) => {
          limited(config);
          config.process.args = ['nosuch'];
        });
        expect(code).not.toBe(0);
        expect(stderr).toContain('nosuch');
      });

      test('--rootless=false makes it an error', async ({ user }) => {
        const bundle = await user.bundle((config) => {
          rootless(config);
          limited(config);
        });
        const { code, stderr } = await user.tsrunc(['--rootless', 'false', 'run', '--bundle', bundle.path, uniqueId()]);
        expect(code).toBe(1);
        expect(stderr).toMatch(/^tsrunc: Cannot make the cgroup .*: permission denied/);
        expect((await user.ok(['list', '--quiet'])).stdout).toBe('');
      });

      test('a mistake is an error', async ({ user }) => {
        const { code, stderr } = await user.probe('true', (config) => {
          config.linux.resources = { unified: { 'bad/key': '1' } };
        });
        expect(code).toBe(1);
        expect(lines(stderr)[0]).toMatch(
          /"bad\/key" is not the name of a cgroup file .*\/linux\/resources\/unified\/bad~1key/,
        );
      });

      test('what no kernel has is an error', async ({ user }) => {
        const { code, stderr } = await user.probe('true', (config) => {
          config.linux.resources = { blockIO: { leafWeight: 300 } };
        });
        expect(code).toBe(1);
        expect(stderr).toContain('Linux has had no leaf weights since 5.0');
      });

      test('every verb works, or says that there is no cgroup', async ({ user }) => {
        const bundle = await user.bundle((config) => {
          rootless(config);
          limited(config);
          config.process.args = ['sh', '-c', 'sleep 101 & sleep 102; true'];
        });
        const id = user.id();
        await user.ok(['run', '-d', '--bundle', bundle.path, id]);
        const { pid = 0 }: State = JSON.parse((await user.ok(['state', id])).stdout);
        const pids: number[] = await eventually('all have started', async () => {
          const found = JSON.parse((await user.ok(['ps', '--format', 'json', id])).stdout);
          return found.length === 3 ? found : undefined;
        });
        expect(pids).toContain(pid);
        expect((await user.ok(['exec', id, 'echo', 'inside'])).stdout).toBe('inside\n');
        const stats = JSON.parse((await user.ok(['events', '--stats', id])).stdout);
        expect(stats).toMatchObject({ type: 'stats', id, data: { pids: {} } });
        const refused = async (...words: string[]): Promise<string> => {
          const { code, stderr } = await user.tsrunc(words);
          expect([words, code]).toEqual([words, words[0] === 'exec' ? 255 : 1]);
          return stderr;
        };
        const why = 'none was delegated to its user';
        expect(await refused('pause', id)).toContain(`cannot be paused: it has no cgroup (${why})`);
        expect(await refused('resume', id)).toContain('container not paused');
        expect(await refused('update', '--memory', '32M', id)).toContain(`The container cannot be limited: ${why}`);
        expect(await refused('exec', '--cgroup', 'child', id, 'true')).toContain('the container has no cgroup');
        expect((await user.ok(['state', id])).stdout).toContain('"running"');
        await user.ok(['kill', '--all', id, 'KILL']);
        await eventually('all have ended', async () => pids.every((each) => !existsSync(`/proc/${each}`)) || undefined);
        await user.ok(['delete', id]);
      });
    });

    describe('on a read-only cgroup file system', () => {
      const all = `for each in /sys/fs/cgroup /sys/fs/cgroup/*; do mountpoint -q $each && ${readOnly('$each')}; done`;
      const some = `${readOnly('/sys/fs/cgroup/memory')}; ${readOnly('/sys/fs/cgroup/pids')}`;

      test.for<[string, string]>([['all of it', all], ...(isCgroupV2 ? [] : [['a part', some] as [string, string]])])(
        'it runs, and hears what is not applied (%s)',
        async ([, prepare], { user }) => {
          const { code, stdout, stderr } = await user.probe('echo ran', limited, { prepare });
          expect({ code, stdout, lines: lines(stderr).length }).toEqual({ code: 0, stdout: 'ran\n', lines: 1 });
          expect(listed(stderr)).toEqual(fields);
        },
      );

      test('root of a user namespace does as well', async ({ box }) => {
        const bundle = await box.bundle((config) => {
          limited(config);
          config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
          config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs');
          config.process.args = ['echo', 'ran'];
        });
        const words = ['--root', box.root, 'run', '--bundle', bundle.path, box.id()];
        const inside = ['unshare', '--user', '--map-root-user', runtime, ...words];
        const { code, stdout, stderr } = await exec('unshare', [
          '-m',
          'sh',
          '-ec',
          `${all}; exec "$@"`,
          'sh',
          ...inside,
        ]);
        expect({ code, stdout, lines: lines(stderr).length, stderr }).toMatchObject({
          code: 0,
          stdout: 'ran\n',
          lines: 1,
        });
        expect(listed(stderr)).toEqual(fields);
      });
    });

    // systemd does not delegate controllers of cgroup v1; an administrator can.
    describe.skipIf(isCgroupV2)('with a part of the hierarchies of cgroup v1', () => {
      test('has the limits that can be, and hears of the others', async ({ user, box }) => {
        const name = box.id();
        const own = `/sys/fs/cgroup/pids/${name}`;
        mkdirSync(own);
        try {
          chownSync(own, uid, gid);
          const bundle = await user.bundle((config) => {
            rootless(config);
            limited(config);
            config.linux.cgroupsPath = `/${name}/leaf`;
            config.process.args = ['sleep', '100'];
          });
          const id = user.id();
          const { stderr } = await user.ok(['run', '-d', '--bundle', bundle.path, id]);
          const isOthers = (field: string) => field !== 'linux.resources.pids.limit';
          expect(listed(stderr)).toEqual(['linux.cgroupsPath', ...fields.filter(isOthers)]);
          expect(stderr).not.toContain(own);
          const limit = () => readFileSync(`${own}/leaf/pids.max`, 'utf8').trim();
          expect(limit()).toBe('17');
          expect(JSON.parse((await user.ok(['ps', '--format', 'json', id])).stdout)).toHaveLength(1);
          await user.ok(['update', '--pids-limit', '18', id]);
          expect((await user.ok(['exec', id, 'cat', '/proc/self/cgroup'])).stdout).toContain(`:pids:/${name}/leaf\n`);
          const { code, stderr: refusal } = await user.tsrunc(['update', '--pids-limit', '19', '--memory', '32M', id]);
          expect([code, limit()]).toEqual([1, '18']);
          expect(refusal).toContain('is not delegated to its user; everything is as before');
          expect((await user.tsrunc(['pause', id])).stderr).toContain('it has no cgroup of the freezer controller');
          // As the versions wrote it that did not tell what they had not made.
          rewrite(join(user.runtimeDirectory, 'tsrunc', id, 'state.json'), ({ cgroup }) => {
            cgroup?.places.push(...(cgroup.withheld ?? []));
            delete cgroup?.withheld;
          });
          expect((await user.ok(['exec', id, 'cat', '/proc/self/cgroup'])).stdout).toContain(`:pids:/${name}/leaf\n`);
          await user.ok(['kill', '--all', id, 'KILL']);
          await user.ok(['delete', '--force', id]);
          expect(readdirSync(own, { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([]);
        } finally {
          await user.close();
          rmdirSync(own);
        }
      });

      test('a limit of kernel memory is no error, whether the kernel has one or not', async ({ user, box }) => {
        const name = box.id();
        const own = `/sys/fs/cgroup/memory/${name}`;
        mkdirSync(own);
        try {
          chownSync(own, uid, gid);
          const { code, stdout, stderr } = await user.probe('echo ran', (config) => {
            config.linux.resources = { memory: { kernel: 16 << 20 } };
            config.linux.cgroupsPath = `/${name}/leaf`;
          });
          expect({ code, stdout }).toEqual({ code: 0, stdout: 'ran\n' });
          expect(listed(stderr)).toEqual(['linux.cgroupsPath']);
        } finally {
          await user.close();
          rmdirSync(own);
        }
      });

      test.for(['run', 'create'])(
        "%s: another's cgroup that is there is listed, and stays",
        async (verb, { user, box }) => {
          const name = box.id();
          const others = `/sys/fs/cgroup/pids/${name}`;
          mkdirSync(others);
          try {
            const bundle = await user.bundle((config) => {
              rootless(config);
              limited(config);
              config.linux.cgroupsPath = `/${name}`;
              config.process.args = ['true'];
            });
            const id = user.id();
            const { stderr } = await user.ok([verb, '--bundle', bundle.path, id]);
            expect(lines(stderr)).toHaveLength(1);
            expect(listed(stderr)).toEqual(['linux.cgroupsPath', ...fields]);
            expect(stderr).toContain(others);
            if (verb === 'create') await user.ok(['start', id]);
            await user.ok(['delete', '--force', id]);
            expect(existsSync(others)).toBe(true);
          } finally {
            await user.close();
            rmdirSync(others);
          }
        },
      );

      test('the root of the hierarchies is no place for a user', async ({ user }) => {
        const { code, stdout, stderr } = await user.probe('echo ran', (config) => {
          limited(config);
          config.linux.cgroupsPath = '/';
        });
        expect({ code, stdout }).toEqual({ code: 0, stdout: 'ran\n' });
        expect(listed(stderr)).toEqual(['linux.cgroupsPath', ...fields]);
      });
    });
  },
);

const unified = isCgroupV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/unified';

// On a hybrid host in a mount namespace where the unified hierarchy, which lacks most controllers, is all there is.
describe.skipIf(unavailable !== undefined || !isRoot || !existsSync(`${unified}/cgroup.procs`))('cgroup v2', () => {
  const onlyV2 = isCgroupV2 ? ':' : `mount --bind ${unified} /sys/fs/cgroup`;

  /** A cgroup that belongs to the user, and what makes one below it the user's own. */
  const delegated = async (
    user: Ordinary,
    work: (name: string, inside: { readonly prepare: string }) => Promise<void>,
  ): Promise<void> => {
    const name = uniqueId();
    const own = join(unified, name);
    for (const directory of [own, join(own, 'runner')]) {
      mkdirSync(directory);
      for (const file of ['.', 'cgroup.procs', 'cgroup.subtree_control']) chownSync(join(directory, file), uid, gid);
    }
    try {
      await work(name, { prepare: `echo 0 > ${own}/runner/cgroup.procs; ${onlyV2}` });
    } finally {
      await user.close();
      rmdirSync(join(own, 'runner'));
      rmdirSync(own);
    }
  };

  const asking = (config: Config): void => {
    rootless(config);
    limited(config);
    config.linux.resources = { ...config.linux.resources, unified: { 'cgroup.max.depth': '3', 'nosuch.max': '1' } };
    config.process.args = ['sleep', '100'];
  };

  test('delegated, but for the controllers: what can be is applied, the rest listed', async ({ user }) =>
    delegated(user, async (name, inside) => {
      const bundle = await user.bundle(asking);
      const id = user.id(inside);
      const { stderr } = await user.ok(['run', '-d', '--bundle', bundle.path, id], inside);
      expect(lines(stderr)).toHaveLength(1);
      expect(listed(stderr)).toContain('linux.resources.unified["nosuch.max"]');
      expect(stderr).toMatch(
        new RegExp(`the controllers delegated to uid ${uid} lack .*nosuch: /sys/fs/cgroup/${name}/`),
      );
      expect(stderr).toContain(`systemctl edit user@${uid}.service`);
      const directory = join(unified, name, id);
      expect(readFileSync(join(directory, 'cgroup.max.depth'), 'utf8')).toBe('3\n');
      const { pid }: State = JSON.parse((await user.ok(['state', id], inside)).stdout);
      expect(lines(readFileSync(join(directory, 'cgroup.procs'), 'utf8'))).toEqual([String(pid)]);
      const shown = 'grep ^0:: /proc/self/cgroup';
      expect((await user.ok(['exec', id, 'sh', '-c', shown], inside)).stdout).toBe(`0::/${name}/${id}\n`);
      await user.ok(['pause', id], inside);
      await user.ok(['resume', id], inside);
      const { code, stderr: refusal } = await user.tsrunc(['update', '--resources', '-', id], inside, {
        stdin: JSON.stringify({ unified: { 'nosuch.max': '2' } }),
      });
      expect(code).toBe(1);
      expect(refusal).toContain('the nosuch controller is not available');
      await user.ok(['delete', '--force', id], inside);
      expect(existsSync(directory)).toBe(false);
    }));

  test('an update of a controller that was not delegated is refused, and nothing changes', async ({ user, skip }) => {
    const handedDown = readFileSync(`${unified}/cgroup.subtree_control`, 'utf8');
    skip(handedDown.includes('cpuset'), 'root’s cgroup hands the controller down');
    await delegated(user, async (name, inside) => {
      const bundle = await user.bundle(asking);
      const id = user.id(inside);
      await user.ok(['run', '-d', '--bundle', bundle.path, id], inside);
      const update = (resources: Resources) =>
        user.tsrunc(['update', '--report', '-r', '-', id], inside, { stdin: JSON.stringify(resources) });
      const refused = await update({ cpu: { cpus: '0' }, unified: { 'cgroup.max.depth': '4' } });
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /Cannot set cpuset\.cpus to "0": the cpuset controller is not available: .*; everything is as before/,
      );
      expect(readFileSync(join(unified, name, id, 'cgroup.max.depth'), 'utf8')).toBe('3\n');
      const { stdout } = await update({ unified: { 'cgroup.max.depth': '4' } });
      expect(stdout).toBe('cgroup.max.depth: 3 -> 4\n');
    });
  });

  /** A container in a delegated cgroup, for verbs of a caller that is not in it. */
  const fromOutside = (
    user: Ordinary,
    patch: (config: Config) => void,
    work: (id: string, directory: string, inside: { readonly prepare: string }) => Promise<void>,
  ): Promise<void> =>
    delegated(user, async (name, inside) => {
      const bundle = await user.bundle((config) => {
        asking(config);
        patch(config);
      });
      const id = user.id(inside);
      await user.ok(['run', '-d', '--bundle', bundle.path, id], inside);
      await work(id, `/sys/fs/cgroup/${name}/${id}`, inside);
    });
  const outside = { prepare: onlyV2 };

  test.for<[string, Config['process']['execCPUAffinity']]>([
    ['it runs, and says what does not reach it', undefined],
    ['so does one with an initial affinity, which is not born there', { initial: '0' }],
  ])('exec from outside of what is delegated: %s', async ([, affinity], { user }) =>
    fromOutside(
      user,
      (config) => {
        if (affinity !== undefined) config.process.execCPUAffinity = affinity;
      },
      async (id, directory, inside) => {
        const { stdout, stderr } = await user.ok(['exec', id, 'echo', 'inside'], outside);
        expect(stdout).toBe('inside\n');
        expect(stderr).toMatch(/^tsrunc: warning: Limits, pause, ps and kill --all do not reach this process.*\n$/);
        expect(stderr).toContain(directory);
        const shown = ['exec', id, 'grep', '^0::', '/proc/self/cgroup'];
        expect(await user.ok(shown, inside)).toMatchObject({ stdout: `0::${directory.slice(14)}\n`, stderr: '' });
      },
    ),
  );

  test('exec from outside with --cgroup is an error', async ({ user }) =>
    fromOutside(
      user,
      () => undefined,
      async (id, directory) => {
        const child = join(unified, directory.slice(14), 'child');
        mkdirSync(child);
        const { code, stdout, stderr } = await user.tsrunc(['exec', '--cgroup', 'child', id, 'echo', 'ran'], outside);
        rmdirSync(child);
        expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
        expect(stderr).toMatch(/^tsrunc: Cannot start the process: uid \d+ may not move it from here.*\/child/);
        expect(stderr).toContain('systemd-run --user');
      },
    ));

  test('a container that shuts its cgroup does not get later processes out of its limits', async ({ user }) =>
    delegated(user, async (name, inside) => {
      const bundle = await user.bundle(asking);
      const id = user.id(inside);
      await user.ok(['run', '-d', '--bundle', bundle.path, id], inside);
      const file = join(unified, name, id, 'cgroup.procs');
      chmodSync(file, 0o444);
      const { code, stdout, stderr } = await user.tsrunc(['exec', id, 'echo', 'ran'], inside);
      expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
      expect(stderr).toContain(`/sys/fs/cgroup/${name}/${id}/cgroup.procs was given to this user`);
      chmodSync(file, 0o644);
      expect((await user.ok(['exec', id, 'echo', 'ran'], inside)).stdout).toBe('ran\n');
    }));

  test('nor one that shuts it for a moment', { timeout: patient(60_000) }, async ({ user }) =>
    delegated(user, async (name, inside) => {
      const bundle = await user.bundle(asking);
      const id = user.id(inside);
      await user.ok(['run', '-d', '--bundle', bundle.path, id], inside);
      const file = join(unified, name, id, 'cgroup.procs');
      const flap = 'for (;;) for (const mode of [0o444, 0o644]) require("fs").chmodSync(process.argv[1], mode)';
      const flapping = spawn(process.execPath, ['-e', flap, file]);
      try {
        for (let round = 0; round < 30; round++) {
          const { stdout } = await user.tsrunc(['exec', id, 'grep', '^0::', '/proc/self/cgroup'], inside);
          expect(['', `0::/${name}/${id}\n`]).toContain(stdout);
        }
      } finally {
        flapping.kill();
      }
    }),
  );

  test('exec from outside of a container without a pid namespace is an error', async ({ user }) =>
    fromOutside(
      user,
      (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
        config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
        config.linux.maskedPaths = [];
        config.linux.readonlyPaths = [];
      },
      async (id) => {
        const { code, stdout, stderr } = await user.tsrunc(['exec', id, 'echo', 'ran'], outside);
        expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
        expect(stderr).toContain('Without a pid namespace of the container');
      },
    ));

  test('a failing exec from outside of it is one line of --log', async ({ user }) =>
    fromOutside(
      user,
      () => undefined,
      async (id) => {
        const { log, words } = logged(user);
        expect((await user.tsrunc([...words, 'exec', id, 'nosuch'], outside)).code).not.toBe(0);
        expect(log()).toEqual([expect.objectContaining({ level: 'error' })]);
      },
    ));

  const verdicts: readonly (readonly [string, Resources, string])[] = [
    ['a mark of packets', { network: { classID: 5 } }, 'network.classID cannot be applied: only cgroup v1 has it'],
    [
      'no OOM killer',
      { memory: { disableOOMKiller: true } },
      'disableOOMKiller cannot be applied: only cgroup v1 has it',
    ],
    ['kernel memory', { memory: { kernel: 16 << 20 } }, 'memory.kernel cannot be applied: only cgroup v1 has it'],
    ['a leaf weight', { blockIO: { leafWeight: 300 } }, 'Linux has had no leaf weights since 5.0'],
    ['real-time', { cpu: { realtimeRuntime: 5000 } }, 'cgroup v2 does not divide real-time run time'],
    ['a name that is none', { unified: { 'bad/key': '1' } }, '"bad/key" is not the name of a cgroup file'],
    ['a swap below the limit', { memory: { limit: 20 << 20, swap: 10 << 20 } }, 'is below memory.limit'],
  ];

  test.for(verdicts)('%s is refused, with and without a cgroup', async ([, resources, says], { user }) =>
    delegated(user, async (_, inside) => {
      for (const how of [inside, { prepare: onlyV2 }]) {
        const ask = (config: Config) => {
          config.linux.resources = resources;
        };
        const { code, stderr } = await user.probe('true', ask, how);
        expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) });
        expect(stderr).not.toContain('delegate');
      }
    }),
  );

  test('what only v1 would refuse is listed', async ({ user }) => {
    const ask = (config: Config) => {
      config.linux.resources = { cpu: { shares: 1 } };
    };
    const { code, stderr } = await user.probe('true', ask, { prepare: onlyV2 });
    expect({ code, fields: listed(stderr) }).toEqual({ code: 0, fields: ['linux.resources.cpu.shares'] });
  });

  test('read-only: it runs, and hears what is not applied', async ({ user }) => {
    const prepare = `${onlyV2}; ${readOnly('/sys/fs/cgroup')}`;
    const { code, stdout, stderr } = await user.probe('echo ran', limited, { prepare });
    expect({ code, stdout, lines: lines(stderr).length }).toEqual({ code: 0, stdout: 'ran\n', lines: 1 });
    expect(listed(stderr)).toEqual(fields);
  });

  test('a path that may be made but not entered is listed, and not left behind', async ({ user }) =>
    delegated(user, async (name, inside) => {
      const bundle = await user.bundle((config) => {
        asking(config);
        config.linux.cgroupsPath = `/${name}/leaf`;
      });
      const id = user.id(inside);
      const { stderr } = await user.ok(['run', '-d', '--bundle', bundle.path, id], { prepare: onlyV2 });
      expect(listed(stderr)).toContain('linux.cgroupsPath');
      expect(stderr).toContain(
        `the cgroup is not delegated to uid ${uid}: /sys/fs/cgroup/${name}/leaf. Use --systemd-cgroup`,
      );
      expect(existsSync(join(unified, name, 'leaf'))).toBe(false);
    }));

  test('the same with --rootless=false is an error that names the cgroup, and nothing is left', async ({ user }) =>
    delegated(user, async (name, inside) => {
      const bundle = await user.bundle((config) => {
        asking(config);
        config.linux.resources = {};
        config.linux.cgroupsPath = `/${name}/leaf`;
      });
      const words = ['--rootless', 'false', 'run', '--bundle', bundle.path, user.id(inside)];
      const { code, stderr } = await user.tsrunc(words, { prepare: onlyV2 });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^tsrunc: Cannot make the cgroup \S+\/leaf: permission denied/);
      expect(existsSync(join(unified, name, 'leaf'))).toBe(false);
    }));
});

const session = process.env.XDG_RUNTIME_DIR;

// npm run test:vm -- --mode user
describe.skipIf(unavailable !== undefined || isRoot || !existsSync(`${session}/systemd/private`))(
  'an ordinary user in a session of systemd',
  () => {
    const how = { env: { XDG_RUNTIME_DIR: session } };
    const managers = [
      ['cgroupfs', []],
      ['systemd', ['--systemd-cgroup']],
    ] as const;

    const outcome = async (user: Ordinary, manager: readonly string[], patch: (config: Config) => void) => {
      const bundle = await user.bundle((config) => {
        rootless(config);
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
        config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs');
        patch(config);
      });
      return user.tsrunc([...manager, 'run', '--bundle', bundle.path, user.id(how)], how);
    };

    test.for(managers)('has limits of memory that hold (%s)', async ([, manager], { user }) => {
      const { code, stderr } = await outcome(user, manager, (config) => {
        config.linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
        config.process.args = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'];
      });
      expect({ code, stderr }).toEqual({ code: 137, stderr: '' });
    });

    test.for(managers)('has limits of processes that hold (%s)', async ([, manager], { user }) => {
      const { stdout, stderr } = await outcome(user, manager, (config) => {
        config.linux.resources = { pids: { limit: 3 } };
        config.process.args = ['sh', '-c', 'for each in 1 2 3 4; do echo $each; sleep 60 & done'];
      });
      expect(stdout).toBe('1\n2\n3\n');
      expect(stderr).toContain("can't fork");
      expect(stderr).not.toContain('Not applied');
    });

    test.for(managers)('hears what its systemd was not given (%s)', async ([, manager], { user }) => {
      const { code, stdout, stderr } = await outcome(user, manager, (config) => {
        config.linux.resources = { pids: { limit: 30 }, hugepageLimits: [{ pageSize: '2MB', limit: 2 << 20 }] };
        config.process.args = ['echo', 'ran'];
      });
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'ran\n' });
      expect(listed(stderr)).toEqual(['linux.resources.hugepageLimits[0].limit']);
      expect(stderr).toContain(`the controllers delegated to uid ${uid} lack hugetlb`);
      expect(stderr).toContain(`systemctl edit user@${uid}.service`);
    });
  },
);

describe.skipIf(!isRoot)('root', () => {
  test.skipIf(!existsSync(`${unified}/cgroup.procs`))(
    'has what can be written below a mount that cannot',
    async ({ box }) => {
      const name = uniqueId();
      mkdirSync(join(unified, name));
      const bundle = await box.bundle((config) => {
        config.linux.cgroupsPath = `/${name}/leaf`;
        config.linux.resources = {};
        config.process.args = ['grep', '^0::', '/proc/self/cgroup'];
      });
      const mounts = [
        ...(isCgroupV2 ? [] : [`mount --bind ${unified} /sys/fs/cgroup`]),
        `mount --bind /sys/fs/cgroup/${name} /sys/fs/cgroup/${name}`,
        'mount -o remount,bind,ro /sys/fs/cgroup',
      ].join(' && ');
      const words = ['--root', box.root, 'run', '--bundle', bundle.path, box.id()];
      try {
        const { stdout, stderr } = await exec('unshare', [
          '-m',
          'sh',
          '-c',
          `${mounts} && "$@"`,
          'sh',
          runtime,
          ...words,
        ]);
        expect({ stdout, stderr }).toEqual({ stdout: `0::/${name}/leaf\n`, stderr: '' });
      } finally {
        rmdirSync(join(unified, name));
      }
    },
  );

  test('is refused where the cgroup cannot be made', async ({ box }) => {
    const bundle = await box.bundle(limited);
    const mounts =
      'for each in /sys/fs/cgroup /sys/fs/cgroup/*; do mountpoint -q $each && mount -o remount,bind,ro $each; done';
    const words = ['--root', box.root, 'run', '--bundle', bundle.path, box.id()];
    const { code, stderr } = await exec('unshare', ['-m', 'sh', '-c', `${mounts}; exec "$@"`, 'sh', runtime, ...words]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot make the cgroup .*: read-only file system|only cgroup v2 has such files/);
  });
});

/** Containers of an ordinary user of the host: no privileges, with and without subordinate ids. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { State } from '../src/config/spec.ts';
import { alive, type Bundle, test as base, type Config, exec, expect, uniqueId } from './support/box.ts';
import { withoutCriu } from './support/criu.ts';
import { isRoot, runtime } from './support/host.ts';
import { namespaceOf } from './support/namespaces.ts';
import { gid, Ordinary, rootless, subordinate, uid, unavailable, withSubordinateIds } from './support/ordinary.ts';
import { eventually } from './support/process.ts';

const test = base.extend<{ user: Ordinary }>({
  user: async ({ box }, use) => {
    const user = new Ordinary(box);
    await use(user);
    await user.close();
  },
});

/** Under circumstances that only root can make. */
const asRoot = test.skipIf(!isRoot);

const lines = (text: string): string[] => text.trimEnd().split('\n');
const ids = (text: string): number[][] => lines(text).map((line) => line.trim().split(/\s+/).map(Number));

const configOf = (bundle: Bundle): Config => JSON.parse(readFileSync(join(bundle.path, 'config.json'), 'utf8'));

/** `tsrunc spec --rootless`, then this script instead of a shell. */
const specified = async (user: Ordinary, script: string, how = {}): Promise<Bundle> => {
  const bundle = await user.bundle();
  const file = join(bundle.path, 'config.json');
  renameSync(file, `${file}.old`);
  await user.ok(['spec', '--rootless', '--bundle', bundle.path], how);
  const config = configOf(bundle);
  config.process.terminal = false;
  config.process.args = ['sh', '-c', script];
  config.process.env = ['PATH=/bin'];
  writeFileSync(file, JSON.stringify(config));
  return bundle;
};

describe.skipIf(unavailable)(`an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  // Covers /linux/{uidMappings,gidMappings}
  describe('spec --rootless && run', () => {
    const script = 'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map';

    asRoot('without subordinate ids: root inside is the user outside', async ({ user }) => {
      const bundle = await specified(user, script);
      const [inside, group, ...maps] = lines((await user.run(bundle)).stdout);
      expect([inside, group]).toEqual(['0', '0']);
      expect(ids(maps.join('\n'))).toEqual([
        [0, uid, 1],
        [0, gid, 1],
      ]);
    });

    test('with them: the whole ranges are mapped by newuidmap and newgidmap', async ({ user }) => {
      const bundle = await specified(user, script, { subordinate: true });
      const [, , ...maps] = lines((await user.run(bundle, { subordinate: true })).stdout);
      const range = [1, subordinate.first, subordinate.count];
      expect(ids(maps.join('\n'))).toEqual([[0, uid, 1], range, [0, gid, 1], range]);
    });

    asRoot.for([
      ['without the mapping programs', { subordinate: true, env: { PATH: '/nowhere' } }],
      ['with subordinate ids, but no account', { subordinate: true, known: false }],
    ] as const)('%s', async ([, how], { user }) => {
      const bundle = await specified(user, 'id -u', how);
      expect(configOf(bundle).linux.uidMappings?.[0]).toEqual({ containerID: 0, hostID: uid, size: 1 });
    });

    test('users inside are subordinate ids outside', async ({ user }) => {
      const capabilities = ['CAP_CHOWN'];
      const { stdout } = await user.probe(
        'touch /tmp/mine /tmp/yours; chown 7:8 /tmp/yours; stat -c %u:%g /tmp/mine /tmp/yours; pwd -P',
        (config) => {
          withSubordinateIds(config);
          config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
          config.mounts.push({
            destination: '/tmp',
            type: 'bind',
            source: user.runtimeDirectory,
            options: ['bind', 'rw'],
          });
        },
        { subordinate: true },
      );
      expect(lines(stdout)).toEqual(['0:0', '7:8', '/']);
      const owner = (name: string) => {
        const { uid: u, gid: g } = lstatSync(join(user.runtimeDirectory, name));
        return [u, g];
      };
      expect(owner('mine')).toEqual([uid, gid]);
      expect(owner('yours')).toEqual([subordinate.first + 6, subordinate.first + 7]);
    });
  });

  describe('supplementary groups', () => {
    const groups = 'grep Groups /proc/self/status; cat /proc/self/setgroups';
    const withGroups = { groups: [gid, 40_001], subordinate: true };

    asRoot('of the caller stay, where the kernel lets nobody drop them', async ({ user }) => {
      const { stdout } = await user.probe(groups, undefined, withGroups);
      expect(lines(stdout)).toEqual([expect.stringMatching(/^Groups:\t65534 0/), 'deny']);
    });

    asRoot('of the caller are dropped with newgidmap', async ({ user }) => {
      const { stdout } = await user.probe(groups, withSubordinateIds, withGroups);
      expect(lines(stdout)).toEqual([expect.stringMatching(/^Groups:\s*$/), 'allow']);
    });

    const asking = (config: Config): void => {
      config.process.user = { uid: 0, gid: 0, additionalGids: [5] };
    };

    asRoot('of the config are set with newgidmap', async ({ user }) => {
      const patch = (config: Config): void => {
        withSubordinateIds(config);
        asking(config);
      };
      const { stdout } = await user.probe('id -G', patch, withGroups);
      expect(stdout).toBe('0 5\n');
    });

    test('of the config are refused without', async ({ user }) => {
      const { code, stderr } = await user.probe('true', asking);
      expect(code).toBe(1);
      expect(stderr).toMatch(/\/process\/user/);
    });
  });

  test('an oomScoreAdj below the one of the caller leaves that, and only the debug log says so', async ({ user }) => {
    const file = '/proc/self/oom_score_adj';
    const own = Number((await user.exec(['cat', file])).stdout);
    const lower = (config: Config): void => {
      config.process.oomScoreAdj = -1000;
    };
    expect(own).toBeGreaterThan(-1000);
    expect(await user.probe(`cat ${file}`, lower)).toMatchObject({ code: 0, stdout: `${own}\n`, stderr: '' });
    const bundle = await user.bundle((config) => {
      rootless(config);
      lower(config);
    });
    const { stderr } = await user.ok(['--debug', 'run', '--bundle', bundle.path, uniqueId()]);
    expect(stderr).toContain(`oomScoreAdj stays at ${own}: uid ${uid} may not lower it to -1000`);
  });

  describe('the state directory', () => {
    test('is private, below XDG_RUNTIME_DIR, and safe from its cleaners', async ({ user }) => {
      await user.probe('true');
      const root = statSync(join(user.runtimeDirectory, 'tsrunc'));
      expect([root.uid, root.mode & 0o7777]).toEqual([uid, 0o1700]);
    });

    asRoot.for([
      [undefined, 'rmdir /run/tsrunc'],
      ['', 'true'],
    ] as const)('without XDG_RUNTIME_DIR (%s) the user is told', async ([value, change], { user }) => {
      const prepare = `mount -t tmpfs -o mode=755 tmpfs /run; mkdir -m 700 /run/tsrunc; ${change}`;
      const { code, stderr } = await user.probe('true', undefined, { prepare, env: { XDG_RUNTIME_DIR: value } });
      expect(code).toBe(1);
      expect(stderr).toMatch(/Cannot make the state directory "\/run\/tsrunc.*": EACCES/);
      expect(stderr).toContain('Set XDG_RUNTIME_DIR to a directory of your own, or give another --root.');
    });

    test('may be any other of the user', async ({ user }) => {
      const root = join(user.home, 'elsewhere');
      const bundle = await user.bundle(rootless);
      const id = user.id();
      const how = { env: { XDG_RUNTIME_DIR: undefined } };
      await user.ok(['--root', root, 'create', '--bundle', bundle.path, id], how);
      expect(statSync(join(root, id, 'state.json')).uid).toBe(uid);
      await user.ok(['--root', root, 'delete', id], how);
      expect(existsSync(join(root, id))).toBe(false);
    });
  });

  describe('every verb', () => {
    const sleeping = (user: Ordinary) =>
      user.bundle((config) => {
        rootless(config);
        config.process.args = ['sleep', '100'];
      });

    test('create, state, list, start, kill, delete', async ({ user }) => {
      const bundle = await sleeping(user);
      const id = user.id();
      await user.ok(['create', '--bundle', bundle.path, id]);
      const state = async (): Promise<State> => JSON.parse((await user.ok(['state', id])).stdout);
      const { status, pid } = await state();
      expect(status).toBe('created');
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\t${uid}\t${uid}\t`, 'm'));
      const [row] = JSON.parse((await user.ok(['list', '--format', 'json'])).stdout);
      expect(row).toMatchObject({ id, status: 'created', pid });
      await user.ok(['start', id]);
      expect((await state()).status).toBe('running');
      expect((await user.tsrunc(['delete', id])).code).toBe(1);
      await user.ok(['kill', id, 'KILL']);
      await eventually('it has stopped', async () => (await state()).status === 'stopped' || undefined);
      await user.ok(['delete', id]);
      expect((await user.ok(['list', '--quiet'])).stdout).toBe('');
    });

    test('delete --force, in every state', async ({ user }) => {
      const bundle = await sleeping(user);
      const id = user.id();
      for (const steps of [['create'], ['create', 'start'], ['run']]) {
        for (const step of steps) {
          const words = step === 'start' ? [id] : [...(step === 'run' ? ['-d'] : []), '--bundle', bundle.path, id];
          await user.ok([step, ...words]);
        }
        await user.ok(['delete', '--force', id]);
        expect((await user.ok(['list', '--quiet'])).stdout).toBe('');
      }
    });

    test('a foreground run has the exit status of its program and leaves nothing', async ({ user }) => {
      const { code, stdout } = await user.probe('echo out; exit 3');
      expect([code, stdout]).toEqual([3, 'out\n']);
      expect((await user.ok(['list', '--quiet'])).stdout).toBe('');
    });

    test('a terminal', async ({ user }) => {
      const { stdout } = await user.probe('tty; stat -c %u $(tty); echo typed > /dev/console', (config) => {
        config.process.terminal = true;
      });
      expect(stdout.replaceAll('\r', '')).toBe('/dev/pts/0\n0\ntyped\n');
    });
  });

  describe.skipIf(!isRoot)('root is not misled by the state of a user', () => {
    /** A container of the user, whose record then names a process of root. */
    const forged = async (user: Ordinary): Promise<{ id: string; root: string; victim: ChildProcess }> => {
      const id = user.id();
      const bundle = await user.bundle(rootless);
      await user.ok(['create', '--bundle', bundle.path, id]);
      await user.ok(['kill', id, 'KILL']);
      const root = join(user.runtimeDirectory, 'tsrunc');
      const file = join(root, id, 'state.json');
      const victim = spawn('sleep', ['100'], { stdio: 'ignore' });
      const started = readFileSync(`/proc/${victim.pid}/stat`, 'utf8').split(' ')[21];
      const record = { ...JSON.parse(readFileSync(file, 'utf8')), pid: victim.pid, startTime: Number(started) };
      writeFileSync(file, JSON.stringify(record));
      return { id, root, victim };
    };

    test('every verb refuses it, and says how it is done', async ({ user, box }) => {
      const { id, root, victim } = await forged(user);
      const bundle = await box.bundle();
      const bundled = ['--bundle', bundle.path, uniqueId()];
      const rows: readonly (readonly string[])[] = [
        ...['state', 'ps', 'events', 'start', 'pause', 'resume', 'checkpoint'].map((verb) => [verb, id]),
        ['events', '--stats', id],
        ['update', '--pids-limit', '9', id],
        ['kill', id, 'KILL'],
        ['kill', '--all', id, 'KILL'],
        ['delete', '--force', id],
        ['exec', id, 'true'],
        ['list'],
        ['create', ...bundled],
        ['run', ...bundled],
        ...(withoutCriu === undefined ? [['restore', '--image-path', bundle.path, ...bundled]] : []),
      ];
      try {
        for (const words of rows) {
          const { code, stderr } = await exec(runtime, ['--root', root, ...words]);
          expect([words, code]).toEqual([words, words[0] === 'exec' ? 255 : 1]);
          expect(stderr).toContain(`belongs to uid ${uid}, and this is uid 0`);
          expect(stderr).toContain(`sudo -u '#${uid}' tsrunc`);
        }
        expect(alive(victim.pid)).toBe(true);
        expect(readdirSync(root)).toEqual([id]);
      } finally {
        victim.kill('SIGKILL');
        await user.ok(['delete', '--force', id]);
      }
    });

    test('a link to a container of the user is none of root', async ({ user, box }) => {
      const { id, root, victim } = await forged(user);
      mkdirSync(box.root);
      symlinkSync(join(root, id), join(box.root, id));
      try {
        expect((await box.tsrunc('kill', id, 'KILL')).stderr).toContain('container does not exist');
        expect(alive(victim.pid)).toBe(true);
      } finally {
        victim.kill('SIGKILL');
        await user.ok(['delete', '--force', id]);
      }
    });
  });

  describe('a second container', () => {
    test('joins the namespaces of the first, its user namespace too', async ({ user }) => {
      const first = await user.bundle((config) => {
        rootless(config);
        config.process.args = ['sh', '-c', 'hostname first; exec sleep 100'];
        const capabilities = ['CAP_SYS_ADMIN'];
        config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
      });
      const id = user.id();
      await user.ok(['run', '-d', '--bundle', first.path, id]);
      const { pid = 0 }: State = JSON.parse((await user.ok(['state', id])).stdout);
      const second = await user.bundle((config) => {
        const files = { user: 'user', network: 'net', ipc: 'ipc', uts: 'uts', pid: 'pid' } as const;
        const joined = (['user', 'network', 'ipc', 'uts', 'pid'] as const).map((type) => ({
          type,
          path: `/proc/${pid}/ns/${files[type]}`,
        }));
        config.linux.namespaces = [...joined, { type: 'mount' }];
        delete config.hostname;
        config.process.args = ['sh', '-c', 'readlink /proc/self/ns/user; hostname; cat /proc/1/comm; id -u'];
      });
      const shared = namespaceOf(pid, 'user');
      const { stdout } = await user.run(second);
      await user.ok(['delete', '--force', id]);
      expect(lines(stdout)).toEqual([shared, 'first', 'sleep', '0']);
    });

    test('joins a network namespace that its own user namespace does not own: refused with the reason', async ({
      user,
    }) => {
      const first = await user.bundle((config) => {
        rootless(config);
        config.process.args = ['sleep', '100'];
      });
      const id = user.id();
      await user.ok(['run', '-d', '--bundle', first.path, id]);
      const { pid = 0 }: State = JSON.parse((await user.ok(['state', id])).stdout);
      const { code, stderr } = await user.probe('true', (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
        config.linux.namespaces.push({ type: 'network', path: `/proc/${pid}/ns/net` });
      });
      expect(namespaceOf(pid, 'network')).not.toBe(namespaceOf('self', 'network'));
      await user.ok(['delete', '--force', id]);
      expect(code).toBe(1);
      expect(stderr).toContain('Cannot join the network namespace: setns: EPERM');
      expect(stderr).toContain('join that user namespace as well');
    });
  });

  describe('mistakes are explained', () => {
    const refused = async (user: Ordinary, patch: (config: Config) => unknown, how = {}): Promise<string> => {
      const { code, stderr } = await user.probe('true', patch, how);
      expect(code).toBe(1);
      expect((await user.ok(['list', '--quiet'])).stdout).toBe('');
      return stderr;
    };

    test('no user namespace', async ({ user }) => {
      const message = await refused(user, (config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user');
        delete config.linux.uidMappings;
        delete config.linux.gidMappings;
      });
      expect(message).toMatch(/rootless container requires user namespaces \(.*\/linux\/namespaces\)/);
      expect(message).toContain('tsrunc spec --rootless');
    });

    test('newuidmap is not installed', async ({ user }) => {
      const message = await refused(user, withSubordinateIds, { subordinate: true, env: { PATH: '/nowhere' } });
      expect(message).toMatch(/^tsrunc: newgidmap is not installed, and the gid mappings map more than your own id \(/);
      expect(message).toContain('Install the package uidmap');
    });

    asRoot('newuidmap has lost its set-user-ID bit', async ({ user, box }) => {
      const copy = join(box.path, 'copy');
      const prepare = `cp $(command -v newgidmap) ${copy}; chmod 755 ${copy}; mount --bind ${copy} $(command -v newgidmap)`;
      const message = await refused(user, withSubordinateIds, { subordinate: true, prepare });
      expect(message).toContain('newgidmap refused the gid mappings');
      expect(message).toContain('newgidmap must be set-user-ID root');
    });

    asRoot('no subordinate ids, or others', async ({ user }) => {
      expect(await refused(user, withSubordinateIds)).toContain(
        'ranges in /etc/subgid can be mapped: there are none (',
      );
      const others = (config: Config): void => {
        withSubordinateIds(config);
        Object.assign(config.linux.gidMappings?.[1] ?? {}, { hostID: 1000 });
      };
      const message = await refused(user, others, { subordinate: true });
      expect(message).toMatch(/newgidmap refused the gid mappings: .*\(.*config\.json:\d+:\d+, \/linux\/gidMappings\)/);
      const { first, count } = subordinate;
      expect(message).toContain(`can be mapped: ${first}-${first + count - 1} (root adds some: usermod --add-subgids)`);
    });

    asRoot('the uid has no account', async ({ user }) => {
      const message = await refused(user, withSubordinateIds, { known: false, subordinate: true });
      expect(message).toContain(`uid ${uid} has no account in /etc/passwd, and newgidmap serves only accounts`);
    });

    test('an id of somebody else', async ({ user }) => {
      const message = await refused(user, (config) => {
        config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
      });
      expect(message).toMatch(/newuidmap refused the uid mappings: .*\/linux\/uidMappings/);
    });

    test('a user that is not mapped', async ({ user }) => {
      const message = await refused(user, (config) => {
        config.process.user = { uid: 1000, gid: 0 };
      });
      expect(message).toMatch(/config\.json:\d+:\d+, \/process\/user/);
      expect(message).toContain('linux.uidMappings');
    });

    asRoot('a root file system of somebody else, in which something is missing', async ({ user, box }) => {
      const foreign = await box.bundle();
      const message = await refused(user, (config) => {
        config.mounts.push({ destination: '/missing/here', type: 'tmpfs', source: 'tmpfs' });
        config.root.path = foreign.rootfs;
      });
      expect(message).toContain('the root file system must belong to the mapped ids');
    });
  });
});

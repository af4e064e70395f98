/** checkpoint and restore: the parts of a container that need care, and what a killed restore leaves. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { eventually, exec, expect, patient, test, uniqueId } from './support/box.ts';
import { counted, counter, ended, reaches, restoreWith, revive, save, start, startWith } from './support/checkpoint.ts';
import { withoutCriu } from './support/criu.ts';
import { cgroupDirectories, cgroupRoots, cgroupsOf, isCgroupV2, runtime } from './support/host.ts';
import { useReceiver } from './support/receive.ts';

const listen = useReceiver();

const removed = (directory: string): true | undefined => {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return undefined;
  }
};

describe.skipIf(withoutCriu !== undefined)(`parts of a restored container (${withoutCriu ?? 'criu works'})`, () => {
  test('the terminal goes to the console socket, anew', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.terminal = true;
      config.process.args = ['sh', '-c', 'i=0; while ! test -e /end; do i=$((i+1)); echo $i; sleep 0.1; done'];
    });
    const saved = { id, bundle, images: join(box.path, 'images') };
    const [first, second] = [join(box.path, 'first'), join(box.path, 'second')];
    const { output } = await listen(first);
    await box.ok('run', '-d', '-b', bundle.path, '--console-socket', first, id);
    await save(box, saved);
    const numbers = (await output).trim().split('\n').map(Number);
    const again = await listen(second);
    await revive(box, saved, '--console-socket', second);
    await new Promise((resolve) => setTimeout(resolve, 500));
    writeFileSync(join(bundle.rootfs, 'end'), '');
    const others = (await again.output).trim().split('\n').map(Number);
    expect(others.at(-1)).toBeGreaterThan(numbers.at(-1) ?? Number.NaN);
  });

  test('a terminal needs the socket here as well', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.terminal = true;
    });
    mkdirSync(join(box.path, 'images'));
    const { code, stderr } = await box.tsrunc(
      ...['restore', '-d', '-b', bundle.path, '--image-path', join(box.path, 'images'), box.id()],
    );
    expect(code).toBe(1);
    expect(stderr).toContain('cannot allocate tty if runc will detach without setting console socket');
  });

  test('hooks: those of the environment run again, poststop at the checkpoint', async ({ box }) => {
    const log = join(box.path, 'log');
    writeFileSync(log, '');
    const path = join(box.path, 'hook');
    writeFileSync(path, `#!/bin/sh\necho "$1 $(cat)" >> ${log}\n`, { mode: 0o755 });
    const lines = () => readFileSync(log, 'utf8').trim().split('\n');
    const saved = await start(box, counter, (config) => {
      const hook = (kind: string) => [{ path, args: ['hook', kind] }];
      config.hooks = {
        prestart: hook('prestart'),
        createRuntime: hook('createRuntime'),
        poststart: hook('poststart'),
        poststop: hook('poststop'),
      };
    });
    await save(box, saved);
    expect(lines().map((line) => line.split(' ')[0])).toEqual(['prestart', 'createRuntime', 'poststart', 'poststop']);
    writeFileSync(log, '');
    await revive(box, saved);
    const { pid } = await box.state(saved.id);
    const seen = lines().map((line) => line.split(' '));
    expect(seen.map(([kind]) => kind)).toEqual(['prestart', 'createRuntime']);
    expect(JSON.parse(seen[1]?.slice(1).join(' ') ?? '')).toMatchObject({ id: saved.id, pid, status: 'created' });
  });

  test('a hook that fails: the restore is undone', async ({ box }) => {
    const saved = await start(box, counter);
    await save(box, saved);
    const path = join(box.path, 'hook');
    writeFileSync(path, '#!/bin/sh\necho no such luck >&2; exit 3\n', { mode: 0o755 });
    saved.bundle.config.hooks = { createRuntime: [{ path }] };
    writeFileSync(join(saved.bundle.path, 'config.json'), JSON.stringify(saved.bundle.config));
    const { code, stderr } = await box.tsrunc(
      'restore',
      '-d',
      '-b',
      saved.bundle.path,
      '--image-path',
      saved.images,
      saved.id,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('error running createRuntime hook #0');
    expect(stderr).toContain('no such luck');
    expect(readdirSync(box.root)).toEqual([]);
  });

  test('the network namespace of somebody else is joined again', async ({ box }) => {
    const name = `tsrunc-${box.path.split('-').at(-1)}`;
    execFileSync('ip', ['netns', 'add', name]);
    try {
      const saved = await start(box, counter, (config) => {
        for (const namespace of config.linux.namespaces) {
          if (namespace.type === 'network') namespace.path = `/run/netns/${name}`;
        }
      });
      const namespace = async () => readlinkSync(`/proc/${(await box.state(saved.id)).pid}/ns/net`);
      const before = await namespace();
      await save(box, saved);
      await revive(box, saved);
      expect(await namespace()).toBe(before);
      await box.ok('delete', '--force', saved.id);
    } finally {
      execFileSync('ip', ['netns', 'delete', name]);
    }
  });

  test.skipIf(isCgroupV2)('the cgroup mount shows the cgroups of the new container', async ({ box }) => {
    const name = box.path.split('/').at(-1) ?? '';
    const saved = await start(box, counter, (config) => {
      config.linux.cgroupsPath = `/${name}`;
      config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] });
    });
    await save(box, saved);
    await revive(box, saved);
    const { stdout } = await box.ok('exec', saved.id, 'cat', '/sys/fs/cgroup/pids/cgroup.procs');
    expect(stdout.split('\n')).toContain('1');
  });

  test('a cgroup namespace', async ({ box }) => {
    const saved = await start(box, counter, (config) => {
      config.linux.namespaces.push({ type: 'cgroup' });
      config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] });
    });
    await save(box, saved);
    await revive(box, saved);
    const { stdout } = await box.ok('exec', saved.id, 'cat', '/proc/1/cgroup');
    expect(stdout).toMatch(/:\/$/m);
  });

  // On a hybrid host the container has no cgroup of its own in the hierarchy of v2.
  test.for([
    ['with cgroups', []],
    ['without', ['--cgroup-manager=disabled']],
  ] as const)('cgroups of others are not the container’s: %s', async ([, global], { box }) => {
    const bystander = `${uniqueId()}-bystander`;
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', counter];
    });
    const saved = { id, bundle, images: join(box.path, 'images') };
    await box.ok(...global, 'run', '-d', '-b', bundle.path, id);
    const { pid } = await box.state(id);
    const own = cgroupsOf('self');
    const bystanders = cgroupsOf(pid)
      .filter((path) => own.includes(path))
      .map((path) => join(path, bystander));
    for (const path of bystanders) mkdirSync(path);
    await save(box, saved).finally(() => bystanders.forEach((path) => void rmdirSync(path)));
    await box.ok(...global, 'restore', '-d', '-b', bundle.path, '--image-path', saved.images, id);
    const revived = bystanders.filter((path) => existsSync(path));
    for (const path of revived) rmdirSync(path);
    expect(revived).toEqual([]);
    await reaches(saved, counted(saved) + 2);
  });

  const v2 = cgroupRoots().find(
    (root) => existsSync(join(root, 'cgroup.procs')) && existsSync(join(root, 'cgroup.controllers')),
  );
  test.skipIf(v2 === undefined).for([
    ['without cgroups', [], '--cgroup-manager=disabled'],
    ['with cgroups', [], '--cgroup-manager=cgroupfs'],
    ['in a cgroup namespace', [{ type: 'cgroup' as const }], '--cgroup-manager=disabled'],
  ] as const)('the cgroup of who ran it does not come back: %s', async ([, namespaces, manager], { box }) => {
    const session = join(v2 ?? '', uniqueId());
    mkdirSync(session);
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', counter];
      config.linux.namespaces.push(...namespaces);
    });
    const saved = { id, bundle, images: join(box.path, 'images') };
    const run = [runtime, '--root', box.root, '--cgroup-manager=disabled', 'run', '-d', '-b', bundle.path, id];
    const inside = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    expect(await exec('sh', ['-c', inside, session, ...run])).toMatchObject({ code: 0, stderr: '' });
    await save(box, saved);
    await eventually('the session ends', () => removed(session));
    await box.ok(manager, 'restore', '-d', '-b', bundle.path, '--image-path', saved.images, id);
    const before = counted(saved);
    await reaches(saved, before + 2);
    const { pid } = await box.state(id);
    const own = cgroupsOf('self');
    for (const path of cgroupsOf(pid)) expect(own.includes(path) || path.endsWith(`/${id}`)).toBe(true);
    expect(cgroupsOf(pid).some((path) => path.endsWith(`/${id}`))).toBe(manager.endsWith('cgroupfs'));
  });

  test('a root file system that is a mountpoint', async ({ box }) => {
    const saved = await start(box, counter);
    await box.ok('delete', '--force', saved.id);
    execFileSync('mount', ['--bind', saved.bundle.rootfs, saved.bundle.rootfs]);
    try {
      await box.ok('run', '-d', '-b', saved.bundle.path, saved.id);
      await save(box, saved);
      const before = counted(saved);
      await revive(box, saved);
      await reaches(saved, before + 2);
      await box.ok('delete', '--force', saved.id);
    } finally {
      execFileSync('umount', [saved.bundle.rootfs]);
    }
  });

  test('a user namespace', async ({ box }) => {
    const saved = await startWith(box, 'while :; do date +%s%N > /tmp/now; sleep 0.1; done', 'ignore', (config) => {
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
      config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
      config.root.readonly = true;
    });
    await save(box, saved);
    // Searchable for the group of its root user, and not for everybody: the images hold its memory.
    const { mode, gid } = statSync(saved.images);
    expect({ mode: mode & 0o777, gid }).toEqual({ mode: 0o710, gid: 200_000 });
    await revive(box, saved);
    const now = async () => (await box.ok('exec', saved.id, 'cat', '/tmp/now')).stdout;
    const before = await now();
    await expect.poll(now, { timeout: patient(10_000) }).not.toBe(before);
    const { pid } = await box.state(saved.id);
    expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/ +/)).toEqual(['0', '100000', '65536']);
  });

  test.for([50, 150, 250, 350])(
    'killed after %i ms of a restore it leaves what delete --force removes',
    async (ms, { box }) => {
      const name = box.path.split('/').at(-1) ?? '';
      const saved = await start(box, counter, (config) => {
        config.linux.cgroupsPath = `/${name}`;
      });
      await save(box, saved);
      const child = restoreWith(box, saved, 'ignore');
      const end = ended(child);
      await new Promise((resolve) => setTimeout(resolve, patient(ms)));
      child.kill('SIGKILL');
      await end;
      await box.ok('delete', '--force', saved.id);
      expect(cgroupDirectories(name)).toEqual([]);
      expect(existsSync(join(box.root, saved.id))).toBe(false);
    },
  );
});

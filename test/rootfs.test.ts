/** config.md "Root", and what becomes of the host's mounts: root.path, root.readonly, pivot_root, --no-pivot. */
import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, type Bundle, expect, type Patch, test } from './support/box.ts';
import { hasCapability, runtime } from './support/host.ts';
import { mighty, mountAt, parseMounts, runAfter, tmpfs, unshared, withTemporary } from './support/mounts.ts';
import { withNamespaces } from './support/namespaces.ts';
import { output } from './support/process.ts';

const places = ['/', '/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/sys'];

/** A container in a user namespace, whose root file system belongs to the ids inside. */
const inUserNamespace: Patch = (config) =>
  withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type })))(config);
const giveAway = (bundle: Bundle) => output('chown', ['-hR', '100000:100000', bundle.rootfs]);

const bundleWith = (box: Box, script: string, patch?: Patch): Promise<Bundle> =>
  box.bundle((config) => {
    config.process.args = ['/bin/sh', '-c', script];
    return patch?.(config);
  });

/** Lines of a shell script of the host that put a copy of $ROOTFS in its own place, on another file system. */
const onTmpfs = (rootfs: string): string =>
  `cp -a ${rootfs} ${rootfs}.copy; mount -t tmpfs none ${rootfs}; cp -a ${rootfs}.copy/. ${rootfs}`;

// Covers /root/path
describe.runIf(hasCapability('SYS_ADMIN'))('root.path', () => {
  const readHostname = (path: (bundle: Bundle) => string, prepare?: (bundle: Bundle) => void) => async (box: Box) => {
    const bundle = await bundleWith(box, 'cat /mark; pwd; ls -d /proc/self');
    writeFileSync(join(bundle.rootfs, 'mark'), 'here\n');
    prepare?.(bundle);
    bundle.config.root.path = path(bundle);
    writeFileSync(join(bundle.path, 'config.json'), JSON.stringify(bundle.config));
    return box.run(bundle, { cwd: '/' });
  };

  test.for([
    ['relative: below the bundle', readHostname(() => 'rootfs')],
    ['with slashes and dots', readHostname(() => './/rootfs/../rootfs/./')],
    ['absolute', readHostname(({ rootfs }) => rootfs)],
    [
      'a relative link',
      readHostname(
        () => 'link',
        ({ path }) => symlinkSync('rootfs', join(path, 'link')),
      ),
    ],
    [
      'an absolute link',
      readHostname(
        () => 'link',
        ({ path, rootfs }) => symlinkSync(rootfs, join(path, 'link')),
      ),
    ],
    [
      'below a link',
      readHostname(
        () => 'up/rootfs',
        ({ path }) => symlinkSync('.', join(path, 'up')),
      ),
    ],
    [
      'with blanks and other letters',
      readHostname(
        () => 'ro ot\\\n☃',
        ({ path, rootfs }) => renameSync(rootfs, join(path, 'ro ot\\\n☃')),
      ),
    ],
  ] as const)('%s', async ([, run], { box }) => {
    expect(await run(box)).toMatchObject({ code: 0, stdout: 'here\n/\n/proc/self\n', stderr: '' });
  });

  test('".": the bundle itself', async ({ box }) => {
    const bundle = await bundleWith(box, 'cat /config.json', (config) => {
      config.root.path = '.';
      for (const directory of ['proc', 'sys', 'dev']) config.mounts.push(tmpfs(`/rootfs/${directory}`));
    });
    for (const name of readdirSync(bundle.rootfs)) renameSync(join(bundle.rootfs, name), join(bundle.path, name));
    const { code, stdout } = await box.run(bundle);
    expect({ code, root: JSON.parse(stdout).root.path }).toEqual({ code: 0, root: '.' });
  });

  const place = /\(\S*config\.json:\d+:\d+, \/root\/path\)\n/;

  test.for([
    ['missing', 'nowhere', 'ENOENT'],
    ['a file', 'file', 'ENOTDIR'],
    ['a dangling link', 'dangling', 'ENOENT'],
    ['a link to itself', 'loop', 'ELOOP'],
    ['below a file', 'file/rootfs', 'ENOTDIR'],
  ] as const)('%s', async ([, path, errno], { box }) => {
    const bundle = await box.bundle((config) => {
      config.root.path = path;
    });
    writeFileSync(join(bundle.path, 'file'), '');
    symlinkSync('nowhere', join(bundle.path, 'dangling'));
    symlinkSync('loop', join(bundle.path, 'loop'));
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain(`Cannot take "${join(bundle.path, path)}" as the root: open: ${errno} `);
    expect(stderr).toMatch(place);
    expect(stderr).toMatch(/Hint: .*root\.path/);
  });

  test.for(['', undefined])('%j', async (path, { box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      Object.assign(config.root, { path });
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/config\.json:\d+:\d+, \/root(\/path)?\)/);
  });

  test('that root of a user namespace cannot reach', async ({ box }) => {
    const bundle = await box.bundle(inUserNamespace);
    await output('chmod', ['700', bundle.path]);
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(/as the root: open: EACCES .*\nHint: .*permission to search/);
  });
});

// Covers /root/readonly
describe.runIf(hasCapability('SYS_ADMIN'))('root.readonly', () => {
  const readonly: Patch = (config) => {
    config.root.readonly = true;
    config.process.capabilities = mighty();
  };
  const script = `touch /new 2>&1; touch /etc/new 2>&1; rm /etc/passwd 2>&1; touch /dev/shm/new && echo shm
    cat /proc/self/mountinfo`;

  test.for([false, true])(
    'nothing of it can be changed, what is mounted in it can (--no-pivot: %s)',
    async (noPivot, { box }) => {
      const bundle = await bundleWith(box, script, readonly);
      const { stdout } = await box.run(bundle, ...(noPivot ? ['--no-pivot'] : []));
      expect(stdout.match(/Read-only file system/g)).toHaveLength(3);
      expect(stdout).toMatch(/^shm$/m);
      const mounts = parseMounts(stdout);
      expect(mountAt(mounts, '/').options).toEqual(withTemporary('relatime', 'ro'));
      expect(mountAt(mounts, '/dev').options).toEqual(['nosuid', 'rw']);
      expect(existsSync(join(bundle.rootfs, 'etc/passwd'))).toBe(true);
    },
  );

  test('the host can still write', async ({ box }) => {
    const bundle = await bundleWith(box, 'until cat /late 2>/dev/null; do sleep 0.02; done', readonly);
    const id = await box.create(bundle);
    await box.ok('start', id);
    writeFileSync(join(bundle.rootfs, 'late'), '');
    await box.reached(id, 'stopped');
  });

  test('mountpoints, devices and the working directory are made before', async ({ box }) => {
    const bundle = await bundleWith(box, 'pwd; stat -c %t:%T /nodes/null; touch /new/m/x && echo ok', (config) => {
      readonly(config);
      config.process.cwd = '/missing/cwd';
      config.mounts.push(tmpfs('/new/m'));
      config.linux.devices = [{ type: 'c', path: '/nodes/null', major: 1, minor: 3 }];
    });
    expect(await box.run(bundle)).toMatchObject({ stdout: '/missing/cwd\n1:3\nok\n', stderr: '' });
  });

  test('in a user namespace', async ({ box }) => {
    const bundle = await bundleWith(
      box,
      'touch /new 2>&1; touch /dev/shm/new && cat /proc/self/mountinfo',
      (config) => {
        readonly(config);
        return inUserNamespace(config);
      },
    );
    await giveAway(bundle);
    const { stdout } = await box.run(bundle);
    expect(stdout.split('\n')[0]).toContain('Read-only file system');
    expect(mountAt(parseMounts(stdout), '/').options).toContain('ro');
  });

  test('of a root that is read-only on the host anyway', async ({ box }) => {
    const bundle = await bundleWith(box, 'touch /new 2>&1; cat /proc/self/mountinfo', readonly);
    const host = `${onTmpfs(bundle.rootfs)}; mount -o remount,ro ${bundle.rootfs}`;
    const { code, stdout } = await runAfter(box, host, bundle);
    expect({ code, line: stdout.split('\n')[0] }).toEqual({
      code: 0,
      line: 'touch: /new: Read-only file system',
    });
    expect(mountAt(parseMounts(stdout), '/').fsOptions).toContain('ro');
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('the mounts of the host', () => {
  const look = 'cat /proc/self/mountinfo; ls -A /; cd ..; pwd; ls -id / /.. /../..';

  test.for([
    ['pivot_root', []],
    ['--no-pivot', ['--no-pivot']],
  ] as const)('%s: none of them is inside', async ([, flags], { box }) => {
    const bundle = await bundleWith(box, look, (config) => {
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    const { stdout, stderr } = await box.run(bundle, ...flags);
    expect(stderr).toBe('');
    expect(parseMounts(stdout).map(({ target }) => target)).toEqual(places);
    const rest = stdout.split('\n').slice(places.length);
    expect(rest.slice(0, -5)).toEqual(readdirSync(bundle.rootfs).toSorted());
    const [inode] = /\d+/.exec(rest.at(-2) ?? '') ?? [];
    const shown = rest.slice(-5).map((line) => line.trim()); // a short number is padded
    expect(shown).toEqual(['/', `${inode} /`, `${inode} /..`, `${inode} /../..`, '']);
  });

  test.skipIf(!existsSync('/dev/loop-control')).for([
    ['pivot_root, private', 'make-rprivate', []],
    ['pivot_root, shared', 'make-rshared', []],
    ['--no-pivot, shared', 'make-rshared', ['--no-pivot']],
  ] as const)('%s: what the host unmounts is not kept busy', async ([, propagation, flags], { box }) => {
    const bundle = await bundleWith(box, 'sleep 100');
    const image = join(box.path, 'image');
    await output('truncate', ['-s', '2M', image]);
    await output('mkfs.ext4', ['-q', image]);
    const id = box.id();
    // The loop device goes as soon as nothing has it mounted any more.
    const script = `mkdir ${image}.d; mount --${propagation} /; mount -o loop ${image} ${image}.d
      ${runtime} --root ${box.root} create --bundle ${bundle.path} ${flags.join(' ')} ${id}
      ${runtime} --root ${box.root} start ${id}
      losetup -j ${image} | wc -l; umount ${image}.d; losetup -j ${image} | wc -l`;
    const { stdout, stderr } = await unshared(script, ['true']);
    expect({ stdout, stderr }).toEqual({ stdout: '1\n0\n', stderr: '' });
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });

  test('the container has the only copy of its own', async ({ box }) => {
    const bundle = await bundleWith(box, 'sleep 100', (config) => {
      config.mounts.push(tmpfs('/own'));
    });
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    const id = await box.create(bundle);
    await box.ok('start', id);
    const { pid } = await box.state(id);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
    expect(mountAt(parseMounts(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')), '/own').type).toBe('tmpfs');
    expect(readdirSync(join(bundle.rootfs, 'own'))).toEqual([]);
    expect(readdirSync(join(bundle.rootfs, 'proc'))).toEqual([]);
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('a root file system', () => {
  const scenes = {
    'on tmpfs': (rootfs: string) => onTmpfs(rootfs),
    'that is a private mountpoint': (rootfs: string) =>
      `mount --bind ${rootfs} ${rootfs}; mount --make-private ${rootfs}`,
    'that is a shared mountpoint': (rootfs: string) =>
      `mount --bind ${rootfs} ${rootfs}; mount --make-shared ${rootfs}`,
    'below a shared mount': (rootfs: string) =>
      `mount --bind ${rootfs}/.. ${rootfs}/..; mount --make-rshared ${rootfs}/..`,
    'on a host whose mounts are all shared': () => 'mount --make-rshared /',
    'on an overlay': (rootfs: string) =>
      `mkdir ${rootfs}.u ${rootfs}.w; mount -t overlay -o lowerdir=${rootfs},upperdir=${rootfs}.u,workdir=${rootfs}.w none ${rootfs}`,
    'mounted nosuid, nodev, noexec below': (rootfs: string) =>
      `mount --bind ${rootfs} ${rootfs}; mount -o remount,bind,nosuid,nodev ${rootfs}`,
  } as const;
  const script = 'touch /new && ls -A / | wc -l; cat /proc/self/mountinfo';

  const variants = (['pivot_root', '--no-pivot'] as const).flatMap((way) =>
    (Object.keys(scenes) as (keyof typeof scenes)[]).map((scene) => [scene, way] as const),
  );
  test.for(variants)('%s (%s)', async ([scene, way], { box }) => {
    const bundle = await bundleWith(box, script, (config) => {
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    });
    const { code, stdout, stderr } = await runAfter(
      box,
      scenes[scene](bundle.rootfs),
      bundle,
      ...(way === 'pivot_root' ? [] : [way]),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parseMounts(stdout).map(({ target }) => target)).toEqual(places);
  });

  test('without proc, sys and dev gets them made', async ({ box }) => {
    const bundle = await box.bundle(
      (config) => {
        config.process.args = ['/busybox', 'ls', '/', '/proc/self/cmdline', '/dev/null'];
      },
      { rootfs: false },
    );
    await output('cp', ['/bin/busybox', bundle.rootfs]);
    expect(await box.run(bundle)).toMatchObject({
      code: 0,
      stdout: '/dev/null\n/proc/self/cmdline\n\n/:\nbusybox\ndev\nproc\nsys\n',
    });
    expect(readdirSync(bundle.rootfs)).toEqual(['busybox', 'dev', 'proc', 'sys']);
  });
});

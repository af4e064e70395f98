/** config.md "Mounts": every kind of mount, seen from inside. What each option does: mount-options.test.ts. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Mount } from '../src/config/spec.ts';
import { type Box, type Bundle, expect, type Patch, test } from './support/box.ts';
import { hasCapability, isCgroupV2 } from './support/host.ts';
import { bind, mighty, mountAt, parseMounts, rbind, runAfter, tmpfs, withTemporary } from './support/mounts.ts';
import { withNamespaces } from './support/namespaces.ts';
import { gid, Ordinary, rootless, uid, unavailable } from './support/ordinary.ts';
import { output } from './support/process.ts';

/** The outcome of a script in a container with these mounts beside the usual ones; nothing may be said on stderr. */
const inside = async (box: Box, mounts: readonly Mount[], script: string, patch?: Patch) => {
  const outcome = await box.probe(script, (config) => {
    config.mounts.push(...mounts);
    return patch?.(config);
  });
  expect(outcome).toMatchObject({ stderr: '', code: 0 });
  return outcome.stdout;
};

const mountsInside = async (box: Box, mounts: readonly Mount[], patch?: Patch) =>
  parseMounts(await inside(box, mounts, 'cat /proc/self/mountinfo', patch));

const directory = (box: Box, name: string, files: Readonly<Record<string, string>> = {}): string => {
  const path = join(box.path, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
};

const capable: Patch = (config) => {
  config.process.capabilities = mighty();
};

// Covers /mounts/*/{destination,type,source,options}
describe.runIf(hasCapability('SYS_ADMIN'))('the usual file systems', () => {
  test('have the type, the source and the options of the config, in its order', async ({ box }) => {
    const mounts = await mountsInside(box, []);
    const quiet = ['nodev', 'noexec', 'nosuid', 'relatime', 'rw'];
    expect(mounts.slice(0, 7).map(({ target, type, source }) => [target, type, source])).toEqual([
      ['/', mounts[0]?.type, mounts[0]?.source],
      ['/proc', 'proc', 'proc'],
      ['/dev', 'tmpfs', 'tmpfs'],
      ['/dev/pts', 'devpts', 'devpts'],
      ['/dev/shm', 'tmpfs', 'shm'],
      ['/dev/mqueue', 'mqueue', 'mqueue'],
      ['/sys', 'sysfs', 'sysfs'],
    ]);
    expect(mountAt(mounts, '/proc').options).toEqual(['relatime', 'rw']);
    expect(mountAt(mounts, '/dev').options).toEqual(['nosuid', 'rw']);
    expect(mountAt(mounts, '/dev/pts').options).toEqual(['noexec', 'nosuid', 'relatime', 'rw']);
    expect(mountAt(mounts, '/dev/shm').options).toEqual(quiet);
    expect(mountAt(mounts, '/dev/mqueue').options).toEqual(quiet);
    expect(mountAt(mounts, '/sys').options).toEqual(['nodev', 'noexec', 'nosuid', 'relatime', 'ro']);
  });

  test('proc shows the processes of the container, sysfs its network', async ({ box }) => {
    const stdout = await inside(box, [], 'echo $$ /proc/[0-9]*; ls /sys/class/net');
    expect(stdout).toBe('1 /proc/1\nlo\n');
  });

  test('tmpfs: size, mode, owner and number of inodes', async ({ box }) => {
    const mount = tmpfs('/m', 'size=128k', 'mode=1710', 'uid=7', 'gid=8', 'nr_inodes=5');
    const script = `stat -c "%a %u:%g" /m; dd if=/dev/zero of=/m/file bs=4k count=50 2>&1 | grep -o "No space left.*"
      stat -c %s /m/file`;
    const stdout = await inside(box, [mount], `${script}; cat /proc/self/mountinfo`, capable);
    expect(stdout).toMatch(/^1710 7:8\nNo space left on device\n131072\n/);
    expect(mountAt(parseMounts(stdout), '/m').fsOptions).toEqual(
      expect.arrayContaining(['size=128k', 'mode=1710', 'uid=7', 'gid=8', 'nr_inodes=5']),
    );
  });

  test('devpts: an instance of its own, with its modes', async ({ box }) => {
    const pts = { destination: '/pts', type: 'devpts', source: 'devpts' };
    const options = ['newinstance', 'ptmxmode=0640', 'mode=0601', 'gid=5', 'max=3'];
    const stdout = await inside(box, [{ ...pts, options }], 'ls /pts; stat -c %a /pts/ptmx; cat /proc/self/mountinfo');
    expect(stdout).toMatch(/^ptmx\n640\n/);
    expect(mountAt(parseMounts(stdout), '/pts').fsOptions).toEqual(
      expect.arrayContaining(['gid=5', 'max=3', 'mode=601', 'ptmxmode=640']),
    );
  });

  test('mqueue: the queues of the ipc namespace', async ({ box }) => {
    expect(await inside(box, [], 'ls /dev/mqueue; touch /dev/mqueue/q && ls /dev/mqueue')).toBe('q\n');
    expect(existsSync('/dev/mqueue/q')).toBe(false);
  });

  test('a read-only tmpfs takes the mountpoints of later mounts first', async ({ box }) => {
    const source = directory(box, 'source', { file: 'text\n' });
    const mounts = [tmpfs('/m', 'ro'), bind(source, '/m/a/b'), bind(join(source, 'file'), '/m/c')];
    const stdout = await inside(box, mounts, 'cat /m/a/b/file /m/c; touch /m/x 2>&1 || :');
    expect(stdout).toMatch(/^text\ntext\n.*Read-only file system\n$/);
  });

  test('a read-only /dev has its devices', async ({ box }) => {
    const stdout = await box.probe('ls /dev/null /dev/fd/0; touch /dev/x 2>&1 || :', (config) => {
      for (const mount of config.mounts) if (mount.destination === '/dev') mount.options = ['nosuid', 'ro'];
    });
    expect(stdout.stdout).toMatch(/^\/dev\/fd\/0\n\/dev\/null\n.*Read-only file system\n$/);
  });
});

describe.runIf(hasCapability('SYS_ADMIN') && !isCgroupV2)('cgroups on a host with cgroup v1', () => {
  const cgroup: Mount = {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  };
  const script = `cat /proc/self/mountinfo; ls /sys/fs/cgroup; echo "pids $(head -n1 /sys/fs/cgroup/pids/cgroup.procs)"
    mkdir /sys/fs/cgroup/pids/x 2>&1; mkdir /sys/fs/cgroup/x 2>&1; echo "self $(cat /proc/self/cgroup)"`;

  test.for([false, true])('a read-only view of the own ones (cgroup namespace: %s)', async (namespace, { box }) => {
    const path = `/tsrunc-test-view-${process.pid}-${namespace}`;
    const stdout = await inside(box, [cgroup], script, (config) => {
      config.linux.cgroupsPath = path;
      if (namespace) config.linux.namespaces.push({ type: 'cgroup' });
    });
    const mounts = parseMounts(stdout);
    const pids = mountAt(mounts, '/sys/fs/cgroup/pids');
    expect(pids).toMatchObject({ type: 'cgroup', root: namespace ? '/' : path });
    expect(pids.options).toEqual(['nodev', 'noexec', 'nosuid', 'relatime', 'ro']);
    expect(mountAt(mounts, '/sys/fs/cgroup')).toMatchObject({ type: 'tmpfs', options: pids.options });
    expect(stdout).toMatch(/^pids 1$/m);
    expect(stdout.match(/Read-only file system/g)).toHaveLength(2);
    expect(/^self .*$/ms.exec(stdout)?.[0]).toContain(namespace ? ':pids:/\n' : `:pids:${path}\n`);
  });

  test('every hierarchy of the host is there', async ({ box }) => {
    const stdout = await inside(box, [cgroup], 'ls /sys/fs/cgroup');
    const host = readdirSync('/sys/fs/cgroup').filter((name) => name !== 'unified');
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((name) => name !== 'unified'),
    ).toEqual(host.toSorted());
  });
});

// Covers /mounts/*/{destination,type,source,options}
describe.runIf(hasCapability('SYS_ADMIN'))('bind mounts', () => {
  test('of a directory and of a file, where there is nothing yet', async ({ box }) => {
    const source = directory(box, 'source', { file: 'text\n' });
    const bundle = await box.bundle((config) => {
      config.mounts.push(bind(source, '/new/a/directory'), bind(join(source, 'file'), '/new/b/file'));
      config.process.args = ['sh', '-c', 'cat /new/a/directory/file /new/b/file; echo more >>/new/b/file'];
    });
    expect(await box.run(bundle)).toMatchObject({ code: 0, stdout: 'text\ntext\n' });
    expect(statSync(join(source, 'file')).size).toBe(10);
    expect(statSync(join(bundle.rootfs, 'new/a/directory')).mode).toBe(0o040755);
    expect(statSync(join(bundle.rootfs, 'new/b/file'))).toMatchObject({ mode: 0o100644, size: 0 });
  });

  test('of a file over a file, a device over a file, a socket', async ({ box }) => {
    const source = directory(box, 'source', { file: 'text\n' });
    const mounts = [
      bind(join(source, 'file'), '/etc/passwd', 'ro'),
      bind('/dev/null', '/etc/group'),
      rbind('/dev/zero', '/zero'),
    ];
    const script = 'cat /etc/passwd; (echo x >/etc/passwd) 2>&1; stat -c "%F %t:%T" /etc/group; head -c2 /zero | wc -c';
    const stdout = await inside(box, mounts, script);
    expect(stdout).toMatch(/^text\n.*Read-only file system\ncharacter special file 1:3\n2\n$/);
  });

  test('of a relative source: below the bundle', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.mounts.push(bind('data', '/m'), bind('./data/file', '/file'), bind('rootfs/../data', '/again'));
      config.process.args = ['cat', '/m/file', '/file', '/again/file'];
    });
    mkdirSync(join(bundle.path, 'data'));
    writeFileSync(join(bundle.path, 'data/file'), 'text\n');
    expect((await box.run(bundle, { cwd: '/' })).stdout).toBe('text\ntext\ntext\n');
  });

  test('of a symbolic link: what it points to on the host', async ({ box }) => {
    const source = directory(box, 'source', { file: 'text\n' });
    symlinkSync('source', join(box.path, 'link'));
    symlinkSync('file', join(source, 'filelink'));
    const mounts = [bind(join(box.path, 'link'), '/m'), bind(join(box.path, 'link/filelink'), '/file')];
    expect(await inside(box, mounts, 'cat /m/file /file')).toBe('text\ntext\n');
  });

  test('without a type, with type "none", with any other one', async ({ box }) => {
    const source = directory(box, 'source', { file: 'text\n' });
    const mounts = [undefined, 'none', 'bind', 'ext4'].map((type, index) => ({
      destination: `/m${index}`,
      ...(type === undefined ? {} : { type }),
      source,
      options: ['rbind'],
    }));
    expect(await inside(box, mounts, 'cat /m?/file | sort -u')).toBe('text\n');
  });

  test('type "bind" without an option takes one mount', async ({ box }) => {
    const source = directory(box, 'source', { file: 'text\n' });
    expect(await inside(box, [{ destination: '/m', type: 'bind', source }], 'cat /m/file')).toBe('text\n');
  });

  test('read-only, with what is mounted below the source, or without', async ({ box }) => {
    const source = directory(box, 'source');
    const bundle = await box.bundle((config) => {
      config.mounts.push(rbind(source, '/top', 'ro'), rbind(source, '/all', 'rro'));
      config.process.args = [
        'sh',
        '-c',
        'for d in top top/below all all/below; do touch /$d/x 2>/dev/null; echo $?; done',
      ];
    });
    const { stdout } = await runAfter(box, `mkdir ${source}/below; mount -t tmpfs none ${source}/below`, bundle);
    expect(stdout).toBe('1\n0\n1\n1\n');
  });

  test('with "remount": options of a mount that is there', async ({ box }) => {
    const source = directory(box, 'source');
    const mounts = [
      bind(source, '/m'),
      { destination: '/m', type: 'bind', source, options: ['bind', 'remount', 'ro', 'nosuid'] },
      { destination: '/proc', type: 'proc', source: 'proc', options: ['remount', 'nosuid', 'nodev', 'noexec'] },
    ];
    const seen = await mountsInside(box, mounts);
    expect(mountAt(seen, '/m').options).toEqual(withTemporary('nosuid', 'relatime', 'ro'));
    expect(mountAt(seen, '/proc').options).toEqual(['nodev', 'noexec', 'nosuid', 'relatime', 'rw']);
    expect(seen.filter(({ target }) => target === '/m')).toHaveLength(1);
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('tmpcopyup', () => {
  test('brings along content, modes, owners and links', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.capabilities = mighty();
      config.mounts.push(tmpfs('/data', 'tmpcopyup', 'ro'));
      const look = 'cd /data; stat -c "%n %a %u:%g" sub sub/file; cat sub/file; readlink link; touch x 2>&1';
      config.process.args = ['sh', '-c', look];
    });
    const prepare = `cd ${bundle.rootfs}; mkdir -p data/sub; echo text >data/sub/file; ln -s /nowhere data/link
      chown 7:8 data/sub/file; chmod 4711 data/sub/file; chmod 2770 data/sub`;
    await output('sh', ['-ec', prepare]);
    const { stdout } = await box.run(bundle);
    expect(stdout).toMatch(/^sub 2770 0:0\nsub\/file 4711 7:8\ntext\n\/nowhere\n.*Read-only file system\n$/);
  });

  test('of a missing directory is an empty one', async ({ box }) => {
    expect(await inside(box, [tmpfs('/new', 'tmpcopyup')], 'ls -A /new; grep -c " /new " /proc/mounts')).toBe('1\n');
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('overlay', () => {
  const overlay = (...options: string[]): Mount => ({ destination: '/m', type: 'overlay', source: 'overlay', options });

  test('joins layers; the lower ones stay untouched', async ({ box }) => {
    const lower = directory(box, 'lower', { a: 'lower\n', b: 'lower\n' });
    const [upper, work] = [directory(box, 'upper'), directory(box, 'work')];
    const mount = overlay(`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`);
    expect(await inside(box, [mount], 'echo new >/m/a; rm /m/b; cat /m/a; ls /m', capable)).toBe('new\na\n');
    expect(readdirSync(lower)).toEqual(['a', 'b']);
    expect(statSync(join(upper, 'b')).isCharacterDevice()).toBe(true);
  });

  test('of more than 256 bytes of layers', async ({ box }) => {
    const layers = Array.from({ length: 40 }, (_, index) => directory(box, `layer${index}`, { [`f${index}`]: '' }));
    expect(layers.join(':').length).toBeGreaterThan(1000);
    expect(await inside(box, [overlay(`lowerdir=${layers.join(':')}`)], 'ls /m | wc -l')).toBe('40\n');
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('the order of the list', () => {
  test('a later mount covers an earlier one, and may be below it', async ({ box }) => {
    const [first, second] = [directory(box, 'first', { one: '' }), directory(box, 'second', { two: '' })];
    const mounts = [bind(first, '/m'), bind(second, '/m'), tmpfs('/m/below'), bind(first, '/m/below/deep')];
    expect(await inside(box, mounts, 'ls /m /m/below/deep')).toBe('/m:\nbelow\ntwo\n\n/m/below/deep:\none\n');
    expect(readdirSync(first)).toEqual(['one']);
    expect(readdirSync(second)).toEqual(['below', 'two']);
  });

  test('a mount below a read-only bind needs a target that is there', async ({ box }) => {
    const source = directory(box, 'source');
    mkdirSync(join(source, 'there'));
    expect(await inside(box, [bind(source, '/m', 'ro'), tmpfs('/m/there')], 'touch /m/there/x && ls /m/there')).toBe(
      'x\n',
    );
    const { code, stderr } = await box.probe('true', (config) => {
      config.mounts.push(bind(source, '/n', 'ro'), tmpfs('/n/missing'));
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot mount "tmpfs" at "\/n\/missing": mkdirat: EROFS .*\/mounts\/7\)\nHint: /);
  });

  test('trailing slashes, dots and a relative destination mean what they mean at "/"', async ({ box }) => {
    const mounts = ['/a/', '//b//c/', '/d/./e/../f', 'g'].map((destination) => tmpfs(destination));
    const seen = await box.probe('cat /proc/self/mountinfo', (config) => {
      config.mounts.push(...mounts);
    });
    const targets = parseMounts(seen.stdout).map(({ target }) => target);
    expect(targets).toEqual(expect.arrayContaining(['/a', '/b/c', '/d/f', '/g']));
    expect(seen.stderr).toContain('relative');
  });

  test('names with blanks, commas, backslashes and letters beyond ASCII', async ({ box }) => {
    const names = ['a b', 'c,d', 'e\\f', 'ü☃', '"g"', '$(h)'];
    const source = directory(box, 'source, with a blank', { file: '' });
    const stdout = await inside(
      box,
      names.map((name) => bind(source, `/m/${name}`)),
      'printf "%s\\n" /m/*/file',
    );
    expect(stdout.trim().split('\n').toSorted()).toEqual(names.map((name) => `/m/${name}/file`).toSorted());
  });

  test('sixty of them', async ({ box }) => {
    const source = directory(box, 'source', { file: 'x' });
    const mounts = Array.from({ length: 60 }, (_, index) => bind(source, `/m/${index}`, 'ro'));
    expect(await inside(box, mounts, 'cat /m/*/file | wc -c')).toBe('60\n');
  });

  // One message to the init helper carries 252 file descriptors.
  const manyBinds = async (box: Box, count: number, patch: Patch): Promise<Bundle> => {
    const source = directory(box, 'source', { file: 'x' });
    const bundle = await box.bundle((config) => {
      withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type })))(config);
      config.mounts.push(...Array.from({ length: count }, (_, index) => bind(source, `/m/${index}`)));
      patch(config);
    });
    await output('chown', ['-hR', '100000:100000', bundle.rootfs]);
    return bundle;
  };

  test.for([252, 253, 600])('%i binds in a user namespace, whose sources the runtime opens', async (count, { box }) => {
    const bundle = await manyBinds(box, count, (config) => {
      config.process.args = ['sh', '-c', 'cat /m/*/file | wc -c'];
    });
    expect(await box.run(bundle)).toMatchObject({ stdout: `${count}\n`, stderr: '' });
  });

  test('so many that only the socket for start is one too many, with hooks before it', async ({ box }) => {
    const seen = join(box.path, 'seen');
    const bundle = await manyBinds(box, 252, (config) => {
      config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `echo hook >${seen}`] }] };
      config.process.args = ['sh', '-c', 'test $(cat /m/*/file | wc -c) = 252 && exec sleep 100'];
    });
    const id = await box.create(bundle);
    expect(readFileSync(seen, 'utf8')).toBe('hook\n');
    expect(await box.state(id)).toMatchObject({ status: 'created' });
    await box.ok('start', id);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });

  test('a mistake in the three hundredth has its place', async ({ box }) => {
    const bundle = await manyBinds(box, 300, (config) => {
      config.mounts.push(bind('/etc', '/etc/passwd'));
    });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(/"\/etc\/passwd": move_mount: ENOTDIR .*\/mounts\/306\)/);
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('mistakes have a place and a way out', () => {
  const place = String.raw`\(\S*config\.json:\d+:\d+, /mounts/6(/\w+)*\)`;
  const nowhere = '/nowhere/at/all';
  const cases: readonly (readonly [string, Mount, string, string])[] = [
    [
      'a missing source',
      bind(nowhere, '/m'),
      `Cannot bind .*"${nowhere}".*open_tree: ENOENT`,
      'must exist on the host',
    ],
    [
      'a directory over a file',
      bind('/etc', '/etc/passwd'),
      'ENOTDIR .needed a directory, found a file',
      'a file on a file',
    ],
    [
      'a file over a directory',
      bind('/etc/passwd', '/etc'),
      'ENOTDIR .needed a file, found a directory',
      'a file on a file',
    ],
    [
      'a file system over a file',
      tmpfs('/etc/passwd'),
      'ENOTDIR .needed a directory, found a file',
      'a file on a file',
    ],
    ['a target below a file', tmpfs('/etc/passwd/m'), 'Cannot mount "tmpfs" at "/etc/passwd/m": .*: ENOTDIR', ''],
    ['an option that the file system lacks', tmpfs('/m', 'sise=1m'), "fsconfig: EINVAL .*Unknown parameter 'sise'", ''],
    ['a value that the file system refuses', tmpfs('/m', 'size=much'), 'fsconfig: EINVAL .*size', ''],
    ['an unknown type', { destination: '/m', type: 'nofs', source: 'x' }, '"nofs".*: ENODEV', '/proc/filesystems'],
    ['a misspelled option of a bind', bind('/etc', '/m', 'nosiud'), '"nosiud"', 'nosuid'],
    ['a tmpfs over "/"', tmpfs('/'), 'root of the container', 'root.path'],
    ['no type', { destination: '/m', source: 'x' }, 'has no type', '"bind"'],
    ['a bind without source', { destination: '/m', type: 'bind' }, 'has no source', ''],
    [
      'a remount of nothing',
      { destination: '/bin', type: 'none', source: '', options: ['remount', 'ro'] },
      'EINVAL',
      '',
    ],
    ['tmpcopyup of a bind', bind('/etc', '/m', 'tmpcopyup'), '"tmpcopyup"', ''],
  ];

  test.for(cases)('%s', async ([, mount, message, hint], { box }) => {
    const { code, stdout, stderr } = await box.probe('echo ran', (config) => {
      config.mounts.push(mount);
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.replaceAll('\n', ' ')).toMatch(new RegExp(`${message}.*`));
    expect(stderr).toMatch(new RegExp(place));
    expect(stderr).toContain(hint);
  });

  test('in a user namespace as well, where the runtime opens the source', async ({ box }) => {
    const { stderr } = await box.probe('true', (config) => {
      withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type })))(config);
      config.mounts.push(bind(nowhere, '/m'));
    });
    expect(stderr).toMatch(new RegExp(`Cannot bind "${nowhere}": open_tree: ENOENT ${place}`));
    expect(stderr).toContain('must exist on the host');
  });
});

describe.skipIf(unavailable)(`mounts of an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  /** A file system of root at `source`, with these options and something mounted below. */
  const restricted = (source: string, options: string): string =>
    `mkdir ${source}; mount -t tmpfs none ${source}; mkdir ${source}/below; echo text >${source}/file
    mount -t tmpfs none ${source}/below; mount -o remount,bind,${options} ${source}`;

  test('what the host has locked stays, whatever is asked', async ({ box }) => {
    const source = join(box.path, 'source');
    const { code, stdout, stderr } = await new Ordinary(box).probe(
      'cat /plain/file /file; cat /proc/self/mountinfo',
      (config) => {
        config.mounts.push(
          rbind(source, '/plain'),
          rbind(source, '/ro', 'ro', 'nosymfollow'),
          rbind(source, '/open', 'rw', 'exec', 'suid', 'dev', 'relatime'),
          bind(join(source, 'file'), '/file', 'ro'),
        );
      },
      { prepare: restricted(source, 'ro,nosuid,nodev,noexec') },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^text\ntext\n/);
    const locked = ['nodev', 'noexec', 'nosuid', 'relatime', 'ro'];
    const mounts = parseMounts(stdout);
    expect(mountAt(mounts, '/plain').options).toEqual(locked);
    expect(mountAt(mounts, '/ro').options).toEqual([...locked, 'nosymfollow'].toSorted());
    expect(mountAt(mounts, '/open').options).toEqual(locked);
    expect(mountAt(mounts, '/file').options).toEqual(locked);
    expect(mountAt(mounts, '/plain/below').options).toEqual(['relatime', 'rw']);
  });

  test('another option for access times than the locked one: refused', async ({ box }) => {
    const source = join(box.path, 'source');
    const { code, stderr } = await new Ordinary(box).probe(
      'true',
      (config) => {
        config.mounts.push(rbind(source, '/m', 'noatime'));
      },
      { prepare: restricted(source, 'rw') },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/at "\/m": mount_setattr: EPERM .*\/mounts\/6\)\nHint: .*access times cannot be changed/);
  });

  test('a bind that would uncover what lies below a mount of the host: refused, with the way out', async ({ box }) => {
    const source = join(box.path, 'source');
    const { code, stderr } = await new Ordinary(box).probe(
      'true',
      (config) => {
        config.mounts.push(bind(source, '/m'));
      },
      { prepare: restricted(source, 'rw') },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot bind .* at "\/m": open_tree: EINVAL .*\/mounts\/6\)\nHint: .*"rbind"/);
  });

  test('a source that the user cannot reach', async ({ box }) => {
    const source = directory(box, 'source', { file: '' });
    await output('chmod', ['700', source]);
    const { code, stderr } = await new Ordinary(box).probe('true', (config) => {
      config.mounts.push(bind(join(source, 'file'), '/m'));
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot bind .*: open_tree: EACCES .*\/mounts\/6\)\nHint: .*permissions of each directory/);
  });

  test('a group that is not mapped, as in the devpts of many a config', async ({ box }) => {
    const { code, stderr } = await new Ordinary(box).probe('true', (config) => {
      for (const mount of config.mounts) if (mount.type === 'devpts') mount.options?.push('gid=5');
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot mount "devpts" at "\/dev\/pts": fsconfig: EINVAL .*\/mounts\/2\)\nHint: .*"gid="/);
  });

  test('a read-only root with hidden paths, on a file system that is locked', async ({ box }) => {
    const user = new Ordinary(box);
    const bundle = await user.bundle((config) => {
      rootless(config);
      config.root.readonly = true;
      config.linux.maskedPaths = ['/etc/passwd', '/lib'];
      config.linux.readonlyPaths = ['/dev/shm'];
      config.process.args = [
        'sh',
        '-c',
        'cat /etc/passwd; touch /x 2>&1; touch /dev/shm/x 2>&1; cat /proc/self/mountinfo',
      ];
    });
    const prepare = `mount --bind ${bundle.rootfs} ${bundle.rootfs}; mount -o remount,bind,nosuid,nodev ${bundle.rootfs}`;
    const { stdout } = await user.run(bundle, { prepare });
    expect(stdout.match(/Read-only file system/g)).toHaveLength(2);
    expect(mountAt(parseMounts(stdout), '/').options).toEqual(['nodev', 'nosuid', 'relatime', 'ro']);
  });

  test('an overlay of its own directories', async ({ box }) => {
    const user = new Ordinary(box);
    const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => directory(box, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(join(lower, 'file'), 'text\n');
    await output('chown', ['-R', `${uid}:${gid}`, lower, upper, work]);
    const { stdout, stderr } = await user.probe('cat /m/file; rm /m/file; echo new >/m/new; ls /m', (config) => {
      const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`, 'userxattr'];
      config.mounts.push({ destination: '/m', type: 'overlay', source: 'overlay', options });
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'text\nnew\n', stderr: '' });
    expect(readdirSync(lower)).toEqual(['file']);
  });
});

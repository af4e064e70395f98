/** config-linux.md "Devices" and "Default Devices", runtime-linux.md "Dev symbolic links": /dev as the container finds it. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Device } from '../src/config/spec.ts';
import { type Box, type Bundle, type Config, expect, type Patch, test } from './support/box.ts';
import { hasCapability, runtime } from './support/host.ts';
import { bind, mountAt, parseMounts, rbind, runAfter, tmpfs } from './support/mounts.ts';
import { withNamespaces } from './support/namespaces.ts';
import { exec, output } from './support/process.ts';

const defaults = [
  ['full', '1:7'],
  ['null', '1:3'],
  ['random', '1:8'],
  ['tty', '5:0'],
  ['urandom', '1:9'],
  ['zero', '1:5'],
] as const;
const names = defaults.map(([name]) => `/dev/${name}`);

const withoutDev = (config: Config): void => {
  config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
};

const inUserNamespace: Patch = (config) =>
  withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type })))(config);
const giveAway = (bundle: Bundle) => output('chown', ['-hR', '100000:100000', bundle.rootfs]);

/** Type, mode, owner and numbers of files, as a shell command. */
const look = (...files: readonly string[]): string => `stat -c "%n %F %a %u:%g %t:%T" ${files.join(' ')}`;
const node = (
  path: string,
  [mode, owner, numbers]: readonly [string, string, string],
  type = 'character special file',
) => `${path} ${type} ${mode} ${owner} ${numbers}`;

const lines = (text: string): string[] => text.trimEnd().split('\n');

/** The container's view; it must start, and say nothing on stderr. */
const inside = async (box: Box, script: string, patch: Patch): Promise<string[]> => {
  const outcome = await box.probe(script, patch);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return lines(outcome.stdout);
};

describe.runIf(hasCapability('MKNOD'))('the default devices', () => {
  const six = defaults.map(([name, numbers]) => node(`/dev/${name}`, ['666', '0:0', numbers]));

  test('are there with their numbers, for everyone, whatever the umask of the caller', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', look(...names)];
    });
    const run = `umask 077; exec ${runtime} --root ${box.root} run --bundle ${bundle.path} ${box.id()}`;
    const { stdout } = await exec('sh', ['-c', run]);
    expect(lines(stdout)).toEqual(six);
  });

  test('work', async ({ box }) => {
    const script = `echo lost >/dev/null; cat /dev/null | wc -c; head -c3 /dev/zero | tr "\\0" z; echo
      head -c9 /dev/random | wc -c; head -c9 /dev/urandom | wc -c
      (echo >/dev/full) 2>/dev/null || echo full; (: </dev/tty) 2>/dev/null || echo no terminal`;
    expect(await inside(box, script, () => {})).toEqual(['0', 'zzz', '9', '9', 'full', 'no terminal']);
  });

  test('are all that is in /dev, with links and directories', async ({ box }) => {
    const devices = names.map((name) => name.slice('/dev/'.length));
    const links = ['core', 'fd', 'ptmx', 'stderr', 'stdin', 'stdout'];
    expect(await inside(box, 'ls /dev', () => {})).toEqual([...devices, ...links, 'mqueue', 'pts', 'shm'].toSorted());
  });

  test('are made in the image where the config mounts nothing at /dev', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      withoutDev(config);
      config.process.args = ['sh', '-c', look(...names)];
    });
    rmSync(join(bundle.rootfs, 'dev'), { recursive: true });
    for (const attempt of ['made', 'found there']) {
      const { stdout, stderr } = await box.run(bundle);
      expect({ attempt, stderr, found: lines(stdout) }).toEqual({ attempt, stderr: '', found: six });
    }
    expect(readdirSync(join(bundle.rootfs, 'dev'))).toContain('null');
  });

  test('are not made in the image where /dev is a tmpfs', async ({ box }) => {
    const bundle = await box.bundle();
    expect((await box.run(bundle)).code).toBe(0);
    expect(readdirSync(join(bundle.rootfs, 'dev'))).toEqual([]);
  });

  test('are bound from the host where the runtime may not make devices', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', `${look(...names)}; echo lost >/dev/null; cat /proc/self/mountinfo`];
    });
    const run = [runtime, '--root', box.root, 'run', '--bundle', bundle.path, box.id()];
    const { stdout, stderr } = await exec('setpriv', ['--bounding-set', '-mknod', '--inh-caps', '-mknod', ...run]);
    expect(stderr).toBe('');
    const ofHost = (await output('sh', ['-c', look(...names)])).replaceAll(
      /character.* file/g,
      'character special file',
    );
    expect(lines(stdout).slice(0, 6)).toEqual(lines(ofHost));
    expect(mountAt(parseMounts(stdout), '/dev/null').root).toBe('/null');
  });

  test('are bound from the host in a user namespace', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      inUserNamespace(config);
      config.process.args = ['sh', '-c', `${look(...names)}; echo lost >/dev/null; head -c2 /dev/zero | wc -c`];
    });
    await giveAway(bundle);
    const { stdout, stderr } = await box.run(bundle);
    expect(stderr).toBe('');
    const modeOf = (name: string): string => (statSync(`/dev/${name}`).mode & 0o7777).toString(8);
    const nobody = defaults.map(([name, numbers]) => node(`/dev/${name}`, [modeOf(name), '65534:65534', numbers]));
    expect(lines(stdout)).toEqual([...nobody, '2']);
  });
});

describe.runIf(hasCapability('MKNOD'))('the links of /dev', () => {
  const links = {
    '/dev/core': '/proc/kcore',
    '/dev/fd': '/proc/self/fd',
    '/dev/ptmx': 'pts/ptmx',
    '/dev/stderr': '/proc/self/fd/2',
    '/dev/stdin': '/proc/self/fd/0',
    '/dev/stdout': '/proc/self/fd/1',
  };

  test('lead where programs expect it', async ({ box }) => {
    const script = `for link in ${Object.keys(links).join(' ')}; do readlink $link; done
      echo in | cat /dev/stdin; echo out | tee /dev/stdout | wc -l; ls -d /dev/fd/0; stat -Lc "%t:%T" /dev/ptmx`;
    const found = await inside(box, script, () => {});
    expect(found.slice(0, 6)).toEqual(Object.values(links));
    expect(found.slice(6)).toEqual(['in', '2', '/dev/fd/0', '5:2']);
  });

  test('are left as the image has them, apart from ptmx', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      withoutDev(config);
      config.process.args = ['sh', '-c', 'cat /dev/stdin; readlink /dev/fd; readlink /dev/ptmx; readlink /dev/core'];
    });
    const dev = join(bundle.rootfs, 'dev');
    mkdirSync(dev, { recursive: true });
    writeFileSync(join(dev, 'stdin'), 'file\n');
    symlinkSync('elsewhere', join(dev, 'fd'));
    await output('mknod', [join(dev, 'ptmx'), 'c', '5', '2']);
    const { stdout, stderr } = await box.run(bundle);
    expect({ stdout, stderr }).toEqual({ stdout: 'file\nelsewhere\npts/ptmx\n/proc/kcore\n', stderr: '' });
  });
});

// Covers /linux/devices
describe.runIf(hasCapability('MKNOD'))('linux.devices', () => {
  const probe = (box: Box, devices: readonly Device[], ...files: readonly string[]) =>
    inside(box, look(...files), (config) => {
      config.linux.devices = [...devices];
    });

  test('character, block and FIFO, with mode and owner, also in directories that are not there', async ({ box }) => {
    const found = await probe(
      box,
      [
        { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 },
        { type: 'b', path: '/dev/disks/a/loop0', major: 7, minor: 0, fileMode: 0o600 },
        { type: 'p', path: '/fifos/one', fileMode: 0o622, gid: 9 },
        { type: 'u', path: '/dev/unbuffered', major: 1, minor: 5 },
        { type: 'c', path: '/dev//high/../minor', major: 511, minor: 1_048_575 },
      ],
      '/dev/fuse /dev/disks/a/loop0 /fifos/one /dev/unbuffered /dev/minor /dev/disks/a',
    );
    expect(found).toEqual([
      node('/dev/fuse', ['640', '7:8', 'a:e5']),
      node('/dev/disks/a/loop0', ['600', '0:0', '7:0'], 'block special file'),
      node('/fifos/one', ['622', '0:9', '0:0'], 'fifo'),
      node('/dev/unbuffered', ['666', '0:0', '1:5']),
      node('/dev/minor', ['666', '0:0', '1ff:fffff']),
      node('/dev/disks/a', ['755', '0:0', '0:0'], 'directory'),
    ]);
  });

  test('modes may hold the bits of the type, as some engines write them', async ({ box }) => {
    const found = await probe(box, [{ type: 'c', path: '/dev/x', major: 1, minor: 3, fileMode: 0o20640 }], '/dev/x');
    expect(found).toEqual([node('/dev/x', ['640', '0:0', '1:3'])]);
  });

  test('take the place of a default one', async ({ box }) => {
    const found = await probe(
      box,
      [{ type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o600, uid: 5 }],
      '/dev/null',
    );
    expect(found).toEqual([node('/dev/null', ['600', '5:0', '1:3'])]);
  });

  test('ptmx stays the link to the own terminals', async ({ box }) => {
    const found = await inside(box, 'readlink /dev/ptmx', (config) => {
      config.linux.devices = [{ type: 'c', path: '/dev/ptmx', major: 5, minor: 2 }];
    });
    expect(found).toEqual(['pts/ptmx']);
  });

  test('a node of the image is taken over, with the mode and the owner of the config', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.devices = [{ type: 'c', path: '/nodes/x', major: 1, minor: 5, fileMode: 0o640, gid: 6 }];
      config.process.args = ['sh', '-c', look('/nodes/x')];
    });
    mkdirSync(join(bundle.rootfs, 'nodes'));
    await output('mknod', ['-m', '666', join(bundle.rootfs, 'nodes/x'), 'c', '1', '5']);
    expect(lines((await box.run(bundle)).stdout)).toEqual([node('/nodes/x', ['640', '0:6', '1:5'])]);
  });

  test('a node in a directory of the host keeps its mode and its owner, also by a link of the image', async ({
    box,
  }) => {
    const host = join(box.path, 'host');
    const bundle = await box.bundle((config) => {
      config.mounts.push({ destination: '/data', type: 'bind', source: host, options: ['bind'] });
      config.linux.devices = ['/data/x', '/link/x'].map((path) => {
        return { type: 'c', path, major: 1, minor: 5, fileMode: 0o666, uid: 7 };
      });
      config.process.args = ['sh', '-c', look('/data/x')];
    });
    mkdirSync(host);
    symlinkSync('/data', join(bundle.rootfs, 'link'));
    await output('mknod', ['-m', '600', join(host, 'x'), 'c', '1', '5']);
    expect(lines((await box.run(bundle)).stdout)).toEqual([node('/data/x', ['600', '0:0', '1:5'])]);
    await output('mknod', ['-m', '600', join(host, 'y'), 'c', '1', '3']);
    renameSync(join(host, 'y'), join(host, 'x'));
    expect((await box.run(bundle)).stderr).toContain('Cannot make the device "/data/x": mknodat: EEXIST');
  });

  test.for([
    ['another device', ['mknod', 'x', 'c', '1', '3']],
    ['a block device', ['mknod', 'x', 'b', '1', '5']],
    ['a file', ['touch', 'x']],
    ['a directory', ['mkdir', 'x']],
    ['a link to a fitting one', ['ln', '-s', '/dev/zero', 'x']],
  ] as const)('where the image has %s: an error', async ([, [command, ...args]], { box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.devices = [{ type: 'c', path: '/nodes/x', major: 1, minor: 5 }];
    });
    mkdirSync(join(bundle.rootfs, 'nodes'));
    await output(command, args, { cwd: join(bundle.rootfs, 'nodes') });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Cannot make the device "\/nodes\/x": mknodat: EEXIST \(\S+:\d+:\d+, \/linux\/devices\/0\)\nHint: The image has/,
    );
  });

  test('in a user namespace: the node of the host, or an error that says so', async ({ box }) => {
    const bundleOf = async (device: Device) => {
      const bundle = await box.bundle((config) => {
        inUserNamespace(config);
        config.linux.devices = [device];
        config.process.args = ['sh', '-c', look(device.path)];
      });
      await giveAway(bundle);
      return bundle;
    };
    const there = await box.run(await bundleOf({ type: 'c', path: '/dev/kmsg', major: 1, minor: 11 }));
    const mode = (statSync('/dev/kmsg').mode & 0o7777).toString(8);
    expect(lines(there.stdout)).toEqual([node('/dev/kmsg', [mode, '65534:65534', '1:b'])]);
    const fifo = await box.run(await bundleOf({ type: 'p', path: '/pipes/x', uid: 3 }));
    expect(lines(fifo.stdout)).toEqual([node('/pipes/x', ['666', '3:0', '0:0'], 'fifo')]);
    const missing = await box.run(await bundleOf({ type: 'c', path: '/dev/nowhere', major: 1, minor: 5 }));
    expect(missing.stderr).toMatch(/"\/dev\/nowhere": open_tree: ENOENT .*\/linux\/devices\/0\)\nHint: .*same path/);
    const other = await box.run(await bundleOf({ type: 'c', path: '/dev/zero', major: 1, minor: 3 }));
    expect(other.stderr).toMatch(/\(\/dev\/zero is another device\) .*\/linux\/devices\/0\)\nHint: .*same path/);
  });
});

describe.runIf(hasCapability('MKNOD'))('/dev bound from the host', () => {
  /** A /dev as a host has it, in the box: links and nodes of its own, and no console. */
  const hostDev = async (box: Box): Promise<string> => {
    const dev = join(box.path, 'dev');
    for (const path of [dev, join(dev, 'pts'), join(dev, 'shm'), join(dev, 'mqueue')]) mkdirSync(path);
    await output('sh', ['-ec', 'umask 0; mknod -m600 null c 1 3; mknod ptmx c 5 2; mknod mine c 1 5'], { cwd: dev });
    return dev;
  };
  const listing = (dev: string): Promise<string> => output('ls', ['-lAR', '--time-style=full-iso', dev]);

  test.for([bind, rbind])('belongs to the host: nothing in it changes', async (how, { box }) => {
    const dev = await hostDev(box);
    const before = await listing(dev);
    const { stdout, stderr } = await box.probe('ls /dev; stat -c "%F %a" /dev/null /dev/ptmx', (config) => {
      config.mounts = config.mounts.map((mount) => (mount.destination === '/dev' ? how(dev, '/dev/') : mount));
      config.linux.devices = [{ type: 'c', path: '/dev/new', major: 1, minor: 3 }];
    });
    expect(stderr).toBe('');
    expect(lines(stdout)).toEqual([
      ...['mine', 'mqueue', 'null', 'ptmx', 'pts', 'shm'],
      'character special file 600',
      'character special file 666',
    ]);
    expect(await listing(dev)).toBe(before);
  });

  test('also with a terminal', async ({ box }) => {
    const dev = await hostDev(box);
    const before = await listing(dev);
    const bundle = await box.bundle((config) => {
      config.mounts = config.mounts.map((mount) => (mount.destination === '/dev' ? rbind(dev, '/dev') : mount));
      config.process.terminal = true;
      config.process.args = ['sh', '-c', 'tty; ls /dev/console'];
    });
    const run = [runtime, '--root', box.root, 'run', '--bundle', bundle.path, box.id()];
    const { stdout } = await exec('script', ['-qec', run.join(' '), '/dev/null']);
    expect(stdout.replaceAll(/\r|\^@/g, '')).toMatch(/\/dev\/pts\/0\nls: \/dev\/console: No such file/);
    expect(await listing(dev)).toBe(before);
  });

  test('with a terminal, over the console that is there', async ({ box }) => {
    const dev = await hostDev(box);
    await output('mknod', [join(dev, 'console'), 'c', '5', '1']);
    const before = await listing(dev);
    const bundle = await box.bundle((config) => {
      config.mounts = config.mounts.map((mount) => (mount.destination === '/dev' ? rbind(dev, '/dev') : mount));
      config.process.terminal = true;
      config.process.args = ['sh', '-c', 'stat -c %t:%T /dev/console'];
    });
    const run = [runtime, '--root', box.root, 'run', '--bundle', bundle.path, box.id()];
    const { stdout } = await exec('script', ['-qec', run.join(' '), '/dev/null']);
    expect(stdout).toContain('88:0');
    expect(await listing(dev)).toBe(before);
  });

  test('the real one keeps what it has', async ({ box }) => {
    const before = await listing('/dev');
    const bundle = await box.bundle((config) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev/'));
      config.mounts = config.mounts.map((mount) =>
        mount.destination === '/dev' ? rbind('/dev', '/dev', 'rslave') : mount,
      );
    });
    expect(await runAfter(box, '', bundle)).toMatchObject({ code: 0, stderr: '' });
    const names = (text: string): string[] => text.split('\n').filter((line) => !line.includes('pts'));
    const stable = (text: string) => names(text).map((line) => line.replace(/\d{4}-\d\d-\d\d \S+ \S+/, ''));
    expect(stable(await listing('/dev'))).toEqual(stable(before));
  });

  test('a later tmpfs over it, and a remount of a tmpfs, are /dev of the container', async ({ box }) => {
    const dev = await hostDev(box);
    for (const mounts of [
      [bind(dev, '/dev'), tmpfs('/dev')],
      [tmpfs('/dev'), { destination: '/dev', type: 'bind', source: '', options: ['bind', 'remount', 'nosuid'] }],
    ]) {
      const found = await inside(box, 'ls -d /dev/null /dev/zero /dev/fd', (config) => {
        withoutDev(config);
        config.mounts.push(...mounts);
      });
      expect(found).toEqual(['/dev/fd', '/dev/null', '/dev/zero']);
    }
    expect(existsSync(join(dev, 'zero'))).toBe(false);
  });
});

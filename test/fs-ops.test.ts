/** The file-system operations of the init helper, each seen from inside; hostile root file systems above all. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Op } from '../src/plan/ops.ts';
import { attr, Lab, make, propagation, UserNamespace } from './support/fs-lab.ts';
import { hasCapability, isCgroupV2 } from './support/host.ts';

const errno = { EPERM: 1, ENOENT: 2, EEXIST: 17, ENODEV: 19, EINVAL: 22, EROFS: 30, ELOOP: 40 } as const;
const fileType = { character: 0o020000, fifo: 0o010000 } as const;
const quiet = attr.nosuid | attr.nodev | attr.noexec;

const proc = make('mount', { fstype: 'proc', source: 'proc', target: '/proc', attrs: quiet, noSymlinks: 1 });
const dev = make('mount', {
  fstype: 'tmpfs',
  source: 'tmpfs',
  target: '/dev',
  options: ['mode=755', 'size=65536k'],
  attrs: attr.nosuid,
});
const sysfs = make('mount', { fstype: 'sysfs', target: '/sys', attrs: quiet | attr.rdonly, noSymlinks: 1 });

/** A hierarchy that this host has: the first v1 controller, or v2. */
const cgroup = (): Op => {
  const controller = /^\d+:([^:,=]+):/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  const target = '/sys/fs/cgroup';
  return isCgroupV2 || controller === undefined
    ? make('mount', { fstype: 'cgroup2', source: 'cgroup', target, attrs: quiet | attr.rdonly })
    : make('mount', { fstype: 'cgroup', source: 'cgroup', target, options: [controller], attrs: quiet | attr.rdonly });
};

const node = (path: string): Op => make('device', { path, mode: fileType.character | 0o666, major: 1, minor: 3 });

const mountsOf = (stdout: string): Record<string, string> =>
  Object.fromEntries(stdout.split('\n').map((line) => [line.split(' ')[1] ?? '', line]));

beforeAll(() => Lab.build());

describe.runIf(hasCapability('SYS_ADMIN'))('file-system operations', () => {
  test('the usual mounts of a container', () => {
    using lab = new Lab();
    const ops = [
      proc,
      dev,
      make('mount', {
        fstype: 'devpts',
        source: 'devpts',
        target: '/dev/pts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
        attrs: attr.nosuid | attr.noexec,
      }),
      make('mount', { fstype: 'tmpfs', source: 'shm', target: '/dev/shm', options: ['mode=1777'], attrs: quiet }),
      make('mount', { fstype: 'mqueue', source: 'mqueue', target: '/dev/mqueue', attrs: quiet }),
      sysfs,
      cgroup(),
    ];
    const { stdout, status } = lab.inside(ops, 'cat /proc/mounts; ls /dev/pts; stat -c %a /dev /dev/shm');
    expect(status).toBe(0);
    const mounts = mountsOf(stdout);
    expect(mounts['/proc']).toBe('proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0');
    expect(mounts['/dev']).toMatch(/^tmpfs \/dev tmpfs rw,nosuid,relatime,size=65536k,mode=755/);
    expect(mounts['/dev/pts']).toMatch(/^devpts .* rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666/);
    expect(mounts['/dev/shm']).toMatch(/^shm .* rw,nosuid,nodev,noexec,relatime/);
    expect(mounts['/dev/mqueue']).toMatch(/^mqueue .* mqueue rw,nosuid,nodev,noexec/);
    expect(mounts['/sys']).toMatch(/ sysfs ro,nosuid,nodev,noexec/);
    expect(mounts['/sys/fs/cgroup']).toMatch(/^cgroup .* cgroup2? ro,/);
    expect(stdout).toMatch(/^ptmx\n755\n1777\n$/m);
    expect(Object.keys(mounts).filter((path) => path.startsWith(lab.directory))).toEqual([]);
  });

  test('the container sees none of the host, and the host none of the container', () => {
    using lab = new Lab();
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    const { stdout } = lab.inside([proc, dev], 'cut -d" " -f5 /proc/self/mountinfo; ls /');
    expect(stdout).toBe('/\n/proc\n/dev\nbin\ndev\nproc\ntmp\nusr\n');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });

  describe('symbolic links of the image stay inside', () => {
    const hostile = [
      ['absolute', (lab: Lab) => lab.outside],
      ['with ".."', (lab: Lab) => `../../../../../..${lab.outside}`],
    ] as const;

    test.each(hostile)('%s: directories, files, devices and links', (_, text) => {
      using lab = new Lab();
      symlinkSync(text(lab), join(lab.rootfs, 'etc'));
      symlinkSync(text(lab), join(lab.rootfs, 'dev'));
      const ops = [
        make('makeDirectory', { target: '/etc/made', mode: 0o755 }),
        make('bind', { source: '/bin/busybox', target: '/etc/deep/file', attrsSet: attr.rdonly }),
        make('device', { path: '/dev/null', mode: fileType.character | 0o666, major: 1, minor: 3 }),
        make('symlink', { target: '/dev/ptmx', text: 'pts/ptmx', mustReplace: 1 }),
        make('mount', { fstype: 'tmpfs', source: 'tmpfs', target: '/etc/tmpfs' }),
      ];
      const { status, stdout } = lab.inside(ops, 'cd -P /etc && pwd && ls');
      expect({ status, stdout }).toEqual({ status: 0, stdout: `${lab.outside}\ndeep\nmade\nnull\nptmx\ntmpfs\n` });
      expect(readdirSync(lab.outside)).toEqual([]);
      expect(readdirSync(join(lab.rootfs, lab.outside))).toEqual(['deep', 'made', 'null', 'ptmx', 'tmpfs']);
    });

    test('a dangling link is completed inside', () => {
      using lab = new Lab();
      mkdirSync(join(lab.rootfs, 'etc'));
      symlinkSync('../run/resolve/stub', join(lab.rootfs, 'etc/resolv.conf'));
      symlinkSync(join(lab.outside, 'made'), join(lab.rootfs, 'etc/hosts'));
      const ops = ['resolv.conf', 'hosts'].map((name) =>
        make('bind', { source: '/etc/passwd', target: `/etc/${name}`, attrsSet: attr.rdonly }),
      );
      const { stdout } = lab.inside(ops, 'cmp /etc/hosts /run/resolve/stub && head -c4 /etc/resolv.conf');
      expect(stdout).toBe('root');
      expect(readFileSync(join(lab.rootfs, 'run/resolve/stub'), 'utf8')).toBe('');
      expect(lstatSync(join(lab.rootfs, 'run/resolve/stub')).mode & 0o7777).toBe(0o644);
      expect(readdirSync(lab.outside)).toEqual([]);
    });

    test('links in a circle end', () => {
      using lab = new Lab();
      symlinkSync('b/x', join(lab.rootfs, 'a'));
      symlinkSync('a/x', join(lab.rootfs, 'b'));
      const { failure } = lab.inside([make('makeDirectory', { target: '/a/y', mode: 0o755 })], 'true');
      expect(failure).toMatchObject({ step: 2, errno: errno.ELOOP, call: 'openat2' });
    });

    test('a circle that the kernel only meets after something missing ends, too', () => {
      using lab = new Lab();
      symlinkSync('/missing/../c', join(lab.rootfs, 'c'));
      const { failure } = lab.inside([make('makeDirectory', { target: '/c', mode: 0o755 })], 'true');
      expect(failure).toMatchObject({ errno: errno.ELOOP });
    });

    test.each(['/proc', '/missing/../proc', '/proc/deeper'])(
      'proc never goes through a link: %s (CVE-2019-19921)',
      (target) => {
        using lab = new Lab();
        symlinkSync('tmp', join(lab.rootfs, 'proc'));
        const { failure } = lab.inside([make('mount', { fstype: 'proc', target, noSymlinks: 1 })], 'true');
        expect(failure).toMatchObject({ step: 2, errno: errno.ELOOP });
      },
    );

    test('magic links are refused', () => {
      using lab = new Lab();
      const { failure } = lab.inside([proc, make('mount', { fstype: 'tmpfs', target: '/proc/1/cwd' })], 'true');
      expect(failure).toMatchObject({ step: 3, errno: errno.ELOOP, detail: '/proc/1/cwd' });
    });
  });

  describe('binds', () => {
    test('a missing target is made like its source, with its parents', () => {
      using lab = new Lab();
      writeFileSync(join(lab.outside, 'file'), 'content');
      const ops = [
        make('bind', { source: join(lab.outside, 'file'), target: '/new/a/file' }),
        make('bind', { source: lab.outside, target: '/new/b/directory/', recursive: 1 }),
      ];
      const { stdout } = lab.inside(ops, 'cat /new/a/file; ls /new/b/directory; stat -c %a /new /new/a');
      expect(stdout).toBe('contentfile\n755\n755\n');
      expect(lstatSync(join(lab.rootfs, 'new/a/file')).mode).toBe(0o100644);
    });

    test('the umask of the caller does not reach the container', () => {
      using lab = new Lab();
      const saved = process.umask(0o077);
      lab.inside([make('bind', { source: lab.outside, target: '/x/y' })], 'true');
      process.umask(saved);
      expect(lstatSync(join(lab.rootfs, 'x/y')).mode & 0o777).toBe(0o755);
    });

    test('attributes of the top mount, and of all mounts below', () => {
      using lab = new Lab();
      mkdirSync(join(lab.outside, 'below'));
      const before = `mount -t tmpfs -o noatime none ${lab.outside}/below`;
      const bind = { source: lab.outside, recursive: 1 };
      const ops = [
        proc,
        make('bind', { ...bind, target: '/top', attrsSet: attr.rdonly | attr.noatime }),
        make('bind', {
          ...bind,
          target: '/all',
          recursiveSet: attr.rdonly | attr.noexec,
          recursiveClear: attr.atimeField,
        }),
      ];
      const mounts = mountsOf(lab.inside(ops, 'cat /proc/mounts', { before }).stdout);
      // The host's directory of temporary files may be nosuid and nodev.
      expect(mounts['/top']).toMatch(/ ro,(\S+,)?noatime/);
      expect(mounts['/top/below']).toMatch(/ rw,(\S+,)?noatime/);
      expect(mounts['/all']).toMatch(/ ro,(\S+,)?noexec,relatime/);
      expect(mounts['/all/below']).toMatch(/ ro,(\S+,)?noexec,relatime/);
    });

    test('propagation', () => {
      using lab = new Lab();
      const bind = { source: lab.outside, recursive: 1 };
      const ops = [
        proc,
        make('bind', { ...bind, target: '/shared', propagation: propagation.shared, propagationRecursive: 1 }),
        make('bind', { ...bind, target: '/private', propagation: propagation.private }),
        make('bind', { ...bind, target: '/unbindable', propagation: propagation.unbindable }),
      ];
      const { stdout } = lab.inside(ops, 'grep bind\\\\\\|shared\\\\\\|priv /proc/self/mountinfo | cut -d" " -f5,7');
      expect(stdout).toMatch(/^\/shared shared:\d+\n\/private -\n\/unbindable unbindable\n$/);
    });

    test('links as source and as target are followed, or not, as asked', () => {
      using lab = new Lab();
      symlinkSync('/etc/passwd', join(lab.outside, 'link'));
      symlinkSync('tmp', join(lab.rootfs, 'target'));
      const source = join(lab.outside, 'link');
      const ops = [
        make('bind', { source, target: '/followed' }),
        make('bind', { source, target: '/itself', sourceNoFollow: 1 }),
        make('bind', { source: '/etc/passwd', target: '/target', targetNoFollow: 1 }),
      ];
      const { stdout } = lab.inside(ops, 'head -c4 /followed; readlink /itself; head -c4 /target; ls /tmp');
      expect(stdout).toBe('root/etc/passwd\nroot');
    });

    test.each(['host', 'container'])('ids are mapped, seen from the %s', async (place) => {
      using lab = new Lab();
      using mapping = await UserNamespace.make('0 1000 10');
      writeFileSync(join(lab.outside, 'file'), '');
      mkdirSync(join(lab.rootfs, 'tree'));
      const tree = { source: lab.outside, target: '/tree', idmap: 'map', idmapRecursive: 1 };
      const ops = [make('bind', tree), make('mount', { fstype: 'tmpfs', target: '/tmp', idmap: 'map' })];
      const user = place === 'container';
      const { stdout, failure } = lab.inside(ops, 'stat -c %u:%g /tree/file /tmp', { user, fds: { map: mapping.fd } });
      // A superblock of the host's may only be mapped by who owns it: inside a user namespace that is the runtime's work.
      if (user) expect(failure).toMatchObject({ errno: errno.EPERM, call: 'mount_setattr' });
      else expect(stdout).toBe('1000:1000\n1000:1000\n');
    });

    test('a missing source is named', () => {
      using lab = new Lab();
      const { failure } = lab.inside([make('bind', { source: '/nowhere', target: '/x' })], 'true');
      expect(failure).toEqual({ step: 2, errno: errno.ENOENT, call: 'open_tree', detail: '/nowhere' });
      expect(existsSync(join(lab.rootfs, 'x'))).toBe(false);
    });

    test('locked attributes stay where that is allowed', () => {
      using lab = new Lab();
      const locked = `mount -t tmpfs -o ro,nosuid none ${lab.outside} && exec unshare --user --map-root-user --mount --pid --fork "$@"`;
      const bind = { source: lab.outside, target: '/x', attrsClear: attr.rdonly | attr.noexec };
      const kept = lab.inside([proc, make('bind', { ...bind, keepLocked: 1 })], 'grep /x /proc/mounts', {
        before: locked,
      });
      expect(kept.stdout).toMatch(/ ro,nosuid/);
      const refused = lab.inside([proc, make('bind', bind)], 'true', { before: locked });
      expect(refused.failure).toMatchObject({ errno: errno.EPERM, call: 'mount_setattr' });
    });
  });

  describe('file systems', () => {
    test('the kernel says what is wrong with an option', () => {
      using lab = new Lab();
      const { failure } = lab.inside(
        [make('mount', { fstype: 'tmpfs', target: '/x', options: ['size=much'] })],
        'true',
      );
      expect(failure).toEqual({
        step: 2,
        errno: errno.EINVAL,
        call: 'fsconfig',
        detail: expect.stringMatching(/'size'/),
      });
      const unknown = lab.inside([make('mount', { fstype: 'nofs', target: '/x' })], 'true');
      expect(unknown.failure).toMatchObject({ errno: errno.ENODEV, call: 'fsopen' });
    });

    test('a tmpfs keeps the mode of the directory it hides', () => {
      using lab = new Lab();
      mkdirSync(join(lab.rootfs, 'closed'));
      chmodSync(join(lab.rootfs, 'closed'), 0o700);
      chmodSync(join(lab.rootfs, 'tmp'), 0o1777);
      const ops = [
        ...['/closed', '/tmp', '/missing'].map((target) => make('mount', { fstype: 'tmpfs', target })),
        make('mount', { fstype: 'tmpfs', target: '/bin', options: ['mode=751'], copyUp: 1 }),
      ];
      const { stdout } = lab.inside(ops, 'stat -c %a /closed /tmp /missing /bin');
      expect(stdout).toBe('700\n1777\n1777\n751\n');
    });

    test('copyUp takes the content along', () => {
      using lab = new Lab();
      const before = `cd ${lab.rootfs}; mkdir -p data/empty data/a; echo text >data/a/file; chown -R 7:8 data/a; chmod 6751 data/a/file
        ln -s /nowhere data/link; mkfifo -m 622 data/fifo; touch -d 2001-02-03T04:05:06 data/a/file data/a; head -c 3000000 /dev/zero >data/large`;
      const target = '/data';
      const script = `cd /data; stat -c '%n %a %u:%g %F %Y' a a/file fifo; cat a/file; readlink link; ls; stat -c %s large; touch x 2>&1`;
      const ops = [make('mount', { fstype: 'tmpfs', target, copyUp: 1, attrs: attr.rdonly })];
      const { stdout } = lab.inside(ops, script, { before });
      const time = Date.parse('2001-02-03T04:05:06') / 1000;
      expect(stdout.split('\n')).toEqual([
        `a 755 7:8 directory ${time}`,
        `a/file 6751 7:8 regular file ${time}`,
        expect.stringMatching(/^fifo 622 0:0 fifo/),
        ...['text', '/nowhere', 'a', 'empty', 'fifo', 'large', 'link', '3000000'],
        'touch: x: Read-only file system',
        '',
      ]);
    });

    test('an overlay of more layers than fsconfig can take', () => {
      using lab = new Lab();
      const layers = Array.from({ length: 20 }, (_, n) => join(lab.outside, `layer-${n}`));
      for (const [n, layer] of layers.entries()) {
        mkdirSync(layer);
        writeFileSync(join(layer, `file-${n}`), '');
      }
      const options = [`lowerdir=${layers.join(':')}`, 'ro'];
      const overlay = make('mount', {
        fstype: 'overlay',
        source: 'overlay',
        target: '/data',
        options,
        attrs: attr.nosuid,
      });
      const { stdout } = lab.inside(
        [proc, overlay],
        'ls /data | wc -l; grep -c /data /proc/self/mountinfo; cat /proc/mounts',
      );
      expect(stdout).toMatch(/^20\n1\n/);
      expect(mountsOf(stdout)['/data']).toMatch(/^overlay \/data overlay ro,nosuid,relatime,lowerdir=/);
      const missing = make('mount', { fstype: 'overlay', target: '/data', options: [`lowerdir=${'/x'.repeat(300)}`] });
      expect(lab.inside([missing], 'true').failure).toMatchObject({ errno: errno.ENOENT, call: 'mount' });
    });

    test('remount changes the mount, and the file system', () => {
      using lab = new Lab();
      const ops = [
        proc,
        make('mount', { fstype: 'tmpfs', target: '/x', options: ['size=64k'] }),
        make('remount', { target: '/x', attrsSet: attr.noexec, options: ['size=128k'] }),
        make('remount', { target: '/proc', attrsSet: attr.rdonly, attrsClear: attr.noexec }),
      ];
      const mounts = mountsOf(lab.inside(ops, 'cat /proc/mounts').stdout);
      expect(mounts['/x']).toMatch(/ rw,noexec,relatime,size=128k/);
      expect(mounts['/proc']).toMatch(/ ro,nosuid,nodev,relatime/);
      const noMount = lab.inside([make('remount', { target: '/bin', attrsSet: attr.rdonly })], 'true');
      expect(noMount.failure).toMatchObject({ errno: errno.EINVAL, call: 'mount_setattr' });
    });

    test('a read-only image is named as what is in the way', () => {
      using lab = new Lab();
      const before = `mount --bind ${lab.rootfs} ${lab.rootfs} && mount -o remount,ro,bind ${lab.rootfs}`;
      const { failure } = lab.inside([make('mount', { fstype: 'tmpfs', target: '/a/b' })], 'true', { before });
      expect(failure).toEqual({ step: 2, errno: errno.EROFS, call: 'mkdirat', detail: '/a' });
    });

    test('a container of a user namespace', () => {
      using lab = new Lab();
      const ops = [
        proc,
        dev,
        make('device', {
          path: '/dev/null',
          mode: fileType.character | 0o666,
          major: 1,
          minor: 3,
          fallback: '/dev/null',
        }),
        make('mount', {
          fstype: 'devpts',
          target: '/dev/pts',
          options: ['newinstance', 'ptmxmode=0666'],
          attrs: attr.nosuid | attr.noexec,
        }),
        make('mount', { fstype: 'mqueue', target: '/dev/mqueue', attrs: quiet }),
        make('maskPath', { path: '/proc/meminfo' }),
        make('maskPath', { path: '/proc/bus' }),
        make('readonlyPath', { path: '/proc/sys' }),
      ];
      const { stdout, failure } = lab.inside(ops, 'echo x >/dev/null && cut -d" " -f2 /proc/mounts', { user: true });
      expect(failure).toBeUndefined();
      const points = [
        '/',
        '/proc',
        '/dev',
        '/dev/null',
        '/dev/pts',
        '/dev/mqueue',
        '/proc/meminfo',
        '/proc/bus',
        '/proc/sys',
      ];
      expect(stdout.trim().split('\n').sort()).toEqual(points.sort());
    });
  });

  describe('nodes', () => {
    const node = (fields: Partial<Extract<Op, { op: 'device' }>>): Op => make('device', { path: '/dev/x', ...fields });
    const nullDevice = { mode: fileType.character | 0o666, major: 1, minor: 3 };

    test('exact mode and owner, also of a node that is there', () => {
      using lab = new Lab();
      const ops = [
        dev,
        node({ ...nullDevice, path: '/image/x', uid: 5, gid: 6 }),
        node({ ...nullDevice, path: '/dev/deep/y', mode: fileType.character | 0o4777 }),
        node({ path: '/dev/fifo', mode: fileType.fifo | 0o622 }),
        node({ ...nullDevice, path: '/image/x', mode: fileType.character | 0o600, gid: 7 }),
      ];
      const { stdout } = lab.inside(ops, 'stat -c "%a %u:%g %F %t:%T" /image/x /dev/deep/y /dev/fifo');
      expect(stdout).toBe(
        '600 0:7 character special file 1:3\n4777 0:0 character special file 1:3\n622 0:0 fifo 0:0\n',
      );
    });

    test('one that is there on a mount is left as it is', () => {
      using lab = new Lab();
      const ops = [
        dev,
        node({ ...nullDevice, uid: 5, gid: 6 }),
        node({ ...nullDevice, mode: fileType.character | 0o600, gid: 7 }),
      ];
      const { stdout } = lab.inside(ops, 'stat -c "%a %u:%g %F %t:%T" /dev/x');
      expect(stdout).toBe('666 5:6 character special file 1:3\n');
    });

    test.each(['touch x', 'ln -s /dev/null x', 'mknod x c 1 5'])(
      'something else in its place is an error: %s',
      (command) => {
        using lab = new Lab();
        const before = `mkdir ${lab.rootfs}/dev && cd ${lab.rootfs}/dev && ${command}`;
        const { failure } = lab.inside([node(nullDevice)], 'true', { before });
        expect(failure).toMatchObject({ errno: errno.EEXIST, call: 'mknodat' });
      },
    );

    test('a bound node is the one that was asked for', () => {
      using lab = new Lab();
      const bound = lab.inside(
        [dev, node({ ...nullDevice, fallback: '/dev/null', bindOnly: 1 })],
        'stat -c %t:%T /dev/x',
      );
      expect(bound.stdout).toBe('1:3\n');
      const other = lab.inside([dev, node({ ...nullDevice, fallback: '/dev/zero', bindOnly: 1 })], 'true');
      expect(other.failure).toMatchObject({ errno: errno.ENODEV, detail: '/dev/zero is another device' });
    });

    test('symbolic links replace what is there only when told to', () => {
      using lab = new Lab();
      const link = { target: '/dev/ptmx', text: 'pts/ptmx' };
      const ops = [
        dev,
        make('symlink', { target: '/dev/ptmx', text: 'old' }),
        make('symlink', link),
        make('symlink', { ...link, target: '/dev/fresh' }),
      ];
      const show = 'readlink /dev/ptmx';
      expect(lab.inside(ops, 'readlink /dev/ptmx; readlink /dev/fresh').stdout).toBe('old\npts/ptmx\n');
      expect(lab.inside([...ops, make('symlink', { ...link, mustReplace: 1 })], show).stdout).toMatch(/^pts\/ptmx\n/);
    });
  });

  describe('hidden and read-only paths', () => {
    test('files, directories and what is missing', () => {
      using lab = new Lab();
      const ops = [
        proc,
        ...['/proc/meminfo', '/proc/bus', '/proc/fs', '/proc/nothing', '/bin/sh/below', '/proc/tty'].map((path) =>
          make('maskPath', { path }),
        ),
        ...['/proc/sys/vm', '/proc/sys/kernel/hostname', '/nothing'].map((path) => make('readonlyPath', { path })),
      ];
      const script = `stat -c '%n %F %t:%T' /proc/meminfo; ls /proc/bus /proc/fs /proc/tty; touch /proc/bus/x 2>&1
        (echo x >/proc/sys/kernel/hostname) 2>&1; (echo 1 >/proc/sys/vm/drop_caches) 2>&1; echo x >/proc/sys/kernel/domainname; cut -d" " -f3,5 /proc/self/mountinfo`;
      const { stdout, failure } = lab.inside(ops, script);
      expect(failure).toBeUndefined();
      expect(stdout).toMatch(
        /^\/proc\/meminfo character special file 1:3\n\/proc\/bus:\n\n\/proc\/fs:\n\n\/proc\/tty:\n/,
      );
      expect(stdout.match(/Read-only file system/g)).toHaveLength(3);
      const devices = ['bus', 'fs', 'tty'].map((name) => new RegExp(`^(\\S+) /proc/${name}$`, 'm').exec(stdout)?.[1]);
      expect(new Set(devices).size).toBe(1);
    });

    test('the null device is verified, not believed (CVE-2025-31133)', () => {
      using lab = new Lab();
      const before = `mount -t tmpfs none /dev && ln -s ${lab.outside} /dev/null`;
      const { failure } = lab.inside([make('maskPath', { path: '/bin/sh' })], 'true', { before });
      expect(failure).toMatchObject({ errno: errno.ENODEV, detail: '/dev/null is not the null device' });
    });

    test('what is mounted below becomes read-only, too; also after pivot_root', () => {
      using lab = new Lab();
      const mounts = ['/a', '/a/b'].map((target) => make('mount', { fstype: 'tmpfs', target }));
      const after = [make('readonlyPath', { path: '/a' }), make('maskPath', { path: '/tmp' })];
      const ops = [
        make('openRoot', { path: lab.rootfs, privateParent: 1 }),
        ...[proc, dev, node('/dev/null'), ...mounts, make('pivotRoot'), ...after],
      ];
      const { stdout } = lab.run(ops, 'touch /a/x /a/b/x 2>&1; touch /tmp/x 2>&1');
      expect(stdout.match(/Read-only file system/g)).toHaveLength(3);
    });
  });

  describe('the root', () => {
    test('a shared "/" of the mount namespace is no obstacle', () => {
      using lab = new Lab();
      const ops = [
        make('setPropagation', { propagation: propagation.shared, recursive: 1 }),
        make('openRoot', { path: lab.rootfs, privateParent: 1 }),
        ...[proc, make('pivotRoot')],
      ];
      expect(lab.run(ops, 'cut -d" " -f5,7 /proc/self/mountinfo').stdout).toBe('/ -\n/proc -\n');
    });

    test('a shared parent mount is no obstacle, and stays as it is outside', () => {
      using lab = new Lab();
      const before = `mount --bind ${lab.directory} ${lab.directory} && mount --make-shared ${lab.directory}`;
      const ops = [make('openRoot', { path: lab.rootfs, privateParent: 1 }), proc, make('pivotRoot')];
      const { stdout, failure } = lab.run(ops, 'cut -d" " -f5 /proc/self/mountinfo', { before });
      expect(failure).toBeUndefined();
      expect(stdout).toBe('/\n/proc\n');
    });

    test('setRootAttrs makes it read-only and gives it its propagation', () => {
      using lab = new Lab();
      const ops = [
        make('openRoot', { path: lab.rootfs, privateParent: 1 }),
        proc,
        make('pivotRoot'),
        make('setRootAttrs', { attrsSet: attr.rdonly, propagation: propagation.shared }),
      ];
      const { stdout } = lab.run(ops, 'touch /x 2>&1; cut -d" " -f5-7 /proc/self/mountinfo');
      expect(stdout).toMatch(/Read-only file system\n\/ ro,(\S+,)?relatime shared:\d+\n\/proc rw,\S+ -\n/);
    });

    test('moveRoot, without pivot_root, leaves no proc or sysfs of the host', () => {
      using lab = new Lab();
      const ops = [make('openRoot', { path: lab.rootfs, privateParent: 1 }), proc, make('moveRoot')];
      // A process with the host's root still sees what lies below the container's.
      const count = join(lab.outside, 'count');
      const before = `(sleep 0.5; ls -A /proc /sys >${count}) &`;
      const { stdout } = lab.run(ops, 'pwd; ls /; cat /proc/self/mounts; sleep 1', { before: `{ ${before} }` });
      expect(stdout).toMatch(/^\/\nbin\nproc\ntmp\nusr\n/);
      expect(mountsOf(stdout)['/proc']).toMatch(/^proc /);
      expect(readFileSync(count, 'utf8')).toBe('/proc:\n\n/sys:\n');
    });

    test('changeRoot, without a mount namespace', () => {
      using lab = new Lab();
      const ops = [
        make('useRoot', { path: lab.rootfs }),
        make('makeDirectory', { target: '/made', mode: 0o750 }),
        make('changeRoot'),
        make('changeDirectory', { path: '/made', create: 1 }),
      ];
      expect(lab.run(ops, 'pwd; ls /; stat -c %a .').stdout).toBe('/made\nbin\nmade\ntmp\nusr\n750\n');
    });

    test('the working directory is made when missing, and must lie inside (CVE-2024-21626)', () => {
      using lab = new Lab();
      symlinkSync(`../../${lab.outside}`, join(lab.rootfs, 'link'));
      const start = [make('openRoot', { path: lab.rootfs, privateParent: 1 }), proc, make('pivotRoot')];
      const cwd = (path: string, create = 1) =>
        lab.run([...start, make('changeDirectory', { path, create })], 'pwd -P');
      expect(cwd('/new/place', 0).failure).toMatchObject({ errno: errno.ENOENT, call: 'openat2' });
      expect(cwd('/new/place').stdout).toBe('/new/place\n');
      expect(cwd('/new/place', 0).stdout).toBe('/new/place\n');
      expect(cwd('/link').stdout).toBe(`${lab.outside}\n`);
      expect(cwd('/proc/self/fd/3').failure).toMatchObject({ errno: errno.ELOOP });
      expect(cwd('/bin/busybox').failure).toMatchObject({ call: 'fchdir', detail: '/bin/busybox' });
    });

    test('kernel parameters', () => {
      using lab = new Lab();
      const set = (path: string, value: string) =>
        lab.inside([proc, make('setSysctl', { path, value })], 'cat /proc/sys/kernel/msgmax');
      expect(set('kernel/msgmax', '12345').stdout).toBe('12345\n');
      expect(set('kernel/nothing', '1').failure).toMatchObject({ errno: errno.ENOENT });
      expect(set('kernel/../../self/oom_score_adj', '1').failure).toMatchObject({
        errno: errno.EINVAL,
        call: 'openat2',
      });
      expect(set('kernel/msgmax', 'much').failure).toMatchObject({ errno: errno.EINVAL, call: 'write' });
    });

    test('labels of security modules go to a true procfs, whatever lies over /proc (CVE-2019-16884)', () => {
      using lab = new Lab();
      const fake = join(lab.outside, 'fake');
      mkdirSync(join(fake, 'thread-self/attr'), { recursive: true });
      writeFileSync(join(fake, 'thread-self/attr/exec'), '');
      // The sanitizers of the driver ask /proc for their options and end it in their way: what it printed counts.
      const before = `mount --bind ${fake} /proc`;
      const write = (...attributes: string[]) =>
        lab.run([make('setSecurityLabel', { attributes, value: 'exec nonsense' })], ':', { before }).stdout;
      // No module knows the label, if there is one at all.
      expect(write('none/exec', 'exec')).toMatch(/^0 \d+ write/);
      expect(readFileSync(join(fake, 'thread-self/attr/exec'), 'utf8')).toBe('');
      expect(write('none/exec', 'nothing')).toMatch(/^0 2 openat2/);
      expect(write('../../sys/kernel/hostname')).toMatch(/^0 22 openat2/);
    });

    test('labels of files', () => {
      using lab = new Lab();
      const label = 'system_u:object_r:container_file_t:s0:c1,c2';
      const set = (target: string) => lab.inside([make('setFileLabel', { target, label })], ':');
      expect(set('/tmp').failure).toBeUndefined();
      expect(execFileSync('stat', ['-c', '%C', join(lab.rootfs, 'tmp')], { encoding: 'utf8' }).trim()).toBe(label);
      expect(set('/missing').failure).toMatchObject({ errno: errno.ENOENT });
    });
  });
});

/** An image that attacks the runtime: each published escape is one test, named by its CVE. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { capabilityNumbers } from '../src/plan/capabilities.ts';
import { type Box, type Bundle, expect, type Patch, test } from './support/box.ts';
import { runtime } from './support/host.ts';
import { output } from './support/process.ts';

/** A directory of the host that an escape would write to. */
const outside = (box: Box): string => {
  const path = join(box.path, 'outside');
  mkdirSync(path);
  writeFileSync(join(path, 'file'), 'host\n');
  return path;
};

const bundleWith = async (box: Box, prepare: (rootfs: string) => void, patch: Patch): Promise<Bundle> => {
  const bundle = await box.bundle(patch);
  prepare(bundle.rootfs);
  return bundle;
};

describe('mount destinations through hostile symbolic links stay inside', () => {
  test.for([
    ['absolute', (target: string) => target],
    ['climbing', (target: string) => `../../../../../../../../../..${target}`],
  ] as const)('an %s link as the last component', async ([, link], { box }) => {
    const host = outside(box);
    const bundle = await bundleWith(
      box,
      (rootfs) => symlinkSync(link(host), join(rootfs, 'trap')),
      (config) => {
        config.mounts.push({ destination: '/trap', type: 'tmpfs', source: 'tmpfs' });
        config.process.args = ['sh', '-c', 'touch /trap/inside; mount | grep tmpfs'];
      },
    );
    const { code, stdout } = await box.run(bundle);
    expect(code).toBe(0);
    expect(readdirSync(host)).toEqual(['file']);
    expect(stdout).toContain(`${host} `);
    expect(existsSync(join(bundle.rootfs, host, 'inside'))).toBe(false); // it went to the tmpfs
  });

  test('a link in the middle: missing directories are made below the root only (CVE-2024-45310)', async ({ box }) => {
    const host = outside(box);
    const bundle = await bundleWith(
      box,
      (rootfs) => symlinkSync(host, join(rootfs, 'trap')),
      (config) => {
        config.mounts.push({ destination: '/trap/new/deep', type: 'tmpfs', source: 'tmpfs' });
      },
    );
    expect((await box.run(bundle)).code).toBe(0);
    expect(readdirSync(host)).toEqual(['file']);
    expect(existsSync(join(bundle.rootfs, host, 'new/deep'))).toBe(true);
  });

  test('a bind of a file over a link creates nothing outside', async ({ box }) => {
    const host = outside(box);
    const source = join(box.path, 'source');
    writeFileSync(source, 'bound\n');
    const bundle = await bundleWith(
      box,
      (rootfs) => symlinkSync(join(host, 'created'), join(rootfs, 'trap')),
      (config) => {
        config.mounts.push({ destination: '/trap', type: 'bind', source, options: ['bind'] });
        config.process.args = ['cat', '/trap'];
      },
    );
    const { stdout } = await box.run(bundle);
    expect(stdout).toBe('bound\n');
    expect(readdirSync(host)).toEqual(['file']);
  });
});

describe('/proc', () => {
  test('as a symbolic link is refused (CVE-2019-19921, CVE-2023-28642)', async ({ box }) => {
    const bundle = await bundleWith(
      box,
      (rootfs) => {
        rmSync(join(rootfs, 'proc'), { recursive: true });
        mkdirSync(join(rootfs, 'elsewhere'));
        symlinkSync('/elsewhere', join(rootfs, 'proc'));
      },
      () => {},
    );
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain('/proc');
    expect(stderr).toContain('/mounts/0');
  });

  test('a false one cannot receive a sysctl (CVE-2025-52881)', async ({ box }) => {
    const fake = join(box.path, 'fakeproc');
    mkdirSync(join(fake, 'sys/net/ipv4'), { recursive: true });
    writeFileSync(join(fake, 'sys/net/ipv4/ip_forward'), 'untouched');
    const bundle = await box.bundle((config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== '/proc');
      config.mounts.push({ destination: '/proc', type: 'bind', source: fake, options: ['bind'] });
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.process.args = ['cat', '/proc/sys/net/ipv4/ip_forward'];
    });
    const { stdout } = await box.run(bundle);
    expect(stdout).not.toContain('1');
    expect(readFileSync(join(fake, 'sys/net/ipv4/ip_forward'), 'utf8')).toBe('untouched');
  });
});

describe('/dev', () => {
  test('as a link to the outside: nodes and links are made inside (CVE-2026-41579)', async ({ box }) => {
    const host = outside(box);
    const bundle = await bundleWith(
      box,
      (rootfs) => {
        rmSync(join(rootfs, 'dev'), { recursive: true, force: true });
        symlinkSync(host, join(rootfs, 'dev'));
      },
      (config) => {
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
      },
    );
    await box.run(bundle);
    expect(readdirSync(host)).toEqual(['file']);
  });

  test('with a false null: masked paths show nothing of it (CVE-2025-31133)', async ({ box }) => {
    const secret = join(box.path, 'secret');
    writeFileSync(secret, 'secret\n');
    const bundle = await bundleWith(
      box,
      (rootfs) => writeFileSync(join(rootfs, 'victim'), 'victim\n'),
      (config) => {
        // The image brings its own /dev with a link in the place of null.
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
        config.mounts.push({ destination: '/dev', type: 'bind', source: join(box.path, 'fakedev'), options: ['bind'] });
        config.linux.maskedPaths = ['/victim'];
        config.process.args = ['sh', '-c', 'cat /victim; stat -c %t:%T /victim'];
      },
    );
    mkdirSync(join(box.path, 'fakedev'));
    symlinkSync('/etc/passwd', join(box.path, 'fakedev/null'));
    const { stdout } = await box.run(bundle);
    expect(stdout).toBe('1:3\n');
  });
});

describe('the working directory', () => {
  test('in /proc/self/fd reaches no descriptor of the runtime (CVE-2024-21626)', async ({ box }) => {
    for (const fd of [3, 4, 5, 6, 7, 8, 9, 10]) {
      const { code, stdout } = await box.probe('cat ../../../../etc/hostname; pwd', (config) => {
        config.process.cwd = `/proc/self/fd/${fd}`;
      });
      expect(`${code}${stdout}`).toMatch(/^1$/);
    }
  });
});

describe('ids', () => {
  test.for([
    ['uid', { uid: 2 ** 32 - 1, gid: 1000 }],
    ['gid', { uid: 1000, gid: 2 ** 32 - 1 }],
    ['additionalGids', { uid: 1000, gid: 1000, additionalGids: [2 ** 32 - 1] }],
  ] as const)(
    'the number by which the kernel means "as it is" does not leave the program root: %s',
    async ([name, user], { box }) => {
      const { code, stdout, stderr } = await box.probe('id', (config) => {
        config.process.user = { ...user, additionalGids: [...('additionalGids' in user ? user.additionalGids : [])] };
      });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(`/process/user/${name}`);
    },
  );

  test('numbers are numbers, whatever the passwd of the image says (CVE-2016-3697)', async ({ box }) => {
    const bundle = await bundleWith(
      box,
      (rootfs) => writeFileSync(join(rootfs, 'etc/passwd'), '1000:x:0:0:root:/root:/bin/sh\n'),
      (config) => {
        config.process.user = { uid: 1000, gid: 1000 };
        config.process.args = ['sh', '-c', 'grep -E "^(Uid|Gid)" /proc/self/status'];
      },
    );
    const { stdout } = await box.run(bundle);
    expect(stdout.replace(/\s+/g, ' ').trim()).toBe('Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000');
  });
});

test('a passwd of terabytes holds up neither run nor exec', async ({ box }) => {
  const hole = (rootfs: string): void => {
    writeFileSync(join(rootfs, 'etc/passwd'), 'ann:x:7:7::/ann:/bin/sh\n');
    truncateSync(join(rootfs, 'etc/passwd'), 3e12);
  };
  const bundle = await bundleWith(box, hole, (config) => {
    config.process.args = ['sh', '-c', 'echo $HOME > /answer; exec sleep 100'];
  });
  const id = box.id();
  await box.ok('run', '--detach', '-b', bundle.path, id, { timeout: 5000 });
  const answer = join(bundle.rootfs, 'answer');
  await expect.poll(() => existsSync(answer) && readFileSync(answer, 'utf8')).toBe('/\n');
  const homeOf = async (uid: string): Promise<string> =>
    (await box.ok('exec', '--user', uid, id, 'sh', '-c', 'echo $HOME', { timeout: 5000 })).stdout;
  expect([await homeOf('7'), await homeOf('8')]).toEqual(['/ann\n', '/\n']);
});

describe('the runtime’s own program', () => {
  test('cannot be reached as /proc/self/exe of a hook or of the program (CVE-2019-5736)', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['/proc/self/exe', 'x'];
    });
    const { code, stderr } = await box.run(bundle);
    // What would be executed is the helper, in its sealed memfd: it refuses to be anything but the helper.
    expect(code).not.toBe(0);
    expect(stderr).not.toContain('Usage');
  });
});

describe('exec', () => {
  test('a working directory in /proc/self/fd reaches no descriptor of the runtime (CVE-2024-21626)', async ({
    box,
  }) => {
    const id = await box.running();
    for (const fd of [0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      const outcome = await box.tsrunc('exec', '--cwd', `/proc/self/fd/${fd}`, id, 'pwd');
      expect(outcome).toMatchObject({ code: 255, stdout: '' });
    }
  });

  test('/proc/self/exe is the sealed helper, and not the runtime (CVE-2019-5736)', async ({ box }) => {
    const id = await box.running();
    const before = statSync(runtime);
    const direct = await box.tsrunc('exec', id, '/proc/self/exe');
    expect(direct).toMatchObject({ code: 2, stdout: '' });
    expect(direct.stderr).toContain('tsrunc-init is started by tsrunc only');
    // As the interpreter of a script, which then opens the executable of whoever runs it.
    await box.ok('exec', id, 'sh', '-c', "printf '#!/proc/self/exe\\n' > /trap; chmod +x /trap");
    expect((await box.tsrunc('exec', id, '/trap')).stderr).toContain('tsrunc-init is started by tsrunc only');
    expect(statSync(runtime)).toMatchObject({ mtimeMs: before.mtimeMs, size: before.size, ino: before.ino });
  });

  test('processes of the container can open nothing of the helper on its way in (CVE-2016-9962)', async ({ box }) => {
    const script = `while [ ! -e /stop ]; do for p in /proc/[0-9]*; do
      ls -l $p/fd 2>/dev/null | grep -E 'memfd|cgroup|tasks|state' && cat $p/cmdline
      readlink $p/exe | grep memfd; done; done > /seen 2>/dev/null; echo done > /done; sleep 100`;
    const capabilities = Object.keys(capabilityNumbers);
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', script];
      // All that a container may be given, short of tracing everybody.
      const set = capabilities.filter((name) => name !== 'CAP_SYS_PTRACE' && name !== 'CAP_SYS_RESOURCE');
      config.process.capabilities = { bounding: set, effective: set, permitted: set };
    });
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    for (let round = 0; round < 15; round++) await box.ok('exec', id, 'true');
    writeFileSync(join(bundle.rootfs, 'stop'), '');
    await expect.poll(() => existsSync(join(bundle.rootfs, 'done')), { timeout: 5000 }).toBe(true);
    expect(readFileSync(join(bundle.rootfs, 'seen'), 'utf8')).toBe('');
  });

  test('even who may trace everybody finds nothing of the host in it (CVE-2019-5736, CVE-2024-21626)', async ({
    box,
  }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', '/spy > /seen'];
      const set = ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH', 'CAP_SYS_ADMIN'];
      config.process.capabilities = { bounding: set, effective: set, permitted: set };
    });
    const source = join(import.meta.dirname, 'support/spy.c');
    await output('cc', ['-O1', '-static', '-o', join(bundle.rootfs, 'spy'), source]);
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    for (let round = 0; round < 20; round++) await box.ok('exec', id, 'true');
    const seen = readFileSync(join(bundle.rootfs, 'seen'), 'utf8').trim().split('\n');
    expect(seen).toContain('root / own');
    // Its own streams are files without a name; the part of the plan is sealed, and of the container; so are the accounts that
    // the helper reads once it is inside, and the program that it becomes.
    const harmless =
      /^(exe|fd) \/memfd:tsrunc-(init|part) |^fd (socket:|anon_inode:|\/dev\/null|\/etc\/(passwd|group)$|\S*tsrunc-test-io-)|^exe \/bin\/busybox$|^\w+ \/ own$/;
    expect(seen.filter((line) => !harmless.test(line))).toEqual([]);
  });

  test('a false /dev/pts hands out no terminal (CVE-2025-52565)', async ({ box }) => {
    const host = outside(box);
    const bundle = await bundleWith(
      box,
      (rootfs) => {
        mkdirSync(join(rootfs, 'dev/pts'), { recursive: true });
        symlinkSync('/dev/ptmx', join(rootfs, 'dev/pts/ptmx'));
        symlinkSync(join(host, 'file'), join(rootfs, 'dev/ptmx'));
      },
      (config) => {
        config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
        config.mounts.push({ destination: host, type: 'bind', source: host, options: ['bind'] });
        config.process.args = ['sleep', '100'];
      },
    );
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    const { code, stderr } = await box.tsrunc('exec', '--tty', id, 'true');
    expect(code).toBe(255);
    expect(stderr).toMatch(/open the terminal of the container/);
    expect(readFileSync(join(host, 'file'), 'utf8')).toBe('host\n');
  });

  test('a device of the image at /dev/pts/ptmx is not even opened', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
      config.linux.resources = { devices: [{ allow: true, access: 'rwm' }] };
      config.process.args = ['sleep', '100'];
    });
    mkdirSync(join(bundle.rootfs, 'dev/pts'), { recursive: true });
    // No driver has this number: to open it is ENXIO.
    await output('mknod', [join(bundle.rootfs, 'dev/pts/ptmx'), 'c', '4095', '1']);
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    const { code, stderr } = await box.tsrunc('exec', '--tty', id, 'true');
    expect(code).toBe(255);
    expect(stderr).toMatch(/open the terminal of the container.*: ENOTTY/);
  });

  test('a reused pid is not entered: the process is known by its start time, too', async ({ box }) => {
    const id = await box.running();
    const file = join(box.root, id, 'state.json');
    const record = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...record, pid: process.pid }));
    const { code, stderr } = await box.tsrunc('exec', id, 'true');
    writeFileSync(file, JSON.stringify(record));
    expect(code).toBe(255);
    expect(stderr).toContain('cannot exec in a stopped container');
  });

  test('the environment and the passwd of the image decide nothing about ids (CVE-2016-3697)', async ({ box }) => {
    const bundle = await bundleWith(
      box,
      (rootfs) => writeFileSync(join(rootfs, 'etc/passwd'), '1000:x:0:0:root:/root:/bin/sh\n'),
      (config) => {
        config.process.args = ['sleep', '100'];
      },
    );
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    expect((await box.ok('exec', '--user', '1000', id, 'id', '-u')).stdout).toBe('1000\n');
  });
});

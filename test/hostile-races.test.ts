/**
 * An image whose names change while the runtime looks at them: somebody who shares the directory (another container with the same
 * volume) swaps what is right for a link to the host, as fast as renaming goes. Whatever each start ends with, nothing of the host
 * is mounted over, made, written or shown (CVE-2021-30465, CVE-2024-45310, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Box, type Bundle, expect, type Outcome, type Patch, test } from './support/box.ts';
import { isRoot, repository } from './support/host.ts';
import { output } from './support/process.ts';

const rounds = 12;

const swapper = join(repository, 'build', `swap-${process.pid}`);
beforeAll(() => {
  execFileSync('cc', ['-O1', '-static', '-o', swapper, join(import.meta.dirname, 'support/swap.c')]);
});
afterAll(() => rmSync(swapper, { force: true }));

const whileSwapping = async (one: string, other: string, work: () => Promise<void>): Promise<void> => {
  const child = spawn(swapper, [one, other], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  try {
    await work();
  } finally {
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    await ended;
  }
};

interface Race {
  /** What the config asks for. */
  readonly patch: Patch;
  /** Path in the image that is swapped with a link to the directory (or to a file in it) outside. */
  readonly name: string;
  readonly link?: (outside: string) => string;
  /** Makes the honest thing at that path. */
  readonly make?: (path: string) => Promise<unknown>;
  /** Looks at how each start went. */
  readonly judge?: (outcome: Outcome) => void;
}

const race = async (box: Box, { patch, name, link = (path) => path, make, judge }: Race): Promise<void> => {
  const outside = join(box.path, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'file'), 'host\n');
  const bundle: Bundle = await box.bundle(patch);
  const path = join(bundle.rootfs, name);
  if (make === undefined) mkdirSync(path, { recursive: true });
  else await make(path);
  symlinkSync(link(outside), `${path}.trap`);
  const before = statSync(join(outside, 'file'));
  await whileSwapping(path, `${path}.trap`, async () => {
    for (let round = 0; round < rounds; round++) judge?.(await box.run(bundle));
  });
  expect(readdirSync(outside)).toEqual(['file']);
  expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('host\n');
  const { mode, uid, ino, ctimeMs } = statSync(join(outside, 'file'));
  expect({ mode, uid, ino, ctimeMs }).toEqual({
    mode: before.mode,
    uid: before.uid,
    ino: before.ino,
    ctimeMs: before.ctimeMs,
  });
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(outside);
};

const withoutDev: Patch = (config) => {
  config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith('/dev'));
};

describe.skipIf(!isRoot)('while names of the image are swapped for links to the host', { timeout: 60_000 }, () => {
  test('a mount and the directories that are made for it stay inside', ({ box }) =>
    race(box, {
      name: 'd',
      patch: (config) => {
        config.mounts.push({ destination: '/d/made/here', type: 'tmpfs', source: 'tmpfs' });
        config.process.args = ['touch', '/d/made/here/x'];
      },
    }));

  test('a bind over a file stays inside', ({ box }) =>
    race(box, {
      name: 'f',
      make: async (path) => writeFileSync(path, ''),
      link: (outside) => join(outside, 'file'),
      patch: (config) => {
        config.mounts.push({ destination: '/f', type: 'bind', source: '/dev/zero', options: ['bind'] });
      },
    }));

  test('devices are made inside', ({ box }) =>
    race(box, {
      name: 'nodes',
      patch: (config) => {
        config.linux.devices = [{ type: 'c', path: '/nodes/a/x', major: 1, minor: 5, fileMode: 0o777, uid: 9 }];
      },
    }));

  test('a masked file is the null device, whatever the image has at /dev/null', ({ box }) =>
    race(box, {
      name: 'dev/null',
      link: (outside) => join(outside, 'file'),
      make: async (path) => {
        mkdirSync(dirname(path), { recursive: true });
        await output('mknod', ['-m', '666', path, 'c', '1', '3']);
      },
      patch: (config) => {
        withoutDev(config);
        config.linux.maskedPaths = ['/etc/passwd'];
        config.process.args = ['stat', '-c', '%t:%T', '/etc/passwd'];
      },
      judge: ({ code, stdout }) => {
        if (code === 0) expect(stdout).toBe('1:3\n');
      },
    }));

  test('what is masked or made read-only is inside', ({ box }) =>
    race(box, {
      name: 'd',
      patch: (config) => {
        config.linux.maskedPaths = ['/d/file', '/d'];
        config.linux.readonlyPaths = ['/d'];
      },
    }));

  test('/proc is a procfs or nothing, and kernel parameters go to a real one', ({ box }) =>
    race(box, {
      name: 'proc',
      make: async (path) => chmodSync(path, 0o755),
      patch: (config) => {
        config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
        config.process.args = ['sh', '-c', 'stat -f -c %T /proc; cat /proc/sys/net/ipv4/ip_forward'];
      },
      judge: ({ code, stdout }) => {
        // What was swapped since is not looked into: a mount goes along with its directory.
        if (code === 0) expect(stdout).toMatch(/^(proc\n)?(1\n)?$/);
      },
    }));

  test('the working directory is inside', ({ box }) =>
    race(box, {
      name: 'd',
      link: () => '/proc/self/fd/7',
      patch: (config) => {
        config.process.cwd = '/d';
        config.process.args = [
          'sh',
          '-c',
          'cd ../../../../..; [ -e bin/busybox ] && ls -id . / | cut -d" " -f1 | uniq | wc -l',
        ];
      },
      judge: ({ code, stdout }) => {
        if (code === 0) expect(stdout.trim()).toBe('1');
      },
    }));
});

describe.skipIf(!isRoot)('while the container itself swaps them', { timeout: 60_000 }, () => {
  /** A running container that swaps two names of its own. */
  const swapping = async (box: Box, prepare: string, one: string, other: string): Promise<string> => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-ec', `${prepare}; exec /swap ${one} ${other} > /ready`];
    });
    copyFileSync(swapper, join(bundle.rootfs, 'swap'));
    const id = box.id();
    await box.ok('run', '-d', '-b', bundle.path, id);
    await expect
      .poll(() => existsSync(join(bundle.rootfs, 'ready')) && statSync(join(bundle.rootfs, 'ready')).size)
      .toBe(9);
    return id;
  };

  test('exec starts in no directory of the runtime', async ({ box }) => {
    const id = await swapping(box, 'mkdir /d; ln -s /proc/self/fd/7 /d.trap', '/d', '/d.trap');
    const look = 'cd ../../../../..; ls -id . / | awk "{print \\$1}" | uniq | wc -l';
    for (let round = 0; round < rounds; round++) {
      const { code, stdout } = await box.tsrunc('exec', '--cwd', '/d', id, 'sh', '-c', look);
      if (code === 0) expect(stdout.trim()).toBe('1');
    }
  });

  test('a terminal of exec is one of its own, and nothing is mounted over another', async ({ box }) => {
    const id = await swapping(
      box,
      'echo guard > /guard; ln -s /guard /dev/console.trap; touch /dev/console',
      '/dev/console',
      '/dev/console.trap',
    );
    for (let round = 0; round < rounds; round++) await box.tsrunc('exec', '--tty', id, 'tty');
    expect((await box.ok('exec', id, 'cat', '/guard')).stdout).toBe('guard\n');
    expect((await box.ok('exec', id, 'cat', '/proc/self/mountinfo')).stdout).not.toContain(' /guard ');
  });
});

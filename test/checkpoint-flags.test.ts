/** checkpoint and restore: what must be allowed or chosen by a flag. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { decode } from '../src/criu/protobuf.ts';
import { type Box, eventually, expect, output, patient, test } from './support/box.ts';
import {
  counted,
  counter,
  ended,
  holder,
  holding,
  reaches,
  revive,
  type Saved,
  save,
  start,
  startWith,
  useHolder,
} from './support/checkpoint.ts';
import { criuHas, withoutCriu } from './support/criu.ts';
import { cgroupsOf, hasCommand, isCgroupV2, runtime } from './support/host.ts';
import { unshared } from './support/mounts.ts';
import { namespaceFile } from './support/namespaces.ts';

useHolder();

const refused = async (box: Box, { id, images }: Saved, ...flags: readonly string[]): Promise<string> => {
  const { code, stderr } = await box.tsrunc('checkpoint', '--image-path', images, ...flags, id);
  expect(code).toBe(1);
  expect(await box.state(id)).toMatchObject({ status: 'running' });
  return stderr;
};

/** Linux 6.16 has options of unix sockets for these alone, where criu 4.1 asks TCP sockets, too. */
const tooOldForSockets = "Can't get 1:16 opt";

/** A file in the root file system. */
const file = ({ bundle }: Saved, name: string): string => readFileSync(join(bundle.rootfs, name), 'utf8');

/** Whether criu can do so here: what it needs of iptables is no feature that it could be asked for. */
const locks = {
  iptables: () => {
    const { status } = spawnSync('unshare', ['-n', 'iptables', ...'-A INPUT -m mark --mark 1 -j ACCEPT'.split(' ')]);
    return status === 0;
  },
  nftables: () => criuHas('network_lock_nftables'),
};

/** What criu notes for the restore (inventory_entry): behind two magic numbers and its size. */
const lockOf = ({ images }: Saved): number | undefined =>
  decode({ network_lock_method: { number: 11, type: 'int' } }, readFileSync(join(images, 'inventory.img')).subarray(12))
    .network_lock_method;

/** An echo server and its client, which writes down what comes back. */
const echoing = async (box: Box): Promise<Saved> => {
  const saved = await start(
    box,
    `nc -ll -p 9000 -e cat & sleep 0.3
     (i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done) | nc 127.0.0.1 9000 | while read n; do echo $n > /new; mv /new /count; done`,
  );
  await reaches(saved, 3);
  return saved;
};

describe.skipIf(withoutCriu !== undefined)(`flags of checkpoint and restore (${withoutCriu ?? 'criu works'})`, () => {
  test('TCP connections: refused with the way out, or kept with --tcp-established', async ({ box, skip }) => {
    const saved = await echoing(box);
    const message = await refused(box, saved);
    if (message.includes(tooOldForSockets)) return skip(message);
    expect(message).toContain('use --tcp-established');
    await save(box, saved, '--tcp-established');
    const before = counted(saved);
    await revive(box, saved, '--tcp-established');
    await reaches(saved, before + 5);
  });

  test('--tcp-close ends the connections of the checkpoint', async ({ box, skip }) => {
    const saved = await start(
      box,
      `nc -ll -p 9000 -e cat & sleep 0.3
       while :; do (while :; do echo x; sleep 0.1; done) | nc 127.0.0.1 9000 > /dev/null; echo end >> /ends; echo 5 > /count; sleep 0.1; done`,
    );
    await expect
      .poll(async () => (await box.ok('exec', saved.id, 'cat', '/proc/net/tcp')).stdout, { timeout: patient(10_000) })
      .toMatch(/ 01 /);
    const { stderr } = await box.tsrunc('checkpoint', '--tcp-established', '--image-path', saved.images, saved.id);
    if (stderr.includes(tooOldForSockets)) return skip(stderr);
    await revive(box, saved, '--tcp-close');
    await expect.poll(() => file(saved, 'ends'), { timeout: patient(10_000) }).toContain('end');
  });

  test('a TCP connection that nobody has accepted: refused with the way out, or left out with --tcp-skip-in-flight', async ({
    box,
  }) => {
    const saved = await holding(box, ['pending', '/count']);
    const { code, stderr } = await box.tsrunc(
      'checkpoint',
      '--tcp-established',
      '--image-path',
      saved.images,
      saved.id,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('use --tcp-skip-in-flight');
    await save(box, saved, '--tcp-established', '--tcp-skip-in-flight');
    const before = file(saved, 'count').length;
    await revive(box, saved, '--tcp-established');
    await expect.poll(() => file(saved, 'count').length, { timeout: patient(10_000) }).toBeGreaterThan(before);
  });

  test.for([
    ['iptables', 0],
    ['nftables', 1],
  ] as const)('--network-lock %s holds packets back meanwhile', async ([lock, method], { box, skip }) => {
    skip(!locks[lock](), `this host has no ${lock} for criu`);
    const saved = await echoing(box);
    const flags = ['--tcp-established', '--network-lock', lock];
    await save(box, saved, ...flags);
    expect(lockOf(saved)).toBe(method);
    const before = counted(saved);
    await revive(box, saved, ...flags);
    await reaches(saved, before + 5);
  });

  test('file locks: refused with the way out, or kept with --file-locks', async ({ box }) => {
    const saved = await holding(box, ['lock', '/lock']);
    expect(await refused(box, saved)).toContain('use --file-locks');
    await save(box, saved, '--file-locks');
    await revive(box, saved, '--file-locks');
    expect((await box.tsrunc('exec', saved.id, '/bin/holder', 'lock', '/lock')).stderr).toContain('lock:');
  });

  test('a unix socket of somebody outside: refused with the way out, or connected again with --ext-unix-sk', async ({
    box,
  }) => {
    const directory = join(box.path, 'shared');
    mkdirSync(directory);
    const server = spawn(holder, ['serve', join(directory, 'socket')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let received = '';
    server.stdout.on('data', (data) => {
      received += data;
    });
    const last = (): number => Number(received.trim().split('\n').at(-1));
    await eventually('it listens', () => existsSync(join(directory, 'socket')) || undefined);
    try {
      const saved = await holding(box, ['socket', join(directory, 'socket')], (config) => {
        // At the same place: criu connects to the name that the other end was bound to.
        config.mounts.push({ destination: directory, type: 'bind', source: directory, options: ['bind'] });
        // criu looks for the other end among the sockets of the container's own network namespace.
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network');
      });
      await expect.poll(last, { timeout: patient(10_000) }).toBeGreaterThan(2);
      expect(await refused(box, saved)).toContain('use --ext-unix-sk');
      await save(box, saved, '--ext-unix-sk');
      const before = last();
      await revive(box, saved, '--ext-unix-sk');
      await expect.poll(last, { timeout: patient(10_000) }).toBeGreaterThan(before + 2);
      await box.ok('delete', '--force', saved.id);
    } finally {
      server.kill('SIGKILL');
    }
  });

  test.for([[[]], [['--shell-job']]] as const)(
    'a terminal of the caller gives way to that of the new one: %j',
    async ([flags], { box }) => {
      const id = box.id();
      const bundle = await box.bundle((config) => {
        config.process.args = ['sh', '-c', 'i=0; while ! test -e /end; do i=$((i+1)); echo $i; sleep 0.05; done'];
      });
      const saved = { id, bundle, images: join(box.path, 'images') };
      const onTerminal = (name: string, ...words: readonly string[]) => {
        const command = [runtime, '--root', box.root, ...words, id].join(' ');
        const child = spawn('script', ['-qfec', command, join(box.path, name)], { stdio: 'ignore' });
        const numbers = () =>
          readFileSync(join(box.path, name), 'utf8')
            .split('\r\n')
            .filter((line) => /^\d+$/.test(line))
            .map(Number);
        return { end: ended(child), numbers };
      };
      const first = onTerminal('first', 'run', '--bundle', bundle.path);
      await expect.poll(() => first.numbers().length, { timeout: patient(10_000) }).toBeGreaterThan(2);
      await save(box, saved, ...flags);
      await first.end;
      const second = onTerminal('second', 'restore', ...flags, '--bundle', bundle.path, '--image-path', saved.images);
      await expect.poll(() => second.numbers().length, { timeout: patient(10_000) }).toBeGreaterThan(2);
      expect(second.numbers()[0]).toBeGreaterThan(first.numbers().at(-1) ?? Number.NaN);
      writeFileSync(join(bundle.rootfs, 'end'), '');
      expect(await second.end).toBe(0);
    },
  );

  test('an open file whose name is gone: refused with the way out, or kept with --link-remap', async ({ box }) => {
    const saved = await holding(box, ['deleted', '/first', '/second']);
    expect(await refused(box, saved)).toContain('try --link-remap');
    await save(box, saved, '--link-remap');
    const before = file(saved, 'second').length;
    await revive(box, saved);
    await expect.poll(() => file(saved, 'second').length, { timeout: patient(10_000) }).toBeGreaterThan(before);
  });

  test.for([
    [['--status-fd', '77'], 'invalid --status-fd argument 77: not open'],
    [['--page-server', 'nowhere'], 'Use --page-server ADDRESS:PORT'],
    [['--page-server', '127.0.0.1:99999'], 'Use --page-server ADDRESS:PORT'],
    [['--parent-path', '/absolute'], '--parent-path must be relative'],
    [['--parent-path', '../none'], 'invalid --parent-path: there is no directory'],
    [['--empty-ns', 'pid'], 'namespace "pid" is not supported by --empty-ns'],
    [['--manage-cgroups-mode', 'none'], 'soft or full or strict or ignore'],
  ] as const)('%j is refused', async ([flags, message], { box }) => {
    const { code, stderr } = await box.tsrunc('checkpoint', ...flags, 'tsrunc-test-nobody');
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test('as containerd calls them', async ({ box }) => {
    const saved = await start(box, counter);
    const { id, bundle, images } = saved;
    const work = join(box.path, 'work');
    mkdirSync(images);
    mkdirSync(work);
    const paths = ['--image-path', images, '--work-path', work];
    await box.ok('checkpoint', ...paths, '--file-locks', '--leave-running', id);
    await box.ok('delete', '--force', id);
    const pidFile = join(box.path, 'pid');
    await box.ok('restore', ...paths, '--detach', '--pid-file', pidFile, '-no-subreaper', '--bundle', bundle.path, id);
    expect(readFileSync(pidFile, 'utf8')).toBe(String((await box.state(id)).pid));
    expect(readdirSync(work)).toEqual(expect.arrayContaining(['dump.log', 'restore.log']));
  });

  test('the flags that change nothing here', async ({ box }) => {
    const saved = await startWith(box, counter, 'ignore');
    const flags = ['--shell-job', '--empty-ns', 'network', '--network-lock', 'skip', '--tcp-established'];
    await save(box, saved, ...flags, '--tcp-skip-in-flight', '--auto-dedup');
    const before = counted(saved);
    await revive(box, saved, ...flags, '--auto-dedup', '--no-pivot');
    await reaches(saved, before + 2);
  });

  test('--work-path takes the logs; org.criu.config names a file of /etc/criu with further options', async ({
    box,
  }) => {
    const etc = join(box.path, 'etc');
    mkdirSync(join(etc, 'criu'), { recursive: true });
    writeFileSync(join(etc, 'criu/mine.conf'), 'log-file=mine.log\n');
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.annotations = { 'org.criu.config': '/etc/criu/mine.conf' };
      config.process.args = ['sh', '-c', counter];
    });
    const [work, images] = [join(box.path, 'work'), join(box.path, 'images')];
    const words = `--image-path ${images} --work-path ${work}`;
    // In one mount namespace, which is where criu looks for what the container has open.
    const script = `"$@" run -d -b ${bundle.path} ${id} </dev/null >/dev/null && "$@" checkpoint ${words} ${id} &&
      "$@" restore -d -b ${bundle.path} ${words} ${id} </dev/null >/dev/null`;
    const program = ['sh', '-c', script, 'sh', runtime, '--root', box.root];
    expect(await unshared(`mount -t overlay none -o lowerdir=${etc}:/etc /etc`, program)).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(readdirSync(work)).toContain('mine.log');
    expect(readdirSync(images).filter((name) => name.endsWith('.log'))).toEqual([]);
  });

  test('org.criu.config of an image does not choose a file of the image', async ({ box }) => {
    const saved = await start(box, counter, (config) => {
      config.annotations = { 'org.criu.config': join(box.path, 'evil.conf') };
    });
    const ran = join(box.path, 'ran');
    writeFileSync(join(box.path, 'x.sh'), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    writeFileSync(join(box.path, 'evil.conf'), `action-script ${box.path}/x.sh\n`);
    const { code, stderr } = await box.tsrunc('checkpoint', '--image-path', saved.images, saved.id);
    expect(code).toBe(1);
    expect(stderr).toContain('which is not in /etc/criu');
    expect({ ran: existsSync(ran), images: existsSync(saved.images) }).toEqual({ ran: false, images: false });
    expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
  });

  test('--manage-cgroups-mode strict: what to do instead is said', async ({ box }) => {
    const saved = await start(box, counter);
    await save(box, saved, '--manage-cgroups-mode', 'strict');
    const { code, stderr } = await box.tsrunc(
      ...['restore', '-d', '-b', saved.bundle.path, '--image-path', saved.images],
      ...['--manage-cgroups-mode', 'strict', saved.id],
    );
    expect(code).toBe(1);
    expect(stderr).toContain('use --manage-cgroups-mode soft or ignore');
    expect(readdirSync(box.root)).toEqual([]);
    await revive(box, saved, '--manage-cgroups-mode', 'soft');
  });

  test.for([
    ['soft', 'config.json'],
    ['ignore', 'config.json'],
    // Of the limits of v2 criu keeps none.
    ['full', isCgroupV2 ? 'config.json' : 'the checkpoint'],
  ])('--manage-cgroups-mode %s: the limits are those of %s', async ([mode = '', source], { box }) => {
    const saved = await start(box, counter, (config) => {
      config.linux.resources = { pids: { limit: 20 } };
    });
    await box.ok('update', '--pids-limit', '33', saved.id);
    await save(box, saved, '--manage-cgroups-mode', mode);
    const before = counted(saved);
    await revive(box, saved, '--manage-cgroups-mode', mode);
    await reaches(saved, before + 2);
    const limits = cgroupsOf((await box.state(saved.id)).pid)
      .filter((directory) => directory.endsWith(saved.id))
      .map((directory) => join(directory, 'pids.max'))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8').trim());
    expect(limits).toEqual([source === 'config.json' ? '20' : '33']);
    await box.ok('pause', saved.id);
  });

  test.for([[[]], [['--empty-ns', 'network']]])(
    '%j: the network comes back with its loopback device alone',
    async ([flags = []], { box, skip }) => {
      skip(!hasCommand('nsenter') || !hasCommand('ip'), 'this host has no ip, or no nsenter');
      const saved = await start(box, counter);
      const { pid = 0 } = await box.state(saved.id);
      const devices = async (): Promise<string[]> => {
        const { stdout } = await box.ok('exec', saved.id, 'cat', '/proc/net/dev');
        return [...stdout.matchAll(/^ *(\S+):/gm)].map(([_, name = '']) => name).toSorted();
      };
      const adding = 'ip link add tsrunc0 type veth peer name tsrunc1'.split(' ');
      await output('nsenter', [`--net=${namespaceFile(pid, 'network')}`, ...adding]);
      expect(await devices()).toEqual(['lo', 'tsrunc0', 'tsrunc1']);
      await save(box, saved, ...flags);
      await revive(box, saved, ...flags);
      expect(await devices()).toEqual(['lo']);
      expect((await box.ok('exec', saved.id, 'ip', 'link', 'show', 'lo')).stdout).toContain('UP');
    },
  );
});

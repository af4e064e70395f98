/** The addon and the init helper in it, without anything of a container around them. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodePart } from '../src/native/encode.ts';
import { loadNative } from '../src/native/load.ts';
import type { Message, Spawned, SpawnRequest } from '../src/native/native.ts';
import type { Op } from '../src/plan/ops.ts';

const native = loadNative();
const cloneNew = { uts: 0x04000000, ipc: 0x08000000, user: 0x10000000, pid: 0x20000000, net: 0x40000000 };
const isRoot = process.getuid?.() === 0;

const noFds = (name: string): number => {
  throw new Error(`the part has no fd called ${name}`);
};
const partOf = (...ops: Op[]): Uint8Array => encodePart(ops, noFds);
const ready = partOf({ op: 'ready', from: '' });

let directory = '';
let spawned: Spawned[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'tsrunc-native-'));
});

afterEach(async () => {
  for (const helper of spawned) {
    await bury(helper);
  }
  spawned = [];
  fs.rmSync(directory, { recursive: true });
});

function spawnHelper(request: Partial<SpawnRequest> = {}): Spawned {
  const helper = native.spawn({ cloneFlags: 0, cgroupFd: -1, stdio: [0, 1, 2], extraFds: [], ...request });
  spawned.push(helper);
  return helper;
}

async function bury({ socket, pidfd }: Spawned): Promise<void> {
  native.pidfdSendSignal(pidfd, 9);
  await native.waitPidfd(pidfd, 5000);
  native.reap(pidfd);
  fs.closeSync(socket);
  fs.closeSync(pidfd);
}

/** Bring the helper to the point where it has run a part, so that its own start is over. */
async function settled(helper: Spawned): Promise<Message> {
  native.sendPart(helper.socket, ready, []);
  return native.receive(helper.socket, 5000);
}

const children = (): string => fs.readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
const temporary = (name: string): number => fs.openSync(join(directory, name), 'w+');

describe('spawn', () => {
  test('starts the helper, which answers', async () => {
    expect(await settled(spawnHelper())).toEqual({ kind: 'ready' });
  });

  test.runIf(isRoot)('puts it into new namespaces', async () => {
    const helper = spawnHelper({ cloneFlags: cloneNew.uts | cloneNew.pid | cloneNew.net });
    await settled(helper);
    const namespace = (pid: number | string, type: string) => fs.readlinkSync(`/proc/${pid}/ns/${type}`);
    expect(namespace(helper.pid, 'uts')).not.toBe(namespace('self', 'uts'));
    expect(namespace(helper.pid, 'net')).not.toBe(namespace('self', 'net'));
    expect(namespace(helper.pid, 'ipc')).toBe(namespace('self', 'ipc'));
    expect(fs.readFileSync(`/proc/${helper.pid}/status`, 'utf8')).toMatch(/^NSpid:.*\t1$/m);
  });

  test('gives it stdio, the extra fds in their order, the conversation, and nothing else', async () => {
    const [stdio, first, second] = ['stdio', 'first', 'second'].map(temporary) as [number, number, number];
    // The numbers overlap with their targets on purpose: 5 and 3 become 3 and 4.
    const helper = spawnHelper({ stdio: [stdio, stdio, stdio], extraFds: [second, first] });
    await settled(helper);
    const target = (fd: number) => fs.readlinkSync(`/proc/${helper.pid}/fd/${fd}`);
    // The part that made it answer may still be open for a moment.
    await expect.poll(() => fs.readdirSync(`/proc/${helper.pid}/fd`).sort()).toEqual(['0', '1', '2', '3', '4', '5']);
    expect([target(0), target(2), target(3), target(4)]).toEqual(
      ['stdio', 'stdio', 'second', 'first'].map((name) => join(directory, name)),
    );
    expect(target(5)).toMatch(/^socket:/);
    for (const fd of [stdio, first, second]) fs.closeSync(fd);
  });

  test('runs it from sealed memory, without our environment', async () => {
    const helper = spawnHelper();
    await settled(helper);
    expect(fs.readlinkSync(`/proc/${helper.pid}/exe`)).toMatch(/^\/memfd:tsrunc-init/);
    expect(() => fs.openSync(`/proc/${helper.pid}/exe`, 'r+')).toThrow(/ETXTBSY|EPERM/);
    expect(fs.readFileSync(`/proc/${helper.pid}/environ`, 'utf8')).toBe('');
  });

  test('refuses a user namespace: exec would take the capabilities away', () => {
    expect(() => spawnHelper({ cloneFlags: cloneNew.user })).toThrow(
      expect.objectContaining({ code: 'EINVAL', errno: 22, syscall: 'clone3' }),
    );
  });

  test('leaves no process behind when it fails in the child', () => {
    const before = children();
    expect(() => spawnHelper({ stdio: [0, 1, 9999] })).toThrow(
      expect.objectContaining({ code: 'EBADF', syscall: 'fcntl' }),
    );
    expect(children()).toBe(before);
  });
});

describe('the conversation', () => {
  test('runs part after part', async () => {
    const helper = spawnHelper();
    expect(await settled(helper)).toEqual({ kind: 'ready' });
    expect(await settled(helper)).toEqual({ kind: 'ready' });
  });

  test('reports what fails, then ends', async () => {
    const helper = spawnHelper();
    native.sendPart(
      helper.socket,
      partOf({ op: 'findProgram', from: '', name: '/nowhere/program', directories: [] }),
      [],
    );
    expect(await native.receive(helper.socket, 5000)).toMatchObject({ kind: 'failed', step: 0, errno: 2 });
    expect(await native.receive(helper.socket, 5000)).toEqual({ kind: 'closed', unread: false });
    expect(await native.waitPidfd(helper.pidfd, 5000)).toBe(true);
    expect(native.reap(helper.pidfd)).toEqual({ code: 1, signaled: false });
    spawned = [];
  });

  test('reports what fails also when a later part stays unread', async () => {
    const helper = spawnHelper();
    const failing = partOf({ op: 'findProgram', from: '', name: '/nowhere/program', directories: [] });
    native.pidfdSendSignal(helper.pidfd, constants.signals.SIGSTOP);
    for (const part of [failing, failing]) native.sendPart(helper.socket, part, []);
    native.pidfdSendSignal(helper.pidfd, constants.signals.SIGCONT);
    expect(await native.waitPidfd(helper.pidfd, 5000)).toBe(true);
    expect(await native.receive(helper.socket, 5000)).toMatchObject({ kind: 'failed', step: 0, errno: 2 });
  });

  test('refuses bytes that are no part', async () => {
    const helper = spawnHelper();
    native.sendPart(helper.socket, new Uint8Array(100), []);
    expect(await native.receive(helper.socket, 5000)).toMatchObject({ kind: 'failed', errno: 74 });
  });

  test('has an end, and the event loop runs meanwhile', async () => {
    const helper = spawnHelper();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await expect(native.receive(helper.socket, 100)).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'recvmsg' });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  test('serves many waits at once', async () => {
    const helpers = Array.from({ length: 8 }, () => spawnHelper());
    const answers = helpers.map(({ socket }) => native.receive(socket, 5000));
    for (const { socket } of helpers) native.sendPart(socket, ready, []);
    expect(await Promise.all(answers)).toEqual(helpers.map(() => ({ kind: 'ready' })));
  });

  test('ends the helper when we close our side', async () => {
    const helper = spawnHelper();
    await settled(helper);
    expect(native.reap(helper.pidfd)).toBeUndefined();
    fs.closeSync(helper.socket);
    expect(await native.waitPidfd(helper.pidfd, 5000)).toBe(true);
    expect(native.reap(helper.pidfd)).toEqual({ code: 0, signaled: false });
    fs.closeSync(helper.pidfd);
    spawned = [];
  });
});

describe('processes', () => {
  test('waitPidfd says whether the process ended in time, reap how', async () => {
    const helper = spawnHelper();
    expect(await native.waitPidfd(helper.pidfd, 30)).toBe(false);
    setTimeout(() => native.pidfdSendSignal(helper.pidfd, 9), 30);
    expect(await native.waitPidfd(helper.pidfd, -1)).toBe(true);
    expect(native.reap(helper.pidfd)).toEqual({ code: 9, signaled: true });
    expect(() => native.pidfdSendSignal(helper.pidfd, 0)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
    fs.closeSync(helper.socket);
    fs.closeSync(helper.pidfd);
    spawned = [];
  });

  test('waitReadable waits for any descriptor; endWaits ends the waits for one, and no others', async () => {
    const [one, other] = [native.openEventfd(), native.openEventfd()];
    try {
      const waits = [native.waitReadable(one, -1), native.waitReadable(one, 60_000)];
      const another = native.waitReadable(other, -1);
      native.endWaits(one);
      expect(await Promise.all(waits)).toEqual([false, false]);
      fs.writeSync(other, new BigUint64Array([1n]));
      expect(await another).toBe(true);
      // What has been ended once can be waited for again.
      fs.writeSync(one, new BigUint64Array([1n]));
      expect(await native.waitReadable(one, -1)).toBe(true);
      native.endWaits(one);
    } finally {
      for (const fd of [one, other]) fs.closeSync(fd);
    }
  });

  test('pidfdOpen refuses a pid that nobody has', () => {
    expect(() => native.pidfdOpen(0x3fffffff)).toThrow(
      expect.objectContaining({ code: 'ESRCH', syscall: 'pidfd_open' }),
    );
  });

  test('setProcessLimit limits another process', () => {
    const { pid } = spawnHelper();
    native.setProcessLimit(pid, 7, 20n, 30n); // RLIMIT_NOFILE
    expect(fs.readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max open files +20 +30 /m);
  });
});

describe('files of the host', () => {
  test.runIf(isRoot)('detachMount takes away what is mounted there, and nothing by way of a link', () => {
    const base = fs.mkdtempSync(join(directory, 'mounts-'));
    const [real, link] = [join(base, 'real'), join(base, 'link')];
    fs.mkdirSync(join(real, 'm'), { recursive: true });
    fs.symlinkSync('real', link);
    execFileSync('sh', ['-c', 'mount -t tmpfs tsrunc-test "$0"', join(real, 'm')]);
    const isMounted = (): boolean => fs.readFileSync('/proc/self/mountinfo', 'utf8').includes(join(real, 'm'));
    try {
      expect(() => native.detachMount(join(link, 'm'))).toThrow(expect.objectContaining({ code: 'ELOOP' }));
      expect(isMounted()).toBe(true);
    } finally {
      native.detachMount(join(real, 'm'));
    }
    expect(isMounted()).toBe(false);
    expect(() => native.detachMount(join(real, 'm'))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test.runIf(isRoot)('openTree clones a mount, detached', () => {
    fs.writeFileSync(join(directory, 'file'), '');
    const tree = native.openTree({ path: directory, recursive: true, noFollow: true });
    expect(fs.readdirSync(`/proc/self/fd/${tree}`)).toEqual(['file']);
    fs.closeSync(tree);
    expect(() => native.openTree({ path: '/nowhere', recursive: false, noFollow: false })).toThrow(
      /^open_tree: ENOENT$/,
    );
  });

  test('openNamespace proves the type', () => {
    fs.closeSync(native.openNamespace('/proc/self/ns/net', cloneNew.net));
    expect(() => native.openNamespace('/proc/self/ns/net', cloneNew.pid)).toThrow(/^NS_GET_NSTYPE: EINVAL$/);
  });

  test('openNamespace refuses what is no namespace, and does not wait for a FIFO', () => {
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    for (const path of ['/etc/passwd', directory, join(directory, 'fifo')]) {
      expect(() => native.openNamespace(path, cloneNew.net)).toThrow(/^NS_GET_NSTYPE: ENOTTY$/);
    }
  });

  test.runIf(isRoot)('makeUserNamespace has the mappings and leaves no process', () => {
    const before = children();
    const uids = [
      { containerId: 0, hostId: 1000, size: 1 },
      { containerId: 1, hostId: 100_000, size: 65_536 },
    ];
    const space = native.makeUserNamespace(uids, [{ containerId: 0, hostId: 2000, size: 10 }]);
    const maps = execFileSync(
      'nsenter',
      ['--user=/proc/self/fd/3', 'cat', '/proc/self/uid_map', '/proc/self/gid_map'],
      {
        stdio: ['ignore', 'pipe', 'inherit', space],
        encoding: 'utf8',
      },
    );
    fs.closeSync(space);
    const numbers = maps
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ +/).map(Number));
    expect(numbers).toEqual([
      [0, 1000, 1],
      [1, 100_000, 65_536],
      [0, 2000, 10],
    ]);
    expect(children()).toBe(before);
  });

  test.runIf(isRoot)('makeUserNamespace refuses overlapping mappings', () => {
    const twice = [0, 1].map((containerId) => ({ containerId, hostId: 1000, size: 5 }));
    expect(() => native.makeUserNamespace(twice, twice)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test('copyWindowSize leaves what is no terminal alone, and refuses what is not open', () => {
    const fd = temporary('file');
    native.copyWindowSize(fd, fd);
    fs.closeSync(fd);
    expect(() => native.copyWindowSize(fd, fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});

describe('sockets', () => {
  test('listen makes a private socket file, whatever the length of the path; connect finds it', async () => {
    const deep = join(directory, 'd'.repeat(100), 'e'.repeat(100));
    fs.mkdirSync(deep, { recursive: true });
    const dirfd = fs.openSync(deep, 'r');
    const listener = native.listen(dirfd, 'start.sock');
    expect(fs.statSync(join(deep, 'start.sock')).mode & 0o777).toBe(0o600);
    expect(() => native.listen(dirfd, 'start.sock')).toThrow(/^bind: EADDRINUSE$/);
    const client = native.connect(dirfd, 'start.sock');
    native.sendGo(client);
    fs.closeSync(listener);
    expect(await native.receive(client, 1000)).toEqual({ kind: 'closed', unread: true });
    expect(() => native.connect(dirfd, 'start.sock')).toThrow(/^connect: ECONNREFUSED$/);
    for (const fd of [client, dirfd]) fs.closeSync(fd);
  });

  test('sendFd sends the descriptor and its payload', async () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const writer = fs.openSync(fifo, 'w');
    const path = join(directory, 'console.sock');
    const server = createServer({ allowHalfOpen: true }).listen(path);
    await once(server, 'listening');
    native.sendFd(path, writer, '/dev/pts/7');
    fs.closeSync(writer);
    // Not the end of file: the other end is on its way, in the socket.
    expect(() => fs.readSync(reader, Buffer.alloc(1))).toThrow(/EAGAIN/);
    const [connection] = await once(server, 'connection');
    const [payload] = await once(connection, 'data');
    expect(payload.toString()).toBe('/dev/pts/7');
    connection.destroy();
    server.close();
    fs.closeSync(reader);
    expect(() => native.sendFd(join(directory, 'none.sock'), 0, 'x')).toThrow(/^connect: ENOENT$/);
  });
});

describe('lock', () => {
  test('excludes, waits at most so long, and is had when the other lets go', async () => {
    const [first, second] = [temporary('lock'), temporary('lock')];
    expect(await native.lock(first, 0)).toBe(true);
    expect(await native.lock(second, 0)).toBe(false);
    const started = performance.now();
    expect(await native.lock(second, 60)).toBe(false);
    expect(performance.now() - started).toBeGreaterThan(55);
    const waiting = native.lock(second, 5000);
    setTimeout(() => fs.closeSync(first), 30);
    expect(await waiting).toBe(true);
    fs.closeSync(second);
  });
});

// Each engine does other things to the process (signals, fds, threads), so the hand-over is shown with each.
const engines = [
  ['Node', process.execPath],
  ['Bun', join(import.meta.dirname, '../node_modules/.bin/bun')],
] as const;
const addon = join(import.meta.dirname, '../addon/build/tsrunc.node');

describe.each(engines)('on %s', (_, engine) => {
  const script = (text: string, ...args: string[]): string[] => {
    const file = join(directory, 'script.mjs');
    fs.writeFileSync(
      file,
      `const module = { exports: {} }; process.dlopen(module, ${JSON.stringify(addon)}); const native = module.exports;
       const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));\n${text}`,
    );
    return [file, ...args];
  };
  const hex = (part: Uint8Array): string => Buffer.from(part).toString('hex');

  test('the helper answers and is reaped', () => {
    const args = script(
      `const { pid, pidfd, socket } = native.spawn({ cloneFlags: 0, cgroupFd: -1, stdio: [0, 1, 2], extraFds: [] });
       native.sendPart(socket, bytes(process.argv[2]), []);
       const first = await native.receive(socket, 5000);
       const early = await native.waitPidfd(pidfd, 20);
       native.pidfdSendSignal(pidfd, 9);
       console.log(JSON.stringify([first, early, await native.waitPidfd(pidfd, 5000), native.reap(pidfd)]));`,
      hex(ready),
    );
    const outcome = [{ kind: 'ready' }, false, true, { code: 9, signaled: true }];
    expect(JSON.parse(execFileSync(engine, args, { encoding: 'utf8' }))).toEqual(outcome);
  });

  const handOver = `import { spawn } from 'node:child_process';
    const child = spawn('sh', ['-c', process.argv[2]], { stdio: 'inherit' });
    const pidfd = native.pidfdOpen(child.pid);
    const part = bytes(process.argv[3]);
    // The first field of the first operation (docs/wire.md): only the script knows the pid.
    new DataView(part.buffer).setUint32(56, child.pid, true);
    try { native.becomeMonitor(part, [pidfd, 9999]); } catch (error) { console.log(error.message); }
    native.becomeMonitor(part, [pidfd]);`;
  const supervise = encodePart(
    [
      { op: 'supervise', from: '', pid: 0, pidfd: 'pidfd', terminal: '' },
      { op: 'exitAsProcess', from: '' },
    ],
    () => 0,
  );

  test('the process becomes the monitor, or stays whole', () => {
    const { status, stdout } = spawnSync(engine, script(handOver, 'sleep 0.2; exit 7', hex(supervise)), {
      encoding: 'utf8',
      timeout: 10_000,
    });
    expect(stdout).toBe('fcntl: EBADF\n');
    expect(status).toBe(7);
  });

  test('no signal is lost on the way to the monitor', async () => {
    const waitForTerm = 'trap "exit 3" TERM; echo up; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.5; done';
    const child = spawn(engine, script(handOver, waitForTerm, hex(supervise)), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    // Until the engine has loaded the addon and handed over, SIGTERM would simply end it.
    await expect
      .poll(() => fs.readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'), { interval: 1, timeout: 5000 })
      .toMatch(/^tsrunc-monitor/);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([3, null]);
  });
});

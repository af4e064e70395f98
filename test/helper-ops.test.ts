/** The operations of the init helper that are not about files: seen from the program that they prepare. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../src/native/native.ts';
import { type Op, questions } from '../src/plan/ops.ts';
import { uniqueId } from './support/box.ts';
import { attr, make, propagation } from './support/fs-lab.ts';
import { failureOf, Helper, native } from './support/helper.ts';
import { hasCapability, isCgroupV2 } from './support/host.ts';

const cloneNew = {
  time: 0x80,
  mount: 0x20000,
  uts: 0x4000000,
  user: 0x10000000,
  pid: 0x20000000,
  net: 0x40000000,
} as const;
const errno = {
  EPERM: 1,
  ENOENT: 2,
  ENOEXEC: 8,
  EACCES: 13,
  ENODEV: 19,
  EISDIR: 21,
  EINVAL: 22,
  ETIMEDOUT: 110,
  ECANCELED: 125,
} as const;
const privileged = hasCapability('SYS_ADMIN');
const capability = { chown: 1n << 0n, kill: 1n << 5n, netBind: 1n << 10n };

let scratch = '';
const file = (name: string, content: string | Uint8Array, mode = 0o755): string => {
  const path = join(scratch, name);
  fs.writeFileSync(path, content, { mode });
  return path;
};

beforeAll(() => {
  scratch = fs.mkdtempSync(join(tmpdir(), 'tsrunc-ops-'));
  fs.chmodSync(scratch, 0o755);
});
afterAll(() => fs.rmSync(scratch, { recursive: true }));

const field = (status: string, name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';

describe.runIf(privileged)('a cgroup that was removed before the process could enter it', () => {
  const join = async (mayVanish: 0 | 1): Promise<Message> => {
    const directory = `${isCgroupV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids'}/${uniqueId()}`;
    fs.mkdirSync(directory);
    const cgroup = fs.openSync(`${directory}/cgroup.procs`, 'w');
    fs.rmdirSync(directory);
    await using helper = new Helper();
    helper.send([make('joinCgroup', { file: 'cgroup', mayVanish }), make('ask', { question: questions.cgroups })], {
      cgroup,
    });
    fs.closeSync(cgroup);
    return await helper.next();
  };

  test('is for the runtime to find', async () =>
    expect(await join(1)).toEqual({ kind: 'ask', question: questions.cgroups }));

  test('is a failure where it was to be there', async () =>
    expect(await join(0)).toMatchObject({ kind: 'failed', step: 0, errno: errno.ENODEV, call: 'write' }));
});

describe('the process', () => {
  test('starts with default signals, an empty mask and blocking stdio', async () => {
    await using helper = new Helper();
    const status = await helper.shell([make('resetProcess')], 'cat /proc/self/status /proc/self/fdinfo/1');
    expect([field(status, 'SigBlk'), field(status, 'SigIgn')]).toEqual(['0000000000000000', '0000000000000000']);
    expect(Number.parseInt(field(status, 'flags'), 8) & fs.constants.O_NONBLOCK).toBe(0);
  });

  test('takes limits, umask, persona, scheduler and io priority', async () => {
    await using helper = new Helper();
    const ops = [
      make('setRlimit', { resource: 7, soft: 100n, hard: 200n }),
      make('setUmask', { mask: 0o027 }),
      make('setPersonality', { persona: 0x0040000 }),
      make('setScheduler', { policy: 3 }),
      make('setIoPriority', { value: (2 << 13) | 5 }),
      make('setMemoryPolicy', { mode: 0, nodes: new Uint8Array() }),
    ];
    const script = 'umask; ulimit -Sn; ulimit -Hn; cat /proc/self/personality; chrt -p $$; ionice -p $$';
    expect(await helper.shell(ops, script)).toMatch(
      /^0027\n100\n200\n00040000\n.*SCHED_BATCH\n.*priority: 0\nbest-effort: prio 5\n$/,
    );
  });

  test.runIf(privileged)(
    'becomes a user with groups, and keeps exactly the capabilities that it is given',
    async () => {
      await using helper = new Helper();
      const kept = capability.chown | capability.kill;
      const ops = [
        make('setBoundingCapabilities', { keep: kept | (1n << 63n) }),
        make('setNoNewPrivileges'),
        make('setUser', { uid: 1234, gid: 2345, groups: [7, 8], setGroups: 1 }),
        make('setCapabilities', {
          effective: capability.kill,
          permitted: kept,
          inheritable: capability.kill | (1n << 62n),
          ambient: capability.kill | (1n << 62n),
        }),
      ];
      const status = await helper.shell(ops, 'cat /proc/self/status');
      expect(field(status, 'Uid')).toBe('1234\t1234\t1234\t1234');
      expect(field(status, 'Gid')).toBe('2345\t2345\t2345\t2345');
      expect(field(status, 'Groups').trim()).toBe('7 8');
      expect(field(status, 'NoNewPrivs')).toBe('1');
      const set = (name: string) => BigInt(`0x${field(status, name)}`);
      expect(['CapBnd', 'CapInh', 'CapAmb', 'CapEff', 'CapPrm'].map(set)).toEqual([
        kept,
        capability.kill,
        capability.kill,
        capability.kill,
        capability.kill,
      ]);
    },
  );

  test.for([
    ['uid', { uid: 2 ** 32 - 1, gid: 1 }],
    ['gid', { uid: 1, gid: 2 ** 32 - 1 }],
  ] as const)('does not take -1 for a %s: the kernel would leave it what it is', async ([, ids]) => {
    expect(await failureOf([make('setUser', { ...ids, groups: [], setGroups: 0 })])).toMatchObject({
      errno: errno.EINVAL,
      call: 'setresuid',
    });
  });

  test.runIf(privileged)('names the capability that it cannot have', async () => {
    const drop = { effective: capability.kill, permitted: capability.kill, inheritable: 0n, ambient: 0n };
    const want = { ...drop, permitted: capability.kill | capability.netBind };
    expect(await failureOf([make('setCapabilities', drop), make('setCapabilities', want)])).toEqual({
      kind: 'failed',
      step: 1,
      errno: errno.EPERM,
      call: 'capset',
      detail: 'capability 10',
    });
  });

  test('is governed by its seccomp filter', async () => {
    await using helper = new Helper();
    // ld [0] (the number); jeq uname, 0, 1; ret ERRNO|ENOSYS; ret ALLOW
    const uname = process.arch === 'arm64' ? 160 : 63;
    const filter = Buffer.alloc(32);
    const instructions = [
      [0x20, 0, 0, 0],
      [0x15, 0, 1, uname],
      [0x06, 0, 0, 0x00050000 | 38],
      [0x06, 0, 0, 0x7fff0000],
    ];
    instructions.forEach(([code = 0, yes = 0, no = 0, k = 0], i) => {
      filter.writeUInt16LE(code, i * 8);
      filter.writeUInt8(yes, i * 8 + 2);
      filter.writeUInt8(no, i * 8 + 3);
      filter.writeUInt32LE(k, i * 8 + 4);
    });
    const ops = [make('setNoNewPrivileges'), make('loadSeccomp', { filter })];
    expect(await helper.shell(ops, 'uname 2>&1')).toMatch(/not implemented/);
  });

  test('inherits stdio and the extra fds, and nothing else', async () => {
    const extra = fs.openSync('/dev/null', 'r');
    await using helper = new Helper({ extraFds: [extra, extra] });
    fs.closeSync(extra);
    expect(await helper.shell([make('closeFds', { preserve: 1 })], 'ls /proc/$$/fd')).toBe('0\n1\n2\n3\n');
  });

  test('has a HOME, from the passwd of its root', async () => {
    const root = join(scratch, 'home-root');
    fs.mkdirSync(join(root, 'etc'), { recursive: true });
    fs.writeFileSync(
      join(root, 'etc/passwd'),
      'a:x:1:1::/one:/bin/sh\nshort:x:5\n\nb:x:1005:5::/five:\nc:x:5:5::/home/c\n',
    );
    for (const [uid, home] of [
      [5, '/home/c'],
      [1005, '/five'],
      [1, '/one'],
      [9, '/'],
    ] as const) {
      await using helper = new Helper();
      const ops = [make('useRoot', { path: root }), make('findHome', { uid })];
      expect(await helper.shell(ops, 'echo $HOME')).toBe(`${home}\n`);
    }
  });
});

describe('the program', () => {
  const find = (name: string, directories: readonly string[] = []) => make('findProgram', { name, directories });
  const exec = make('exec', { args: ['x'], env: [] });
  const failure = async (...ops: Parameters<typeof failureOf>[0]) => {
    const message = await failureOf(ops);
    return message.kind === 'failed' ? [message.errno, message.call, message.detail] : message.kind;
  };

  test('is searched for in the given directories, in order', async () => {
    await using helper = new Helper();
    helper.send([find('env', [scratch, '/usr/bin']), make('exec', { args: ['e'], env: ['A=1'] })]);
    expect(await helper.next()).toEqual({ kind: 'closed', unread: false });
    await helper.ended();
    expect(helper.output()).toBe('A=1\n');
  });

  test('that is nowhere, not executable, or a directory, is told apart', async () => {
    file('plain', 'x', 0o644);
    fs.mkdirSync(join(scratch, 'folder'));
    expect(await failure(find('no-such', ['/bin', scratch]))).toEqual([errno.ENOENT, 'search', '']);
    expect(await failure(find('', ['/bin']))).toEqual([errno.ENOENT, 'search', '']);
    expect(await failure(find('folder', [scratch]))).toEqual([errno.ENOENT, 'search', '']);
    expect(await failure(find('/no/such'))).toEqual([errno.ENOENT, 'faccessat2', '']);
    const plain = join(scratch, 'plain');
    const refused = [errno.EACCES, 'faccessat2', `${plain}: not marked executable`];
    expect(await failure(find(plain))).toEqual(refused);
    expect(await failure(find('plain', ['/nowhere', scratch, '/bin']))).toEqual(refused);
    const folder = join(scratch, 'folder');
    expect(await failure(find(folder))).toEqual([errno.EISDIR, 'faccessat2', folder]);
  });

  test('that cannot be executed says why', async () => {
    const machine = Buffer.from(fs.readFileSync('/bin/true').subarray(0, 4096));
    machine.writeUInt16LE(0xf3, 18);
    // The dynamic loader's path in an ELF file, replaced by one of the same length.
    const loaderless = fs
      .readFileSync('/bin/true')
      .toString('latin1')
      .replace(/\/lib(64)?\/ld-linux/, (path) => path.replace('/lib', '/lob'));
    const cases = [
      [file('script', '#! /no/such/shell -x\n'), errno.ENOENT, 'interpreter /no/such/shell'],
      [file('crlf', '#!/bin/sh\r\necho\r\n'), errno.ENOENT, 'interpreter /bin/sh\r'],
      [file('closed', `#!${file('shell', '', 0o600)}\n`), errno.EACCES, `interpreter ${join(scratch, 'shell')}`],
      [file('text', 'echo hello\n'), errno.ENOEXEC, 'neither ELF nor #!'],
      [file('foreign', machine), errno.ENOEXEC, 'built for another machine (ELF machine 243)'],
    ] as const;
    for (const [path, err, detail] of cases) {
      expect(await failure(find(path), exec)).toEqual([err, 'execve', detail]);
    }
    const elf = await failure(find(file('loaderless', Buffer.from(loaderless, 'latin1'))), exec);
    expect(elf).toEqual([errno.ENOENT, 'execve', expect.stringMatching(/^ELF interpreter \/lob/)]);
  });
});

describe('the conversation', () => {
  test('asks, and waits for the word', async () => {
    await using helper = new Helper();
    helper.send([make('ask', { question: questions.runtimeHooks }), make('ready')]);
    expect(await helper.next()).toEqual({ kind: 'ask', question: questions.runtimeHooks });
    helper.go();
    expect(await helper.next()).toEqual({ kind: 'ready' });
  });

  test('counts the steps over all parts', async () => {
    await using helper = new Helper();
    helper.send([make('resetProcess'), make('ready')]);
    helper.send([make('resetProcess'), make('findProgram', { name: '/no/such' })]);
    expect(await helper.next()).toEqual({ kind: 'ready' });
    expect(await helper.next()).toMatchObject({ kind: 'failed', step: 3, errno: errno.ENOENT });
    expect(await helper.ended()).toEqual({ code: 1, signaled: false });
  });

  test('ends with the runtime, wherever the helper waits', async () => {
    const waits = [[], [make('ask', { question: 1 })], [make('awaitStart')]];
    for (const ops of waits) {
      await using helper = new Helper();
      helper.send([make('ready'), ...ops]);
      await helper.next();
      helper.close();
      expect(await helper.ended()).toMatchObject({ signaled: false });
    }
  });

  test('start: a client that goes away is forgotten, the next one counts, and hears of a failing exec', async () => {
    await using helper = new Helper();
    const directory = fs.openSync(helper.directory, 'r');
    const listener = native.listen(directory, 'start');
    const program = file('late', '#!/no/such/shell\n');
    helper.send(
      [
        make('findProgram', { name: program }),
        make('ready'),
        make('awaitStart', { listener: 'start' }),
        make('exec', { args: ['x'] }),
      ],
      { start: listener },
    );
    fs.closeSync(listener);
    expect(await helper.next()).toEqual({ kind: 'ready' });
    helper.close();
    fs.closeSync(native.connect(directory, 'start'));
    const client = native.connect(directory, 'start');
    native.sendGo(client);
    expect(await native.receive(client, 5000)).toMatchObject({
      kind: 'failed',
      errno: errno.ENOENT,
      call: 'execve',
      detail: 'interpreter /no/such/shell',
    });
    fs.closeSync(client);
    fs.closeSync(directory);
  });
});

describe('a go that was sent ahead', () => {
  /** Until the program has been found nothing waits for anything. */
  const until = async (helper: Helper, ops: readonly Op[]) => {
    helper.send([make('findProgram', { name: '/bin/true' }), make('ready'), make('awaitStart'), ...ops]);
    expect(await helper.next()).toEqual({ kind: 'ready' });
    helper.go();
    helper.go();
  };

  test('is taken: the end is the one of execve', async () => {
    await using helper = new Helper();
    await until(helper, [make('takeGo'), make('exec', { args: ['true'] })]);
    expect(await helper.next()).toEqual({ kind: 'closed', unread: false });
  });

  test('is not taken: it ended before', async () => {
    await using helper = new Helper();
    await until(helper, [make('runHook', { path: '/bin/sleep', args: ['sleep', '1000'] }), make('takeGo')]);
    process.kill(helper.pid, 'SIGKILL');
    expect(await helper.next()).toEqual({ kind: 'closed', unread: true });
  });
});

describe.runIf(privileged)('namespaces', () => {
  test('a forked helper goes on as pid 1 with the same part', async () => {
    await using helper = new Helper();
    const first = helper.pid;
    helper.send([
      make('unshare', { flags: cloneNew.pid }),
      make('fork', { flags: 0 }),
      make('findProgram', { name: '/bin/sh' }),
      make('exec', { args: ['sh', '-c', 'echo $$'], env: [] }),
    ]);
    expect(await helper.next()).toMatchObject({ kind: 'forked' });
    expect(helper.pid).not.toBe(first);
    expect(await helper.next()).toEqual({ kind: 'closed', unread: false });
    expect(await helper.ended()).toEqual({ code: 0, signaled: false });
    expect(helper.output()).toBe('1\n');
  });

  test('a new user namespace gets its maps from the runtime; offsets of a new time namespace can be set in it', async () => {
    await using helper = new Helper();
    helper.send([
      make('unshare', { flags: cloneNew.user }),
      make('ask', { question: questions.idMaps }),
      make('dropGroups', { whereAllowed: 0 }),
      make('assumeIdentity', { uid: 0, gid: 0 }),
      make('unshare', { flags: cloneNew.time | cloneNew.uts }),
      make('setTimeOffset', { clock: 7, seconds: 100_000_000, nanoseconds: 0 }),
      make('fork', { flags: 0 }),
      make('protect'),
      make('setHostname', { name: 'inside' }),
      make('setDomainname', { name: 'example' }),
      make('findProgram', { name: '/bin/sh' }),
      make('exec', {
        args: ['sh', '-c', 'id -u; hostname; domainname; cut -d. -f1 /proc/uptime'],
        env: ['PATH=/usr/bin:/bin'],
      }),
    ]);
    expect(await helper.next()).toEqual({ kind: 'ask', question: questions.idMaps });
    for (const map of ['uid_map', 'gid_map']) fs.writeFileSync(`/proc/${helper.pid}/${map}`, '0 100000 65536');
    helper.go();
    expect(await helper.next()).toMatchObject({ kind: 'forked' });
    expect(await helper.next()).toEqual({ kind: 'closed', unread: false });
    await helper.ended();
    const [uid, hostname, domainname, uptime] = helper.output().split('\n');
    expect([uid, hostname, domainname]).toEqual(['0', 'inside', 'example']);
    expect(Number(uptime)).toBeGreaterThan(100_000_000);
  });

  test('a namespace is joined only as what it is', async () => {
    const uts = fs.openSync('/proc/self/ns/uts', 'r');
    await using helper = new Helper();
    helper.send([make('joinNamespace', { namespace: 'uts', flag: cloneNew.net })], { uts });
    expect(await helper.next()).toMatchObject({ kind: 'failed', errno: 22, call: 'setns' });
    fs.closeSync(uts);
  });

  test('loopback comes up, the session and its keyring are new', async () => {
    await using helper = new Helper();
    const ops = [
      make('unshare', { flags: cloneNew.net }),
      make('bringLoopbackUp'),
      make('startSession'),
      make('joinKeyring', { name: 'tsrunc-test' }),
    ];
    const output = await helper.shell(ops, 'busybox ip link show lo; cut -d" " -f1,6 /proc/$$/stat; cat /proc/keys');

    expect(output).toMatch(/LOOPBACK,UP/);
    const [pid, session] = /^(\d+) (\d+)$/m.exec(output)?.slice(1) ?? [];
    expect(session).toBe(pid);
    expect(output).toMatch(/keyring\s+tsrunc-test/);
  });

  test('the terminal belongs to the container and is its console', async () => {
    await using helper = new Helper();
    const ops = [
      make('startSession'),
      make('unshare', { flags: cloneNew.mount }),
      make('setPropagation', { propagation: propagation.private, recursive: 1 }),
      make('useRoot', { path: '/' }),
      make('mount', {
        fstype: 'devpts',
        source: 'devpts',
        target: '/dev/pts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
        attrs: attr.nosuid | attr.noexec,
      }),
      make('openConsole', { width: 91, height: 37, uid: 1234, bindConsole: 1 }),
      make('findProgram', { name: '/bin/sh' }),
      make('exec', {
        args: [
          'sh',
          '-c',
          'tty; stty size; stat -c %u /dev/console; echo owned > /dev/console; echo tty > /dev/tty; echo end',
        ],
        env: ['PATH=/usr/bin:/bin'],
      }),
    ];
    helper.send(ops);
    const message = await helper.next();
    if (message.kind !== 'console') throw new Error(JSON.stringify(message));
    expect(await helper.next()).toEqual({ kind: 'closed', unread: false });
    await helper.ended();
    const seen = Buffer.alloc(4096);
    const text = seen.subarray(0, fs.readSync(message.fd, seen)).toString().replaceAll('\r', '');
    fs.closeSync(message.fd);
    expect(text).toBe('/dev/pts/0\n37 91\n1234\nowned\ntty\nend\n');
  });

  test('a terminal is taken from a devpts only', async () => {
    const root = join(scratch, 'false-root');
    fs.mkdirSync(join(root, 'dev/pts'), { recursive: true });
    fs.writeFileSync(join(root, 'dev/pts/ptmx'), '');
    expect(await failureOf([make('startSession'), make('useRoot', { path: root }), make('openConsole')])).toMatchObject(
      {
        kind: 'failed',
        errno: 25,
        detail: '/dev/pts/ptmx',
      },
    );
  });
});

describe('a hook', () => {
  const hook = (script: string, timeoutSeconds = 0, path = '/bin/sh') =>
    make('runHook', {
      path,
      args: ['hook', '-c', script],
      env: ['A=b', 'PATH=/usr/bin:/bin'],
      timeoutSeconds,
      statePrefix: '{"pid":',
      stateSuffix: '}',
    });

  test('reads the state with the pid, has only its own environment and fds, and is waited for', async () => {
    await using helper = new Helper();
    const to = join(scratch, 'seen');
    const script = `cat > ${to}; env >> ${to}; ls /proc/self/fd >> ${to}`;
    expect(await helper.shell([hook(script)], 'echo program')).toBe('program\n');
    const [state, ...rest] = fs.readFileSync(to, 'utf8').split(/(?<=\})/);
    expect(state).toBe(`{"pid":${helper.pid}}`);
    const lines = rest.join('').trim().split('\n');
    expect(lines).toContain('A=b');
    // 3 is the directory that ls reads.
    expect(lines.slice(-4)).toEqual(['0', '1', '2', '3']);
  });

  test('need not read the state, and may leave something in the background that holds its output', async () => {
    await using helper = new Helper();
    const started = Date.now();
    expect(await helper.shell([hook('exec 0<&-; sleep 3 &')], 'echo on')).toBe('on\n');
    expect(Date.now() - started).toBeLessThan(2500);
  });

  test.each([
    ['exit 3', errno.ECANCELED, 'hook', 'exit status 3'],
    ['echo; echo nothing found >&2; echo; exit 1', errno.ECANCELED, 'hook', 'exit status 1: nothing found'],
    ['kill -9 $$', errno.ECANCELED, 'hook', 'killed by signal 9'],
    ['sleep 100', errno.ETIMEDOUT, 'hook', 'timed out after 1 s'],
  ])('that fails tells how: %s', async (script, err, call, detail) => {
    expect(await failureOf([hook(script, 1)])).toEqual({ kind: 'failed', step: 0, errno: err, call, detail });
  });

  test('that cannot be run is not one that failed', async () => {
    expect(await failureOf([hook('', 0, '/no/such')])).toMatchObject({ errno: errno.ENOENT, call: 'execve' });
  });

  test('that says a lot ends, and only its last words are told', async () => {
    const message = await failureOf([hook('head -c 1000000 /dev/zero | tr "\\0" x; echo last; exit 1')]);
    expect(message).toMatchObject({ detail: expect.stringMatching(/^exit status 1: x+last$/) });
  });
});

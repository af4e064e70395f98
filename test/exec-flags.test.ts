/** Every flag of `exec`, seen from inside the container and from the host. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, eventually, expect, test } from './support/box.ts';
import { cgroupDirectories, hasCommand, isCgroupV2, runtime } from './support/host.ts';
import { namespaceOf } from './support/namespaces.ts';
import { useReceiver } from './support/receive.ts';

const listen = useReceiver();
const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('flags', () => {
  test('--cwd; a directory that is missing is not made', async ({ box }) => {
    const id = await box.running();
    expect((await box.ok('exec', '--cwd', '/bin', id, 'pwd')).stdout).toBe('/bin\n');
    const missing = await box.tsrunc('exec', '--cwd', '/nowhere', id, 'pwd');
    expect(missing.code).toBe(255);
    expect(missing.stderr).toMatch(/"\/nowhere": openat2: ENOENT \(command line, --cwd\)/);
    expect((await box.ok('exec', id, 'ls', '/')).stdout).not.toContain('nowhere');
    const relative = await box.tsrunc('exec', '--cwd', 'bin', id, 'pwd');
    expect(relative).toMatchObject({ code: 255 });
    expect(relative.stderr).toContain('Cwd must be an absolute path');
  });

  test('--env adds to the container’s environment; the last of a name counts', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.env = ['PATH=/bin', 'A=config', 'B=config'];
    });
    const { stdout } = await box.ok('exec', '--env', 'A=1', '-e', 'A=2', '-e', 'C=x=y', id, 'env');
    expect(lines(stdout).toSorted()).toEqual(['A=2', 'B=config', 'C=x=y', 'HOME=/root', 'PATH=/bin']);
    const wrong = await box.tsrunc('exec', '-e', 'NAME', id, 'true');
    expect(wrong).toMatchObject({ code: 255 });
    expect(wrong.stderr).toContain('invalid environment variable: "NAME"');
  });

  test('--env PATH is where the program is looked up', async ({ box }) => {
    const id = await box.running();
    const { code, stderr } = await box.tsrunc('exec', '-e', 'PATH=/nowhere', id, 'ls');
    expect(code).toBe(255);
    expect(stderr).toContain('exec: "ls": executable file not found in $PATH');
  });

  test('--user, --additional-gids', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.user = { uid: 0, gid: 3, additionalGids: [4] };
    });
    const ids = async (...flags: string[]) =>
      lines((await box.ok('exec', ...flags, id, 'sh', '-c', 'id -u; id -g; id -G')).stdout);
    expect(await ids('--user', '1000')).toEqual(['1000', '3', '3 4']);
    expect(await ids('-u', '1000:2000', '-g', '7', '--additional-gids', '8')).toEqual(['1000', '2000', '2000 4 7 8']);
  });

  test.for(['root', '1:', ':1', '+1', ' 1', '0x1', '-1', '1:2:3', '4294967295', '4294967296', '1e3', '1.0', '٣'])(
    '--user "%s" is refused, not half read (CVE-2026-30892)',
    async (user, { box }) => {
      const id = await box.running();
      const { code, stdout } = await box.tsrunc('exec', `--user=${user}`, id, 'id', '-u');
      expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    },
  );

  test('--cap adds to bounding, effective and permitted; inheritable stays empty (CVE-2022-29162)', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.capabilities = { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] };
    });
    const { stdout } = await box.ok(
      'exec',
      '--cap',
      'CAP_CHOWN',
      '-c',
      'CAP_NET_RAW',
      id,
      'grep',
      'Cap',
      '/proc/self/status',
    );
    const set = '0000000000002021';
    const none = '0'.repeat(16);
    expect(lines(stdout.replaceAll('\t', ' '))).toEqual([
      `CapInh: ${none}`,
      `CapPrm: ${set}`,
      `CapEff: ${set}`,
      `CapBnd: ${set}`,
      `CapAmb: ${none}`,
    ]);
    const unknown = await box.tsrunc('exec', '--cap', 'chwon', id, 'true');
    expect(unknown.code).toBe(255);
    expect(unknown.stderr).toMatch(/unknown capability "chwon"[\s\S]*CAP_CHOWN/);
  });

  test('--no-new-privs, on and off', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.noNewPrivileges = false;
    });
    const value = async (...flags: string[]) =>
      (await box.ok('exec', ...flags, id, 'sh', '-c', 'grep NoNewPrivs /proc/self/status')).stdout.trim().at(-1);
    expect(await value()).toBe('0');
    expect(await value('--no-new-privs')).toBe('1');
    expect(await value('--no-new-privs=false')).toBe('0');
  });

  test('--preserve-fds passes descriptors on in their places', async ({ box }) => {
    const id = await box.running();
    const file = join(box.path, 'note');
    writeFileSync(file, 'passed on\n');
    const fd = openSync(file, 'r');
    const { stdout } = spawnSync(
      runtime,
      ['--root', box.root, 'exec', '--preserve-fds', '1', id, 'sh', '-c', 'cat <&3; ls /proc/self/fd'],
      { stdio: ['ignore', 'pipe', 'pipe', fd], encoding: 'utf8' },
    );
    closeSync(fd);
    expect(lines(stdout)).toEqual(['passed on', '0', '1', '2', '3', '4']);
  });

  test('--detach and --pid-file: the pid is the one that the host sees', async ({ box }) => {
    const id = await box.running();
    const file = join(box.path, 'exec.pid');
    await box.ok('exec', '--detach', '--pid-file', file, id, 'sleep', '102');
    const pid = readFileSync(file, 'utf8');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toBe('sleep\x00102\x00');
    expect(namespaceOf(Number(pid), 'pid')).toBe(namespaceOf((await box.state(id)).pid ?? 0, 'pid'));
    await box.ok('kill', id, 'KILL');
    await eventually('all end with the container', () => !alive(pid) || undefined);
  });

  test('no pid file when the program cannot be run: engines take it as the sign of success', async ({ box }) => {
    const id = await box.running();
    const file = join(box.path, 'exec.pid');
    await box.ok('exec', id, 'sh', '-c', 'echo not a program > /broken; chmod +x /broken');
    const { code, stderr } = await box.tsrunc('exec', '--detach', '--pid-file', file, id, '/broken');
    expect(code).toBe(255);
    expect(stderr).toContain('exec: "/broken": exec format error');
    expect(existsSync(file)).toBe(false);
  });

  test('--pidfd-socket receives a pidfd of the process', async ({ box }) => {
    const id = await box.running();
    const [socket, file] = [join(box.path, 'pidfd.sock'), join(box.path, 'exec.pid')];
    const receiver = await listen(socket, '--fdinfo');
    await box.ok('exec', '--detach', '--pidfd-socket', socket, '--pid-file', file, id, 'sleep', '100');
    expect(await receiver.output).toMatch(new RegExp(`^Pid:\t${readFileSync(file, 'utf8')}$`, 'm'));
  });
});

describe('--tty', () => {
  test('with --detach sends the terminal to --console-socket', async ({ box }) => {
    const id = await box.running();
    const socket = join(box.path, 'console.sock');
    const receiver = await listen(socket);
    const script =
      'tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo through > /dev/tty; stat -c %u /dev/pts/0';
    await box.ok('exec', '--detach', '--tty', '--user', '12', '--console-socket', socket, id, 'sh', '-c', script);
    expect(await receiver.output).toBe('/dev/pts/0\nall\nthrough\n12\n');
  });

  test('leaves the container’s own /dev/console alone', async ({ box }) => {
    const id = await box.running();
    const socket = join(box.path, 'console.sock');
    const before = (await box.ok('exec', id, 'ls', '-l', '/dev')).stdout;
    const receiver = await listen(socket);
    await box.ok('exec', '-d', '-t', '--console-socket', socket, id, 'true');
    await receiver.output;
    expect((await box.ok('exec', id, 'ls', '-l', '/dev')).stdout).toBe(before);
  });

  test('without a receiver, and a receiver without it, are refused with runc’s words', async ({ box }) => {
    const id = await box.running();
    const lonely = await box.tsrunc('exec', '--detach', '--tty', id, 'true');
    expect(lonely.code).toBe(255);
    expect(lonely.stderr).toContain(
      'cannot allocate tty if runc will detach without setting console socket (command line, --tty)',
    );
    const useless = await box.tsrunc('exec', '--console-socket', '/x', id, 'true');
    expect(useless.code).toBe(255);
    expect(useless.stderr).toContain('cannot use console socket if runc will not detach or allocate tty');
  });

  test.skipIf(!hasCommand('script'))('in the foreground: our window size, raw mode, status', async ({ box }) => {
    const id = await box.running();
    const inside = `${runtime} --root ${box.root} exec -t ${id} sh -c "stty size; tty; exit 5"; echo "status $?"`;
    const text = spawnSync('script', ['-qec', `stty rows 30 cols 90; ${inside}`, '/dev/null'], {
      encoding: 'utf8',
      input: '',
      env: { ...process.env, SHELL: '/bin/sh' },
    }).stdout.replaceAll(/\r|\^@/g, ''); // script sends a NUL when its input ends
    expect(text).toContain('30 90\n/dev/pts/0\nstatus 5');
  });
});

describe('--process', () => {
  const withProcess = (box: Box, document: unknown): string => {
    const file = join(box.path, 'process.json');
    writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document, undefined, 2));
    return file;
  };

  test('is the whole process, as engines send it', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.env = ['PATH=/bin', 'FROM=config'];
    });
    const file = withProcess(box, {
      terminal: false,
      user: { uid: 5, gid: 6, additionalGids: [7], umask: 7 },
      args: ['sh', '-c', 'id -u; id -G; umask; pwd; env | sort'],
      env: ['PATH=/bin', 'X=1', 'PWD=/', 'HOME=/h'],
      cwd: '/bin',
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: null },
      rlimits: null,
      apparmorProfile: '',
    });
    const { stdout } = await box.ok('exec', '--process', file, id);
    expect(lines(stdout).filter((line) => !/^(SHLVL|_|PWD)=/.test(line))).toEqual([
      '5',
      '6 7',
      '0007',
      '/bin',
      'HOME=/h',
      'PATH=/bin',
      'X=1',
    ]);
  });

  test('keeps the container’s capabilities and limits where it is silent', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 99, hard: 101 }];
      config.process.oomScoreAdj = 77;
    });
    const args = ['sh', '-c', 'grep CapEff /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj'];
    const { stdout } = await box.ok('exec', '-p', withProcess(box, { args, env: ['PATH=/bin'], cwd: '/' }), id);
    expect(stdout).toBe('CapEff:\t0000000020000420\n99\n77\n');
  });

  test.for([
    ['a missing file', undefined, 'does not exist'],
    ['no JSON', '{"args": [', 'is not valid JSON'],
    [
      'JSON that tries to be more than the process',
      '{"cwd":"/","args":["true"]}, "root": {"path": "/"}',
      'is not valid JSON',
    ],
    ['no args', { cwd: '/' }, 'process.args must not be empty'],
    ['a relative cwd', { cwd: 'x', args: ['true'] }, /process\.json:2:10, \/cwd/],
    ['a wrong type', '{\n  "cwd": "/",\n  "args": "true"\n}', /process\.json:3:11: error: .*\(\/args\)/],
    ['several mistakes', { cwd: 'x', args: [] }, /has 2 mistakes/],
    ['not an object', '"x"', /process\.json:1:1/],
  ] as const)('%s is refused with its place', async ([, document, message], { box }) => {
    const id = await box.running();
    const file = document === undefined ? join(box.path, 'missing.json') : withProcess(box, document);
    const { code, stderr } = await box.tsrunc('exec', '--process', file, id);
    expect(stderr).toMatch(message);
    expect(code).toBe(255);
  });

  test('with a terminal, and a command beside it', async ({ box }) => {
    const id = await box.running();
    const socket = join(box.path, 'console.sock');
    const receiver = await listen(socket);
    const consoleSize = { width: 111, height: 44 };
    const file = withProcess(box, {
      terminal: true,
      consoleSize,
      args: ['stty', 'size'],
      env: ['PATH=/bin'],
      cwd: '/',
    });
    await box.ok('exec', '--process', file, '--console-socket', socket, '--detach', id);
    expect(await receiver.output).toBe('44 111\n');
    const both = await box.tsrunc('exec', '--process', file, id, 'true');
    expect(both).toMatchObject({ code: 255 });
    expect(both.stderr).toContain('--process names the whole process');
  });
});

describe('--cgroup', () => {
  const path = (box: Box) => `/tsrunc-test-${process.pid}-${box.path.slice(-6)}`;
  const children = (box: Box) => cgroupDirectories(path(box)).map((directory) => join(directory, 'child'));
  /** A new cpuset is empty on v1, and takes nobody. */
  const fillCpuset = (child: string): void => {
    for (const file of ['cpuset.cpus', 'cpuset.mems'].filter((name) => !isCgroupV2 && existsSync(join(child, name)))) {
      writeFileSync(join(child, file), readFileSync(join(child, '..', file)));
    }
  };
  const prepared = async (box: Box): Promise<string> => {
    const id = await box.running((config) => {
      config.linux.cgroupsPath = path(box);
    });
    for (const child of children(box)) {
      mkdirSync(child);
      fillCpuset(child);
    }
    return id;
  };

  test('puts the process into an existing child cgroup', async ({ box }) => {
    const id = await prepared(box);
    const { stdout } = await box.ok('exec', '--cgroup', 'child', id, 'cat', '/proc/self/cgroup');
    const places = lines(stdout).filter((line) => line.includes(path(box)));
    expect(places).toHaveLength(children(box).length);
    for (const place of places) expect(place).toMatch(/\/child$/);
    for (const child of children(box)) rmdirSync(child);
  });

  test.skipIf(isCgroupV2)('of some controllers only (cgroup v1)', async ({ box }) => {
    const id = await prepared(box);
    const { stdout } = await box.ok(
      'exec',
      '--cgroup',
      'pids,memory:/child',
      '--cgroup',
      'freezer:.',
      id,
      'cat',
      '/proc/self/cgroup',
    );
    const inChild = lines(stdout)
      .filter((line) => line.endsWith('/child'))
      .map((line) => line.split(':')[1]);
    expect(inChild.toSorted()).toEqual(['memory', 'pids']);
    for (const child of children(box)) rmdirSync(child);
  });

  test.for([
    ['nonexistent', /^tsrunc: Cannot enter the cgroup ".*\/nonexistent": no such file or directory\nHint: .*mkdir \//],
    ['../..', 'is not a sub cgroup path'],
    ['a/../../b', 'is not a sub cgroup path'],
    ['pids:a:b', 'invalid --cgroup argument: pids:a:b'],
    [':child', 'invalid --cgroup argument: :child'],
    ['nosuch:child', 'nosuch'],
  ] as const)('"%s" is refused', async ([argument, message], { box }) => {
    const id = await prepared(box);
    const { code, stderr } = await box.tsrunc('exec', '--cgroup', argument, id, 'true');
    expect(stderr).toMatch(message);
    expect(code).toBe(255);
    for (const child of children(box)) rmdirSync(child);
  });
});

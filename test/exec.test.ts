/** `exec`: a further program in a running container, seen from inside it and from the host. */
import { spawn } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, eventually, expect, output, type Patch, test, uniqueId } from './support/box.ts';
import { runtime } from './support/host.ts';
import { idRange, namespaceOf, namespaceTypes } from './support/namespaces.ts';
import { Ordinary, rootless, unavailable } from './support/ordinary.ts';

const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('the program', () => {
  test('runs in the container’s namespaces and root, and passes streams and status', async ({ box }) => {
    const id = await box.running();
    const outcome = await box.tsrunc('exec', id, 'sh', '-c', 'cat; echo err >&2; hostname; ls /; exit 7', {
      stdin: 'in\n',
    });
    expect(outcome).toMatchObject({ code: 7, stderr: 'err\n' });
    expect(outcome.stdout).toMatch(/^in\nbox\nbin\ndev\n/);
    const { pid } = await box.state(id);
    const { stdout } = await box.ok('exec', id, 'sh', '-c', 'for n in /proc/self/ns/*; do readlink $n; done');
    for (const type of namespaceTypes) expect(stdout).toContain(namespaceOf(pid ?? 0, type));
  });

  test('arguments arrive exactly, also those that look like options of tsrunc', async ({ box }) => {
    const id = await box.running();
    const script = 'for a in "$@"; do printf "<%s>" "$a"; done';
    const { stdout } = await box.ok('exec', id, 'sh', '-c', script, 'sh', '--cwd', '-t', 'a b', '', 'x\ny', '--');
    expect(stdout).toBe('<--cwd><-t><a b><><x\ny><-->');
    expect((await box.ok('exec', id, '--', 'echo', '--', 'x')).stdout).toBe('-- x\n');
  });

  test('sits in the container’s cgroup, in each hierarchy, from its first moment', async ({ box }) => {
    const id = await box.running((config) => {
      config.linux.cgroupsPath = `/tsrunc-test-${process.pid}-cg`;
    });
    const { pid } = await box.state(id);
    const { stdout } = await box.ok('exec', id, 'cat', '/proc/self/cgroup');
    expect(stdout).toBe(readFileSync(`/proc/${pid}/cgroup`, 'utf8'));
  });

  test('ends with 128 + n when signal n ended it', async ({ box }) => {
    const id = await box.running();
    expect((await box.tsrunc('exec', id, 'sh', '-c', 'kill -USR1 $$')).code).toBe(128 + 10);
  });

  test('has nothing open but its streams, and default signals', async ({ box }) => {
    const id = await box.running();
    expect(lines((await box.ok('exec', id, 'ls', '/proc/self/fd')).stdout)).toEqual(['0', '1', '2', '3']);
    const { stdout } = await box.ok(
      'exec',
      id,
      'sh',
      '-c',
      'grep -E "^Sig(Blk|Ign)" /proc/self/status; yes | head -n 1',
    );
    expect(stdout.replaceAll('\t', ' ')).toBe('SigBlk: 0000000000000000\nSigIgn: 0000000000000000\ny\n');
  });

  test('gets a session and the container’s session keyring, unless that has the caller’s', async ({ box }) => {
    const unmasked: Patch = (config) => {
      config.linux.maskedPaths = [];
    };
    const own = await box.running(unmasked);
    expect((await box.ok('exec', own, 'cat', '/proc/keys')).stdout).toContain(`_ses.${own}`);
    const session = 'read pid comm state ppid pgrp session rest < /proc/$$/stat; test $pid = $session && echo leader';
    expect((await box.ok('exec', own, 'sh', '-c', session)).stdout).toBe('leader\n');
    const kept = await box.running(unmasked, '--no-new-keyring');
    expect((await box.ok('exec', kept, 'cat', '/proc/keys')).stdout).not.toContain(`_ses.${kept}`);
  });

  test('a container that was created and not started takes it as well', async ({ box }) => {
    const id = await box.create(await box.bundle());
    expect((await box.ok('exec', id, 'hostname')).stdout).toBe('box\n');
    expect(await box.state(id)).toMatchObject({ status: 'created' });
  });

  test('many at once', async ({ box }) => {
    const id = await box.running();
    const codes = [1, 2, 3, 4, 5, 6, 7, 8];
    const outcomes = await Promise.all(codes.map((code) => box.tsrunc('exec', id, 'sh', '-c', `exit ${code}`)));
    expect(outcomes.map(({ code }) => code)).toEqual(codes);
  });

  test('what is frozen at create counts, not what the bundle says now', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.process.env = ['PATH=/bin', 'WHEN=create'];
    });
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    writeFileSync(
      join(bundle.path, 'config.json'),
      '{"ociVersion":"1.0.0","process":{"env":["WHEN=later"],"cwd":"/tmp"}}',
    );
    expect((await box.ok('exec', id, 'sh', '-c', 'echo $WHEN; pwd')).stdout).toBe('create\n/\n');
  });

  test('has the container’s capabilities, limits, no_new_privs and oom score', async ({ box }) => {
    const id = await box.running((config) => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }];
      config.process.oomScoreAdj = 321;
      config.process.user = { uid: 0, gid: 0, umask: 0o27, additionalGids: [5, 6] };
    });
    const script =
      'grep -E "^(Cap|NoNewPrivs|Groups)" /proc/self/status; ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; umask';
    const { pid } = await box.state(id);
    const own = lines(readFileSync(`/proc/${pid}/status`, 'utf8')).filter((line) =>
      /^(Cap|NoNewPrivs|Groups)/.test(line),
    );
    expect(lines((await box.ok('exec', id, 'sh', '-c', script)).stdout)).toEqual([...own, '100', '200', '321', '0027']);
  });
});

// Covers /process/execCPUAffinity
describe('execCPUAffinity', () => {
  const cpus = async (box: Box, affinity: { initial?: string; final?: string }) => {
    const id = await box.running((config) => {
      config.process.execCPUAffinity = affinity;
    });
    const { stdout } = await box.ok('exec', id, 'grep', 'Cpus_allowed_list', '/proc/self/status');
    return stdout.trim().split('\t')[1];
  };
  const all = readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:\t(.*)$/m)?.[1];

  test('final is where the program runs', async ({ box }) => {
    expect(await cpus(box, { initial: '0', final: '0' })).toBe('0');
  });

  test('initial ends with the entry into the cgroup', async ({ box }) => {
    expect(await cpus(box, { initial: '0' })).toBe(all);
  });

  test.skipIf(all === '0')('final counts where both are given', async ({ box }) => {
    expect(await cpus(box, { initial: '0', final: '1' })).toBe('1');
    expect(await cpus(box, { initial: '1', final: '0' })).toBe('0');
  });

  test.for(['initial', 'final'])('CPUs that are not there are refused, %s', async (moment, { box }) => {
    const id = await box.running((config) => {
      config.process.execCPUAffinity = { initial: '0', final: '0', [moment]: '4095' };
    });
    const { code, stdout, stderr } = await box.tsrunc('exec', id, 'echo', 'ran');
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
    expect(stderr).toContain('sched_setaffinity: EINVAL');
    expect(stderr).toContain(`/process/execCPUAffinity/${moment}`);
  });
});

describe('in a user namespace', () => {
  test('the program is root there, and nobody special outside', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.linux.namespaces.push({ type: 'user' });
      config.linux.uidMappings = [idRange];
      config.linux.gidMappings = [idRange];
    });
    await output('chown', ['-hR', `${idRange.hostID}:${idRange.hostID}`, bundle.rootfs]);
    const id = box.id();
    await box.ok('run', '--detach', '-b', bundle.path, id);
    expect((await box.ok('exec', id, 'sh', '-c', 'id -u; id -G; cat /proc/self/setgroups')).stdout).toBe(
      '0\n0\nallow\n',
    );
    expect((await box.ok('exec', '--user', '7:8', id, 'sh', '-c', 'id -u; id -g')).stdout).toBe('7\n8\n');
    const child = spawn(runtime, ['--root', box.root, 'exec', id, 'sleep', '101'], { stdio: 'ignore' });
    const { pid = 0 } = await box.state(id);
    const sleeper = await eventually('it sleeps', () => processOf(pid, 'sleep\x00101'));
    expect(readFileSync(`/proc/${sleeper}/status`, 'utf8')).toMatch(/^Uid:\t100000\t100000/m);
    const end = new Promise((resolve) => child.on('exit', resolve));
    await box.ok('delete', '--force', id);
    expect(await end).toBe(137);
  });
});

/** A process in the same pid namespace with this command line. */
const processOf = (pid: number, command: string): string | undefined =>
  readdirSync('/proc').find((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        namespaceOf(Number(name), 'pid') === namespaceOf(pid, 'pid') &&
        readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith(command)
      );
    } catch {
      return false; // it ended meanwhile
    }
  });

describe('a container that shares the host’s namespaces', () => {
  test('without mount and pid namespaces: its root is entered', async ({ box }) => {
    const id = await box.running((config) => {
      config.linux.namespaces = [];
      config.mounts = [];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      delete config.hostname;
    });
    expect((await box.ok('exec', id, 'sh', '-c', 'ls /bin/busybox; pwd')).stdout).toBe('/bin/busybox\n/\n');
  });
});

describe('in the foreground', () => {
  const started = async (box: Box, id: string, script: string) => {
    const child = spawn(runtime, ['--root', box.root, 'exec', id, 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const end = new Promise<number | NodeJS.Signals | null>((resolve) =>
      child.on('exit', (code, signal) => resolve(code ?? signal)),
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return { child, end };
  };

  test('signals are forwarded, and the container lives on', async ({ box }) => {
    const id = await box.running();
    const { child, end } = await started(box, id, 'trap "exit 9" USR1; echo up; while :; do sleep 0.01; done');
    child.kill('SIGUSR1');
    expect(await end).toBe(9);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });

  test('it is a small process while it waits', async ({ box }) => {
    const id = await box.running();
    const { child, end } = await started(box, id, 'echo up; exec sleep 100');
    const rss = () => Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    await expect.poll(rss).toBeLessThan(2048);
    await box.ok('kill', id, 'KILL');
    expect(await end).toBe(137);
  });
});

describe('mistakes', () => {
  test.for([
    ['an unknown container', ['nosuch', 'true'], 'container does not exist'],
    ['a program that is not there', ['ID', 'nosuch'], 'exec: "nosuch": executable file not found in $PATH'],
    ['a path that is not there', ['ID', '/nosuch'], 'exec: "/nosuch": no such file or directory'],
    ['a directory', ['ID', '/etc'], /exec: "\/etc": .*permission denied/],
    ['no program', ['ID'], 'process args cannot be empty'],
  ] as const)('%s: 255 and runc’s words', async ([, args, message], { box }) => {
    const id = await box.running();
    const { code, stdout, stderr } = await box.tsrunc('exec', ...args.map((arg) => (arg === 'ID' ? id : arg)));
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
  });

  test('a misspelled flag is 1, with a suggestion', async ({ box }) => {
    const { code, stderr } = await box.tsrunc('exec', '--detatch', 'x', 'true');
    expect(code).toBe(1);
    expect(stderr).toContain('unknown option --detatch of exec: did you mean --detach?');
  });

  test('a stopped container', async ({ box }) => {
    const id = await box.running();
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    const { code, stderr } = await box.tsrunc('exec', id, 'true');
    expect(code).toBe(255);
    expect(stderr).toContain('cannot exec in a stopped container');
  });

  test('a program that its user may not run', async ({ box }) => {
    const id = await box.running();
    const { pid } = await box.state(id);
    chmodSync(`/proc/${pid}/root/bin/busybox`, 0o700);
    const { code, stderr } = await box.tsrunc('exec', '--user', '1000', id, 'ls');
    expect(code).toBe(255);
    expect(stderr).toContain('permission denied');
    expect(statSync(`/proc/${pid}/root/bin/busybox`).uid).toBe(0);
  });
});

describe('a paused container', () => {
  test('is refused with runc’s words', async ({ box }) => {
    const id = await box.running();
    await box.ok('pause', id);
    const { code, stderr } = await box.tsrunc('exec', id, 'true');
    expect(code).toBe(255);
    expect(stderr).toContain('cannot exec in a paused container (use --ignore-paused to override)');
  });

  test('takes it with --ignore-paused, and lets it run when it is resumed', async ({ box }) => {
    const id = await box.running();
    await box.ok('pause', id);
    const end = box.tsrunc('exec', '--ignore-paused', id, 'sh', '-c', 'echo ran; exit 3');
    let ended = false;
    void end.then(() => {
      ended = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ended).toBe(false);
    await box.ok('resume', id);
    expect(await end).toMatchObject({ code: 3, stdout: 'ran\n' });
  });
});

describe('a container of its own time', () => {
  test('has it for further programs as well', async ({ box }) => {
    const id = await box.running((config) => {
      config.linux.namespaces.push({ type: 'time' });
      config.linux.timeOffsets = { boottime: { secs: 1_000_000 } };
    });
    const uptime = Number((await box.ok('exec', id, 'cut', '-d', '.', '-f', '1', '/proc/uptime')).stdout);
    expect(uptime).toBeGreaterThan(1_000_000);
  });
});

describe.skipIf(unavailable)(`an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  test('runs programs in a container of their own, with a terminal too', async ({ box }) => {
    const user = new Ordinary(box);
    const bundle = await user.bundle((config) => {
      rootless(config);
      config.process.args = ['sleep', '100'];
    });
    const id = uniqueId();
    await user.ok(['run', '--detach', '--bundle', bundle.path, id]);
    const { stdout } = await user.ok([
      'exec',
      id,
      'sh',
      '-c',
      'id -u; cat /proc/self/setgroups; readlink /proc/self/ns/user',
    ]);
    const { pid = 0 } = JSON.parse((await user.ok(['state', id])).stdout);
    expect(lines(stdout)).toEqual(['0', 'deny', namespaceOf(pid, 'user')]);
    const groups = await user.tsrunc(['exec', '--additional-gids', '5', id, 'true']);
    expect(groups.code).toBe(255);
    expect(groups.stderr).toMatch(/setgroups: EPERM \(command line, --user\)/);
    await user.ok(['delete', '--force', id]);
  });

  test('cannot enter the containers of others', async ({ box }) => {
    const user = new Ordinary(box);
    const id = await box.running();
    const { code, stdout } = await user.tsrunc(['--root', box.root, 'exec', id, 'id']);
    expect({ code, stdout }).toEqual({ code: 255, stdout: '' });
  });
});

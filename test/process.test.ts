/** runtime-spec config.md "Process": what the program finds when it starts, seen from inside. */

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { RlimitType } from '../src/config/spec.ts';
import { type Box, expect, type Patch, test } from './support/box.ts';
import { hasCapability, hasCommand, isRoot, runtime } from './support/host.ts';

const status = (text: string, field: string): string | undefined =>
  new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1];
const lines = (text: string): string[] => text.trim().split('\n');

// Covers /process/{args,env,cwd}
describe('args, env and cwd', () => {
  test('arrive exactly, also with spaces, line feeds and empty words', async ({ box }) => {
    const args = ['sh', '-c', 'for a in "$@"; do printf "<%s>" "$a"; done', '--', 'a b', '', 'x\ny', 'ü'];
    const { stdout } = await box.probe('', (config) => {
      config.process.args = args;
    });
    expect(stdout).toBe('<a b><><x\ny><ü>');
  });

  test('the environment is the one of the config and nothing of ours; HOME comes from passwd', async ({ box }) => {
    const { stdout } = await box.probe('cat /proc/self/environ', (config) => {
      config.process.args = ['cat', '/proc/self/environ'];
      config.process.env = ['PATH=/bin', 'A=1', 'EMPTY=', 'A=2'];
    });
    expect(stdout.split('\0').filter(Boolean).toSorted()).toEqual(['A=2', 'EMPTY=', 'HOME=/root', 'PATH=/bin']);
  });

  test('the program is looked up in the PATH of the config', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['mine'];
      config.process.env = ['PATH=/nowhere:/opt'];
    });
    mkdirSync(join(bundle.rootfs, 'opt'));
    writeFileSync(join(bundle.rootfs, 'opt/mine'), '#!/bin/sh\necho found\n', { mode: 0o755 });
    expect((await box.run(bundle)).stdout).toBe('found\n');
  });

  test.skipIf(!isRoot || !hasCommand('setcap'))(
    'a program whose file has capabilities beyond the bounding set is refused by the kernel, and the hint tells why',
    async ({ box }) => {
      const directory = join(box.path, 'suid');
      const bundle = await box.bundle((config) => {
        config.process.args = ['/opt/capable'];
        config.mounts.push({ destination: '/opt', type: 'bind', source: directory, options: ['bind'] });
      });
      // Of its own: that of temporary files may be nosuid, where capabilities of files do not count.
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', 'none', directory]);
      try {
        const path = join(directory, 'capable');
        copyFileSync(join(bundle.rootfs, 'bin/busybox'), path);
        execFileSync('setcap', ['cap_net_admin+ep', path]);
        const { code, stderr } = await box.run(bundle);
        expect(code).toBe(1);
        expect(stderr).toContain('exec: "/opt/capable": operation not permitted');
        expect(stderr).toContain('needs all of them in process.capabilities.bounding');
      } finally {
        execFileSync('umount', [directory]);
      }
    },
  );

  test('a missing cwd is created', async ({ box }) => {
    const { stdout } = await box.probe('pwd; /bin/pwd', (config) => {
      config.process.cwd = '/a/new/place';
    });
    expect(stdout).toBe('/a/new/place\n/a/new/place\n');
  });
});

// Covers /process/user/{uid,gid,umask,additionalGids}
describe('user', () => {
  test('uid, gid, additional groups and umask are set', async ({ box }) => {
    const { stdout } = await box.probe('id -u; id -g; id -G; umask', (config) => {
      config.process.user = { uid: 1234, gid: 2345, additionalGids: [10, 20], umask: 0o27 };
    });
    expect(lines(stdout)).toEqual(['1234', '2345', '2345 10 20', '0027']);
  });

  test('no group of the caller is kept, and the umask is 0022 by default', async ({ box }) => {
    const { stdout } = await box.probe('grep Groups /proc/self/status; umask');
    expect(lines(stdout).map((line) => line.trim())).toEqual(['Groups:', '0022']);
  });
});

// Covers /process/capabilities
describe('capabilities', () => {
  const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
  const read = async (box: Box, patch: Patch) => {
    const { stdout } = await box.probe('cat /proc/self/status', patch);
    return Object.fromEntries(sets.map((set) => [set, BigInt(`0x${status(stdout, set)}`)]));
  };
  const CHOWN = 1n << 0n;
  const KILL = 1n << 5n;
  const RAW = 1n << 13n;

  test('each of the five sets is exactly the one of the config, for a user that is not root', async ({ box }) => {
    const found = await read(box, (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.capabilities = {
        bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_RAW'],
        permitted: ['CAP_CHOWN', 'CAP_KILL'],
        inheritable: ['CAP_KILL'],
        effective: ['CAP_KILL'],
        ambient: ['CAP_KILL'],
      };
    });
    // execve of a program without file capabilities: P'(permitted) = ambient (capabilities(7)).
    expect(found).toEqual({ CapBnd: CHOWN | KILL | RAW, CapPrm: KILL, CapInh: KILL, CapEff: KILL, CapAmb: KILL });
  });

  test('root gets the bounding set, and inheritable stays empty (CVE-2022-29162)', async ({ box }) => {
    const found = await read(box, (config) => {
      const set = ['CAP_CHOWN', 'CAP_KILL'];
      config.process.capabilities = { bounding: set, permitted: set, effective: set };
    });
    expect(found).toEqual({ CapBnd: CHOWN | KILL, CapPrm: CHOWN | KILL, CapEff: CHOWN | KILL, CapInh: 0n, CapAmb: 0n });
  });

  test('ambient ones that are not inheritable are left out, as older default configurations have them', async ({
    box,
  }) => {
    const found = await read(box, (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      const some = ['CAP_KILL', 'CAP_CHOWN'];
      config.process.capabilities = { bounding: some, effective: some, permitted: some, ambient: some };
    });
    expect(found).toMatchObject({ CapBnd: KILL | CHOWN, CapAmb: 0n, CapInh: 0n });
  });

  test('none at all leaves none', async ({ box }) => {
    const found = await read(box, (config) => {
      config.process.capabilities = {};
    });
    expect(Object.values(found)).toEqual([0n, 0n, 0n, 0n, 0n]);
  });
});

describe('limits and scores', () => {
  const limits: readonly (readonly [type: RlimitType, name: string, soft: number, hard: number])[] = [
    ['RLIMIT_CPU', 'cpu time', 101, 201],
    ['RLIMIT_FSIZE', 'file size', 102_000, 202_000],
    ['RLIMIT_DATA', 'data size', 103_000_000, 203_000_000],
    ['RLIMIT_STACK', 'stack size', 1_040_000, 2_040_000],
    ['RLIMIT_CORE', 'core file size', 0, 205],
    ['RLIMIT_RSS', 'resident set', 106_000, 206_000],
    ['RLIMIT_NPROC', 'processes', 107, 207],
    ['RLIMIT_NOFILE', 'open files', 108, 208],
    ['RLIMIT_MEMLOCK', 'locked memory', 10_900, 20_900],
    ['RLIMIT_AS', 'address space', 110_000_000, 210_000_000],
    ['RLIMIT_LOCKS', 'file locks', 111, 211],
    ['RLIMIT_SIGPENDING', 'pending signals', 112, 212],
    ['RLIMIT_MSGQUEUE', 'msgqueue size', 11_300, 21_300],
    ['RLIMIT_NICE', 'nice priority', 14, 24],
    ['RLIMIT_RTPRIO', 'realtime priority', 15, 25],
    ['RLIMIT_RTTIME', 'realtime timeout', 116_000, 216_000],
  ];
  // Hard limits that start as 0: raising them needs CAP_SYS_RESOURCE.
  const settable = limits.filter(([type]) => hasCapability('SYS_RESOURCE') || !/NICE|RTPRIO/.test(type));

  // Covers /process/rlimits
  test('rlimits are set, each with its two values', async ({ box }) => {
    const { stdout } = await box.probe('', (config) => {
      config.process.args = ['cat', '/proc/self/limits'];
      config.process.rlimits = settable.map(([type, , soft, hard]) => ({ type, soft, hard }));
    });
    const found = settable.map(([, name]) => new RegExp(`^Max ${name} +(\\d+) +(\\d+) `, 'm').exec(stdout)?.slice(1));
    expect(found).toEqual(settable.map(([, , soft, hard]) => [String(soft), String(hard)]));
  });

  // Covers /process/oomScoreAdj
  test('oomScoreAdj is set', async ({ box }) => {
    const { stdout } = await box.probe('cat /proc/self/oom_score_adj', (config) => {
      config.process.oomScoreAdj = 321;
    });
    expect(stdout).toBe('321\n');
  });

  const lowest: Patch = (config) => {
    config.process.oomScoreAdj = -1000;
  };

  test.runIf(hasCapability('SYS_RESOURCE'))('oomScoreAdj is lowered', async ({ box }) => {
    expect((await box.probe('cat /proc/self/oom_score_adj', lowest)).stdout).toBe('-1000\n');
  });

  test.skipIf(hasCapability('SYS_RESOURCE'))('oomScoreAdj is not lowered without the capability', async ({ box }) => {
    const { code, stderr } = await box.probe('true', lowest);
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot set the oom score adjustment to -1000: EACCES');
    expect(stderr).toContain('/process/oomScoreAdj');
    expect(stderr).toContain('needs CAP_SYS_RESOURCE');
  });

  test.skipIf(hasCapability('SYS_RESOURCE'))(
    'what only CAP_SYS_RESOURCE may do is refused with its place',
    async ({ box }) => {
      const { code, stderr } = await box.probe('true', (config) => {
        config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 4_000_000, hard: 1_000_000_000 }];
      });
      expect(code).toBe(1);
      expect(stderr).toContain('/process/rlimits/0');
      expect(stderr).toContain('RLIMIT_NOFILE');
    },
  );

  // Covers /process/noNewPrivileges
  test.for([true, false])('noNewPrivileges %s', async (value, { box }) => {
    const { stdout } = await box.probe('cat /proc/self/status', (config) => {
      config.process.noNewPrivileges = value;
    });
    expect(status(stdout, 'NoNewPrivs')).toBe(value ? '1' : '0');
  });

  // Covers /linux/personality/domain
  test('scheduler, io priority and personality', async ({ box }) => {
    const { stdout } = await box.probe('cut -d" " -f19,41 /proc/self/stat; ionice; uname -m', (config) => {
      config.process.scheduler = { policy: 'SCHED_BATCH', nice: 5 };
      config.process.ioPriority = { class: 'IOPRIO_CLASS_BE', priority: 6 };
      config.linux.personality = { domain: 'LINUX32' };
    });
    const [stat, io, machine] = lines(stdout);
    expect(stat).toBe('5 3');
    expect(io).toMatch(/^best-effort: prio 6/);
    expect(machine).toMatch(/i[36]86|armv/);
  });
});

describe('what the program inherits of the runtime', () => {
  const script = [
    'grep -E "^(SigBlk|SigIgn|SigCgt|Threads|Seccomp|NoNewPrivs)" /proc/self/status',
    'grep -E "Max open files|Max processes|Max core|Max stack" /proc/self/limits',
    'for f in /proc/self/fd/*; do echo "fd ${f##*/}"; done',
    'grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 /proc/self/fdinfo/2',
  ].join('; ');

  test.skipIf(!hasCommand('runc'))('is the same as with runc: signals, limits, descriptors, flags', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      // cat and grep run as children of a shell, so what they show is what the shell passed on.
      config.process.args = ['sh', '-c', script];
      config.process.noNewPrivileges = false;
    });
    const id = box.id();
    const show = (command: string[]) => {
      const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -Sn 4321; "$@"; true', 'sh', ...command], {
        encoding: 'utf8',
      });
      return `${stdout}${stderr}`;
    };
    const theirs = show(['runc', '--root', join(box.path, 'runc'), 'run', '-b', bundle.path, id]);
    const ours = show([runtime, '--root', box.root, 'run', '-b', bundle.path, id]);
    // Older runc gives the container the soft limit that the Go runtime has raised for itself: not compared.
    // It copies stdio through pipes of its own, so that the access mode differs; O_NONBLOCK (04000) must not.
    const comparable = (text: string) => text.replace(/^Max open files.*$/m, '').replaceAll(/0[012]$/gm, '');
    expect(comparable(ours)).toBe(comparable(theirs));
    expect(ours).toMatch(/^Max open files +4321 /m);
  });

  test('SIGPIPE ends a writer as usual', async ({ box }) => {
    const { stdout } = await box.probe('yes | head -n 1; echo done');
    expect(stdout).toBe('y\ndone\n');
  });

  test('no descriptor of the runtime or its caller is open inside', async ({ box }) => {
    const leak = openSync('/etc/passwd', 'r');
    const bundle = await box.bundle((config) => {
      config.process.args = ['ls', '/proc/self/fd'];
    });
    const { stdout } = spawnSync(runtime, ['--root', box.root, 'run', '-b', bundle.path, box.id()], {
      stdio: ['ignore', 'pipe', 'pipe', leak],
      encoding: 'utf8',
    });
    closeSync(leak);
    // 3 is the directory that ls itself has opened.
    expect(lines(stdout)).toEqual(['0', '1', '2', '3']);
  });

  test('a null device as a stream is that of the container, and what else it is stays', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = [
        'sh',
        '-c',
        'stat -L -c "%d %t:%T" /dev/null /dev/fd/0 /dev/fd/2; cat /proc/self/fdinfo/2',
      ];
    });
    const none = openSync('/dev/null', 'a');
    const { stdout } = spawnSync(runtime, ['--root', box.root, 'run', '-b', bundle.path, box.id()], {
      stdio: ['ignore', 'pipe', none],
      encoding: 'utf8',
    });
    closeSync(none);
    const [own, stdin, stderr] = lines(stdout);
    expect([stdin, stderr]).toEqual([own, own]);
    expect(own).toMatch(/ 1:3$/);
    // O_WRONLY and O_APPEND, as it was opened.
    expect(Number.parseInt(/^flags:\s*(\d+)/m.exec(stdout)?.[1] ?? '', 8) & 0o2003).toBe(0o2001);
  });

  test('--preserve-fds passes them on in their place', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'cat <&3; ls /proc/self/fd'];
    });
    const file = join(box.path, 'note');
    writeFileSync(file, 'passed on\n');
    const fd = openSync(file, 'r');
    const { stdout, stderr } = spawnSync(
      runtime,
      ['--root', box.root, 'run', '--preserve-fds', '1', '-b', bundle.path, box.id()],
      {
        stdio: ['ignore', 'pipe', 'pipe', fd],
        encoding: 'utf8',
      },
    );
    closeSync(fd);
    expect(stderr).toBe('');
    expect(lines(stdout)).toEqual(['passed on', '0', '1', '2', '3', '4']);
  });

  test('--preserve-fds of one that is not open is refused', async ({ box }) => {
    const bundle = await box.bundle();
    const { status: code, stderr } = spawnSync(
      runtime,
      ['--root', box.root, 'run', '--preserve-fds', '2', '-b', bundle.path, box.id()],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      },
    );
    expect(code).toBe(1);
    expect(stderr).toContain('file descriptor 3 is not open');
  });

  test('LISTEN_FDS passes socket activation on', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'echo $LISTEN_FDS $LISTEN_PID; cat <&3'];
    });
    const file = join(box.path, 'note');
    writeFileSync(file, 'socket\n');
    const fd = openSync(file, 'r');
    // LISTEN_PID must be the runtime's own pid: the shell execs into it.
    const { stdout } = spawnSync(
      'sh',
      [
        '-c',
        'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"',
        'sh',
        runtime,
        '--root',
        box.root,
        'run',
        '-b',
        bundle.path,
        box.id(),
      ],
      { stdio: ['ignore', 'pipe', 'pipe', fd], encoding: 'utf8' },
    );
    closeSync(fd);
    expect(lines(stdout)).toEqual(['1 1', 'socket']);
  });

  test('it has a session keyring of its own, unless --no-new-keyring', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['cat', '/proc/keys'];
      config.linux.maskedPaths = [];
    });
    const [own, kept] = [box.id(), box.id()];
    expect((await box.ok('run', '-b', bundle.path, own)).stdout).toContain(`_ses.${own}`);
    expect((await box.ok('run', '--no-new-keyring', '-b', bundle.path, kept)).stdout).not.toContain(`_ses.${kept}`);
  });

  test('it is leader of a session of its own', async ({ box }) => {
    const { stdout } = await box.probe('cut -d" " -f1,5,6 /proc/self/stat', (config) => {
      config.process.args = [
        'sh',
        '-c',
        'read pid comm state ppid pgrp session rest < /proc/$$/stat; echo $pid $pgrp $session',
      ];
    });
    expect(stdout).toBe('1 1 1\n');
  });
});

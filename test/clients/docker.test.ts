/** Docker (dockerd, its containerd and the stock shim) with tsrunc as its runtime. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Docker, runtimeName } from '../support/docker.ts';
import { hasCapability, isCgroupV2, runtime } from '../support/host.ts';
import { eventually, patient } from '../support/process.ts';
import { lookForOpenPaths, nothingOpen } from '../support/protection.ts';
import { engineUnavailable } from '../support/realm.ts';

const unavailable = engineUnavailable('dockerd', 'docker', 'containerd', 'iptables', 'script');

const lines = (text: string): string[] => text.trimEnd().split('\n');
const MiB = 1024 * 1024;

/** Takes and touches 64 MiB. */
const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'];

describe.skipIf(unavailable)(`Docker${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  let docker: Docker;
  beforeAll(async () => {
    docker = await Docker.start();
  }, patient(60_000));
  afterAll(() => docker?.close(), patient(30_000));

  test('info names the runtime and its version', async () => {
    const info = JSON.parse(await docker.ok('info', '--format', '{{json .}}'));
    expect(info).toMatchObject({ DefaultRuntime: runtimeName, CgroupDriver: 'cgroupfs' });
    expect(info.Runtimes[runtimeName].path).toBe(runtime);
    const { stdout } = await docker.realm.ok([runtime, '--version']);
    const commit = /^commit: (\S+)/m.exec(stdout)?.[1];
    expect(info.RuncCommit.ID).toBe(commit);
  });

  describe('run', () => {
    test('passes output, input and status', async () => {
      const outcome = await docker.run(['--rm'], 'sh', '-c', 'echo out; echo err >&2; exit 3');
      expect(outcome).toMatchObject({ code: 3, stdout: 'out\n', stderr: 'err\n' });
      const counted = await docker.exec(['run', '-i', '--rm', '--network=none', 'tsrunc-test', 'wc', '-l'], {
        stdin: 'one\ntwo\n',
      });
      expect(counted.stdout).toBe('2\n');
    });

    test('isolates', async () => {
      const script =
        'echo $$; ls /sys/class/net; hostname; grep Cap[EB] /proc/self/status; grep Secc /proc/self/status';
      const seen = lines(await docker.probe(script, '--hostname=within')).map((line) => line.replace('\t', ' '));
      const capabilities = ['CapEff: 00000000a80425fb', 'CapBnd: 00000000a80425fb'];
      expect(seen).toEqual(['1', 'lo', 'within', ...capabilities, 'Seccomp: 2', 'Seccomp_filters: 1']);
    });

    test('masks and protects what is not the container’s', async () => {
      expect(await docker.probe(lookForOpenPaths)).toBe(nothingOpen);
    });

    test('says what is missing, by status and text', async () => {
      const missing = await docker.run(['--rm'], 'nosuch');
      expect(missing).toMatchObject({ code: 127 });
      expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
      const forbidden = await docker.run(['--rm'], '/etc/passwd');
      expect(forbidden).toMatchObject({ code: 126 });
      expect(forbidden.stderr).toContain('permission denied');
      expect((await docker.run(['--rm'], '/no/such/file')).code).toBe(127);
    });

    test('has a terminal of the user’s size', async () => {
      const command = ['run', '--rm', '-it', '--network=none', 'tsrunc-test', 'sh', '-c', 'tty; sleep 0.5; stty size'];
      expect(await docker.terminal(...command)).toBe('/dev/pts/0\n30 90\n');
    });

    test('restarts on failure as often as told', async () => {
      const id = await docker.detached(['--restart=on-failure:2'], 'sh', '-c', 'echo again; exit 7');
      const status = () => docker.inspect(id, '{{.RestartCount}} {{.State.ExitCode}} {{.State.Status}}');
      await expect.poll(status, { timeout: patient(10_000) }).toBe('2 7 exited');
      expect(lines(await docker.ok('logs', id))).toEqual(['again', 'again', 'again']);
    });
  });

  describe('exec', () => {
    let id: string;
    beforeAll(async () => {
      id = await docker.detached([], 'sleep', '100');
    });

    test('has streams, status, user, directory, environment', async () => {
      const flags = ['exec', '--user=1000:1001', '--workdir=/tmp', '--env=X=y', id];
      const outcome = await docker.exec([...flags, 'sh', '-c', 'echo $X; pwd; id -u; echo err >&2; exit 4']);
      expect(outcome).toMatchObject({ code: 4, stdout: 'y\n/tmp\n1000\n', stderr: 'err\n' });
    });

    test('has input and a terminal', async () => {
      expect((await docker.exec(['exec', '-i', id, 'cat'], { stdin: 'typed' })).stdout).toBe('typed');
      const shown = await docker.terminal('exec', '-it', id, 'sh', '-c', 'tty; sleep 0.5; stty size');
      expect(shown).toBe('/dev/pts/0\n30 90\n');
    });

    test('says what is missing, by status and text', async () => {
      const missing = await docker.exec(['exec', id, 'nosuch']);
      expect(missing.stdout + missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
      // 20.10 has one status for all that cannot be run.
      expect([126, 127]).toContain(missing.code);
      expect((await docker.exec(['exec', id, '/etc/passwd'])).code).toBe(126);
    });

    test('works in the background, and is seen by top', async () => {
      await docker.ok('exec', '--detach', id, 'sleep', '77');
      await expect.poll(() => docker.ok('top', id, '-o', 'pid,args')).toContain('sleep 77');
    });

    // Nobody can give a container more than the host gives to root.
    test.skipIf(!hasCapability('SYS_RESOURCE'))('--privileged has all capabilities', async () => {
      const status = 'grep CapEff /proc/self/status | cut -f2';
      const privileged = await docker.exec(['exec', '--privileged', id, 'sh', '-c', status]);
      expect(BigInt(`0x${privileged.stdout.trim()}`) & (1n << 21n)).not.toBe(0n);
    });
  });

  describe('the life of a container', () => {
    test('create, start, wait, logs, start again, rm', async () => {
      const id = await docker.ok(
        'create',
        '--network=none',
        'tsrunc-test',
        'sh',
        '-c',
        'echo out; echo err >&2; exit 5',
      );
      expect(await docker.inspect(id, '{{.State.Status}}')).toBe('created');
      await docker.ok('start', id);
      expect(await docker.ok('wait', id)).toBe('5');
      expect(await docker.exec(['logs', id])).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
      expect(await docker.exec(['start', '--attach', id])).toMatchObject({ code: 5 });
      await docker.ok('rm', id);
    });

    test('stop: TERM first, KILL when that does not help', async () => {
      const trap = (action: string) => ['sh', '-c', `trap "${action}" TERM; echo ready; while :; do sleep 0.1; done`];
      const [polite = '', deaf = ''] = await Promise.all(
        ['exit 9', ':'].map((action) => docker.detached([], ...trap(action))),
      );
      for (const id of [polite, deaf]) await expect.poll(() => docker.ok('logs', id)).toBe('ready');
      await docker.ok('stop', '--time', '8', polite);
      await docker.ok('stop', '--time', '1', deaf);
      expect(await docker.inspect(polite, '{{.State.ExitCode}}')).toBe('9');
      expect(await docker.inspect(deaf, '{{.State.ExitCode}}')).toBe('137');
    });

    test('kill sends any signal', async () => {
      const id = await docker.detached(
        [],
        'sh',
        '-c',
        'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done',
      );
      await expect.poll(() => docker.ok('logs', id)).toBe('ready');
      await docker.ok('kill', '--signal=USR1', id);
      await expect.poll(() => docker.ok('logs', id)).toBe('ready\nusr1');
      await docker.ok('kill', id);
      expect(await docker.ok('wait', id)).toBe('137');
    });

    test('pause and unpause', async () => {
      const id = await docker.detached([], 'sh', '-c', 'while :; do echo tick; sleep 0.02; done');
      const ticks = async () => lines(await docker.ok('logs', id)).length;
      await expect.poll(ticks).toBeGreaterThan(2);
      await docker.ok('pause', id);
      expect(await docker.inspect(id, '{{.State.Status}}')).toBe('paused');
      const before = await ticks();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await ticks()).toBe(before);
      expect((await docker.exec(['exec', id, 'true'])).stderr).toContain('is paused');
      await docker.ok('unpause', id);
      await expect.poll(ticks).toBeGreaterThan(before);
      await docker.ok('rm', '--force', id);
    });

    test('restart, cp, diff, commit', async () => {
      const id = await docker.detached([], 'sleep', '100');
      const pid = await docker.inspect(id, '{{.State.Pid}}');
      await docker.ok('restart', '--time', '0', id);
      expect(await docker.inspect(id, '{{.State.Pid}}')).not.toBe(pid);
      const [there, back] = [join(docker.realm.path, 'there'), join(docker.realm.path, 'back')];
      writeFileSync(there, 'copied');
      await docker.ok('cp', there, `${id}:/etc/new`);
      await docker.ok('cp', `${id}:/etc/new`, back);
      expect(readFileSync(back, 'utf8')).toBe('copied');
      expect(await docker.ok('diff', id)).toContain('A /etc/new');
      await docker.ok('commit', id, 'committed');
      expect(await docker.ok('run', '--rm', '--network=none', 'committed', 'cat', '/etc/new')).toBe('copied');
    });

    test('containers outlive their daemon, which finds them again', async () => {
      const id = await docker.detached([], 'sh', '-c', 'trap "exit 9" TERM; while :; do sleep 0.1; done');
      const pid = await docker.inspect(id, '{{.State.Pid}}');
      await docker.stopDaemon();
      expect((await docker.realm.ok(['cat', `/proc/${pid}/comm`])).stdout).toBe('sh\n');
      await docker.startDaemon();
      expect(await docker.inspect(id, '{{.State.Pid}} {{.State.Status}}')).toBe(`${pid} running`);
      expect(await docker.ok('exec', id, 'echo', 'back')).toBe('back');
      await docker.ok('stop', '--time', '8', id);
      expect(await docker.inspect(id, '{{.State.ExitCode}}')).toBe('9');
    });

    test('many at once', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 5 }, (_, index) => docker.run(['--rm'], 'sh', '-c', `exit ${index + 10}`)),
      );
      expect(outcomes.map(({ code }) => code)).toEqual([10, 11, 12, 13, 14]);
    });
  });

  test('health checks', async () => {
    const flags = ['--health-cmd=test ! -e /tmp/ill', '--health-interval=200ms', '--health-retries=1'];
    const id = await docker.detached(flags, 'sleep', '100');
    const status = () => docker.inspect(id, '{{.State.Health.Status}}');
    await expect.poll(status, { timeout: patient(5000) }).toBe('healthy');
    await docker.ok('exec', id, 'touch', '/tmp/ill');
    await expect.poll(status, { timeout: patient(5000) }).toBe('unhealthy');
    await docker.ok('rm', '--force', id);
  });

  describe('security', () => {
    const effective = 'grep CapEff /proc/self/status | cut -f2';

    test('--cap-drop, --cap-add, an ordinary user', async () => {
      const some = ['--cap-drop=all', '--cap-add=chown', '--cap-add=net_raw'];
      expect(await docker.probe(effective, ...some)).toBe('0000000000002001');
      expect(await docker.probe(`${effective}; id -u; id -G`, '--user=1000', '--group-add=7')).toBe(
        '0000000000000000\n1000\n0 7',
      );
    });

    test('--security-opt no-new-privileges and a seccomp profile', async () => {
      const profile = join(docker.realm.path, 'seccomp.json');
      const refused = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 };
      writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refused] }));
      const flags = ['--security-opt=no-new-privileges', `--security-opt=seccomp=${profile}`];
      const seen = await docker.probe('grep NoNew /proc/self/status; mkdir /tmp/new 2>&1 || true', ...flags);
      expect(seen).toMatch(/^NoNewPrivs:\t1\n.*Operation not supported$/);
    });

    test('--security-opt systempaths=unconfined', async () => {
      const seen = await docker.probe(lookForOpenPaths, '--security-opt=systempaths=unconfined');
      expect(seen).toContain('open /proc/sys');
    });

    test('--read-only with a tmpfs', async () => {
      const script = 'touch /etc/new 2>&1 | sed "s/.*: //"; touch /tmp/new /dev/shm/new && echo done';
      expect(await docker.probe(script, '--read-only', '--tmpfs=/tmp')).toBe('Read-only file system\ndone');
    });
  });

  describe('resources', () => {
    const limit = isCgroupV2 ? 'memory.max' : 'memory/memory.limit_in_bytes';
    const read = (file: string) => `cat /sys/fs/cgroup/${file}`;

    test('--memory, --pids-limit, --cpus reach the kernel', async () => {
      const cpu = isCgroupV2 ? read('cpu.max') : `${read('cpu/cpu.cfs_quota_us')}; ${read('cpu/cpu.cfs_period_us')}`;
      const script = `${read(limit)}; ${read(isCgroupV2 ? 'pids.max' : 'pids/pids.max')}; ${cpu}`;
      const seen = await docker.probe(script, '--memory=64m', '--pids-limit=50', '--cpus=0.5');
      expect(seen.replaceAll(/\s+/g, ' ')).toBe(`${64 * MiB} 50 50000 100000`);
    });

    test('a container that eats too much is killed, and Docker knows why', async () => {
      const id = await docker.detached(['--memory=16m', '--memory-swap=16m'], ...eater);
      expect(await docker.ok('wait', id)).toBe('137');
      expect(await docker.inspect(id, '{{.State.OOMKilled}}')).toBe('true');
    });

    test('update up and down, stats', async () => {
      const id = await docker.detached(['--memory=64m', '--memory-swap=64m'], 'sleep', '100');
      for (const size of [128, 32]) {
        await docker.ok('update', `--memory=${size}m`, `--memory-swap=${size}m`, '--cpus=0.25', id);
        expect(await docker.ok('exec', id, 'cat', `/sys/fs/cgroup/${limit}`)).toBe(String(size * MiB));
      }
      const row = await docker.ok('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', id);
      expect(row).toMatch(/^\d\S*[KM]iB \/ 32MiB 1$/);
    });

    test('update --restart alone touches no limit', async () => {
      const id = await docker.detached(['--memory=64m'], 'sleep', '100');
      await docker.ok('update', '--restart=always', id);
      expect(await docker.ok('exec', id, 'cat', `/sys/fs/cgroup/${limit}`)).toBe(String(64 * MiB));
      await docker.ok('rm', '--force', id);
    });

    test('--ulimit, --sysctl, --shm-size', async () => {
      const script = 'ulimit -Hn; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; df -k /dev/shm | tail -n 1';
      const flags = ['--ulimit=nofile=100:100', '--sysctl=net.ipv4.ip_unprivileged_port_start=80', '--shm-size=2m'];
      const [files, port, memory] = lines(await docker.probe(script, ...flags));
      expect([files, port]).toEqual(['100', '80']);
      expect(memory).toMatch(/^shm +2048 /);
    });
  });

  describe('mounts and devices', () => {
    test('bind mounts, read-only and not', async () => {
      const directory = join(docker.realm.path, 'shared');
      await docker.realm.ok(['mkdir', directory]);
      const flags = [`--volume=${directory}:/rw`, `--volume=${directory}:/ro:ro`];
      const script = 'echo kept > /rw/file; cat /ro/file; (: > /ro/other) 2>&1 | sed "s/.*: //"';
      expect(await docker.probe(script, ...flags)).toBe('kept\nRead-only file system');
      expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('kept\n');
      expect(readdirSync(directory)).toEqual(['file']);
    });

    test('named volumes keep what was in the image and what was written', async () => {
      await docker.probe('echo kept > /etc/mine', '--volume=tsrunc-volume:/etc');
      const seen = await docker.probe('cat /etc/mine; head -n 1 /etc/passwd', '--volume=tsrunc-volume:/etc');
      expect(seen).toMatch(/^kept\nroot:/);
    });

    test('--tmpfs, --mount', async () => {
      const flags = ['--tmpfs=/mnt/one:size=1m,mode=700', '--mount=type=tmpfs,destination=/mnt/two,tmpfs-size=2m'];
      const script = 'df -k /mnt/one /mnt/two | tail -n 2 | tr -s " " | cut -d" " -f2; stat -c %a /mnt/one';
      expect(await docker.probe(script, ...flags)).toBe('1024\n2048\n700');
    });

    test('--device: there, of the right kind, usable; others are not', async () => {
      const script = `stat -c '%F %t:%T' /dev/mine; echo x > /dev/mine && echo written
        mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg 2>&1 | head -c 100`;
      const seen = lines(await docker.probe(script, '--device=/dev/zero:/dev/mine:rwm'));
      expect(seen.slice(0, 2)).toEqual(['character special file 1:5', 'written']);
      expect(seen[2]).toContain('Operation not permitted');
    });
  });

  describe('namespaces of others', () => {
    test('--network, --ipc, --pid of a container, and of the host', async () => {
      const id = await docker.detached(['--ipc=shareable'], 'sleep', '100');
      const script = 'for kind in net ipc; do readlink /proc/self/ns/$kind; done; cat /proc/1/comm';
      const own = await docker.ok('exec', id, 'sh', '-c', script);
      const joined = ['network', 'ipc', 'pid'].map((kind) => `--${kind}=container:${id}`);
      expect(await docker.probe(script, ...joined)).toBe(own);
      const host = lines(await docker.probe(script, '--network=host', '--ipc=host', '--pid=host'));
      expect(host[2]).toBe('sh'); // the first process of the realm
      expect(host[0]).toBe((await docker.realm.ok(['readlink', '/proc/self/ns/net'])).stdout.trim());
    });

    test('a bridge, its names and a published port', async () => {
      await docker.ok('network', 'create', 'tsrunc-network');
      const script = 'mkdir /www; echo served > /www/index.html; httpd -f -p 80 -h /www';
      const flags = ['--network=tsrunc-network', '--name=server', '--publish=127.0.0.1:8080:80'];
      await docker.detached(flags, 'sh', '-c', script);
      const fetch = () => docker.realm.exec(['busybox', 'wget', '-qO-', 'http://127.0.0.1:8080/']);
      await expect.poll(async () => (await fetch()).stdout, { timeout: patient(5000) }).toBe('served\n');
      const seen = await docker.probe('wget -qO- http://server/', '--network=tsrunc-network');
      expect(seen).toBe('served');
    });
  });

  test('build runs its steps in containers', async () => {
    const context = join(docker.realm.path, 'context');
    await docker.realm.ok(['mkdir', context]);
    const text = 'FROM tsrunc-test\nRUN id -u > /built && hostname >> /built\nUSER 7\nCMD ["cat", "/built"]\n';
    writeFileSync(join(context, 'Dockerfile'), text);
    await docker.ok('build', '--quiet', '--network=none', '--tag=built', context);
    expect(await docker.ok('run', '--rm', '--network=none', 'built')).toMatch(/^0\n[0-9a-f]{12}$/);
  });

  // The last one: after everything that the others left running.
  test('rm leaves neither containers of the runtime nor cgroups', async () => {
    const all = lines(await docker.ok('ps', '--all', '--quiet')).filter(Boolean);
    if (all.length > 0) await docker.ok('rm', '--force', ...all);
    const root = '/run/docker/exec/runtime-tested/moby';
    const list = async () => (await docker.realm.exec([runtime, '--root', root, 'list', '-q'])).stdout;
    await eventually('the runtime has no containers', async () => ((await list()) === '' ? true : undefined));
    expect(docker.realm.cgroups()).toEqual([]);
  });
});

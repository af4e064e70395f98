/** podman and conmon with tsrunc as their runtime, as root. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { criuHas, withoutCriu } from '../support/criu.ts';
import { isCgroupV2 } from '../support/host.ts';
import { Podman } from '../support/podman.ts';
import { eventually, patient } from '../support/process.ts';
import { lookForOpenPaths, nothingOpen } from '../support/protection.ts';
import { engineUnavailable } from '../support/realm.ts';

const unavailable = engineUnavailable('podman', 'conmon', 'script');

const lines = (text: string): string[] => text.trimEnd().split('\n');
const MiB = 1024 * 1024;
const soon = { timeout: patient(10_000) };

describe.skipIf(unavailable)(`podman${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  let podman: Podman;
  beforeAll(async () => {
    podman = await Podman.start();
  }, patient(60_000));
  afterAll(() => podman?.close(), patient(30_000));

  describe('run', () => {
    test('passes output and status', async () => {
      const outcome = await podman.run(['--rm'], 'sh', '-c', 'echo out; echo err >&2; exit 3');
      expect(outcome).toMatchObject({ code: 3, stdout: 'out\n', stderr: 'err\n' });
    });

    test('passes input', async () => {
      const { stdout } = await podman.exec(['run', '-i', '--rm', '--network=none', 'tsrunc-test', 'wc', '-l'], {
        stdin: 'one\ntwo\n',
      });
      expect(stdout).toBe('2\n');
    });

    test('isolates', async () => {
      const script = 'echo $$; ls /sys/class/net; hostname; grep -c . /proc/1/cgroup; grep Cap[EB] /proc/self/status';
      const [pid, net, host, , ...capabilities] = lines(await podman.probe(script, '--hostname=within'));
      expect([pid, net, host]).toEqual(['1', 'lo', 'within']);
      // podman's default: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP ...
      const set = capabilities.map((line) => line.split('\t')[1]);
      expect(set[0]).toMatch(/^00000000[0-9a-f]+$/);
      expect(set[1]).toBe(set[0]);
      expect(BigInt(`0x${set[0]}`) & (1n << 21n)).toBe(0n); // SYS_ADMIN
    });

    test('masks and protects what is not the container’s', async () => {
      expect(await podman.probe(lookForOpenPaths)).toBe(nothingOpen);
    });

    test('says what is missing, by status and text', async () => {
      const missing = await podman.run(['--rm'], 'nosuch');
      expect(missing).toMatchObject({ code: 127 });
      expect(missing.stderr).toContain('OCI runtime attempted to invoke a command that was not found');
      const forbidden = await podman.run(['--rm'], '/etc/passwd');
      expect(forbidden).toMatchObject({ code: 126 });
      expect(forbidden.stderr).toMatch(/permission denied/i);
    });

    test('has a terminal of the user’s size', async () => {
      const command = ['run', '--rm', '-it', '--network=none', 'tsrunc-test', 'sh', '-c', 'tty; sleep 0.5; stty size'];
      expect(await podman.terminal(...command)).toBe('/dev/pts/0\n30 90\n');
    });

    test('starts an init process that reaps and forwards signals', async () => {
      const id = await podman.detached(['--init'], 'sh', '-c', 'sleep 100 & exec sleep 100');
      expect(await podman.ok('exec', id, 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline')).toMatch(/-- sh -c/);
      await podman.ok('stop', '--time', '5', id);
      expect(await podman.inspect(id, '{{.State.ExitCode}}')).toBe('143');
    });

    test('restarts on failure as often as told', async () => {
      const id = await podman.detached(['--restart=on-failure:2'], 'sh', '-c', 'echo again; exit 7');
      const rounds = async () => (await podman.ok('logs', id)).split('\n').length;
      await expect.poll(rounds, { timeout: patient(10_000) }).toBe(3);
      await eventually(
        'it has given up',
        async () => (await podman.inspect(id, '{{.State.Status}}')) === 'exited' || undefined,
      );
      expect(await podman.inspect(id, '{{.RestartCount}} {{.State.ExitCode}}')).toBe('2 7');
    });
  });

  describe('exec', () => {
    test('has streams, status, user, directory, environment', async () => {
      const id = await podman.detached([], 'sleep', '100');
      const script = 'echo $X; pwd; id -u; echo err >&2; exit 4';
      const flags = ['exec', '--user=1000:1001', '--workdir=/tmp', '--env=X=y', id];
      const outcome = await podman.exec([...flags, 'sh', '-c', script]);
      expect(outcome).toMatchObject({ code: 4, stdout: 'y\n/tmp\n1000\n', stderr: 'err\n' });
      expect(await podman.ok('exec', id, 'cat', '/proc/1/comm')).toBe('sleep');
    });

    test('has input and a terminal', async () => {
      const id = await podman.detached([], 'sleep', '100');
      expect((await podman.exec(['exec', '-i', id, 'cat'], { stdin: 'typed' })).stdout).toBe('typed');
      const shown = await podman.terminal('exec', '-it', id, 'sh', '-c', 'tty; sleep 0.5; stty size');
      expect(shown).toBe('/dev/pts/0\n30 90\n');
    });

    test('says what is missing, by status and text', async () => {
      const id = await podman.detached([], 'sleep', '100');
      expect(await podman.exec(['exec', id, 'nosuch'])).toMatchObject({ code: 127 });
      expect(await podman.exec(['exec', id, '/etc/passwd'])).toMatchObject({ code: 126 });
      expect(await podman.exec(['exec', '--workdir=/none', id, 'true'])).toMatchObject({
        code: expect.toSatisfy((code) => code > 0),
      });
    });

    test('works in the background, and is seen by top and ps', async () => {
      const id = await podman.detached([], 'sleep', '100');
      await podman.ok('exec', '--detach', id, 'sleep', '77');
      await expect.poll(() => podman.ok('top', id, 'args')).toContain('sleep 77');
      expect(await podman.ok('ps', '--filter', `id=${id}`, '--format', '{{.Status}}')).toMatch(/^Up /);
    });
  });

  describe('the life of a container', () => {
    test('create, start, wait, logs, rm', async () => {
      const place = ['--network=none', `--cgroup-parent=${podman.realm.cgroup}`];
      const id = await podman.ok('create', ...place, 'tsrunc-test', 'sh', '-c', 'echo out; echo err >&2; exit 5');
      expect(await podman.inspect(id, '{{.State.Status}}')).toBe('created');
      await podman.ok('start', id);
      expect(await podman.ok('wait', id)).toBe('5');
      expect(await podman.exec(['logs', id])).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
      await podman.ok('start', id);
      await podman.ok('wait', id);
      expect(lines(await podman.ok('logs', id))).toEqual(['out', 'out']);
      await podman.ok('rm', id);
    });

    test('start --attach, of a container that init has set up only', async () => {
      const place = ['--network=none', `--cgroup-parent=${podman.realm.cgroup}`];
      const id = await podman.ok('create', ...place, 'tsrunc-test', 'sh', '-c', 'echo here; exit 6');
      await podman.ok('init', id);
      expect(await podman.inspect(id, '{{.State.Status}}')).toBe('initialized');
      expect(await podman.exec(['start', '--attach', id])).toMatchObject({ code: 6, stdout: 'here\n' });
    });

    test('stop: TERM first, KILL when that does not help', async () => {
      const trap = (action: string) => ['sh', '-c', `trap "${action}" TERM; echo ready; while :; do sleep 0.1; done`];
      const [polite, deaf] = await Promise.all(['exit 9', ':'].map((action) => podman.detached([], ...trap(action))));
      for (const id of [polite, deaf]) await expect.poll(() => podman.ok('logs', String(id))).toBe('ready');
      await podman.ok('stop', '--time', '8', String(polite));
      await podman.ok('stop', '--time', '1', String(deaf));
      expect(await podman.inspect(String(polite), '{{.State.ExitCode}}')).toBe('9');
      expect(await podman.inspect(String(deaf), '{{.State.ExitCode}}')).toBe('137');
    });

    test('kill sends any signal', async () => {
      const id = await podman.detached(
        [],
        'sh',
        '-c',
        'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done',
      );
      await expect.poll(() => podman.ok('logs', id)).toBe('ready');
      await podman.ok('kill', '--signal=USR1', id);
      await expect.poll(() => podman.ok('logs', id)).toBe('ready\nusr1');
      await podman.ok('kill', id);
      expect(await podman.ok('wait', id)).toBe('137');
    });

    test('pause and unpause', async () => {
      const id = await podman.detached([], 'sh', '-c', 'while :; do echo tick; sleep 0.02; done');
      const ticks = async () => lines(await podman.ok('logs', id)).length;
      await expect.poll(ticks).toBeGreaterThan(2);
      await podman.ok('pause', id);
      expect(await podman.inspect(id, '{{.State.Status}}')).toBe('paused');
      const before = await ticks();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await ticks()).toBe(before);
      expect((await podman.exec(['exec', id, 'true'])).code).not.toBe(0);
      await podman.ok('unpause', id);
      await expect.poll(ticks).toBeGreaterThan(before);
    });

    test('restart, rename, cp, diff, commit', async () => {
      const id = await podman.detached(['--name=first'], 'sleep', '100');
      const pid = await podman.inspect(id, '{{.State.Pid}}');
      await podman.ok('restart', '--time', '0', id);
      expect(await podman.inspect(id, '{{.State.Pid}}')).not.toBe(pid);
      await podman.ok('rename', 'first', 'second');
      const [there, back] = [join(podman.realm.path, 'there'), join(podman.realm.path, 'back')];
      writeFileSync(there, 'copied');
      await podman.ok('cp', there, 'second:/etc/new');
      await podman.ok('cp', 'second:/etc/new', back);
      expect(readFileSync(back, 'utf8')).toBe('copied');
      expect(await podman.ok('diff', 'second')).toContain('A /etc/new');
      await podman.ok('commit', '--quiet', 'second', 'localhost/committed');
      expect(await podman.ok('run', '--rm', '--network=none', 'localhost/committed', 'cat', '/etc/new')).toBe('copied');
    });

    test('many at once', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 5 }, (_, index) => podman.run(['--rm'], 'sh', '-c', `exit ${index + 10}`)),
      );
      expect(outcomes.map(({ code }) => code)).toEqual([10, 11, 12, 13, 14]);
    });
  });

  describe('checkpoint and restore', () => {
    beforeEach(({ skip }) => skip(withoutCriu !== undefined, withoutCriu));

    const script = 'i=0; while :; do i=$((i+1)); echo $i > /new; mv /new /count; sleep 0.1; done';
    const counted = async (id: string): Promise<number> => Number(await podman.ok('exec', id, 'cat', '/count'));
    const counting = async (): Promise<string> => {
      const id = await podman.detached([], 'sh', '-c', script);
      await expect.poll(() => podman.exec(['exec', id, 'test', '-e', '/count']), soon).toMatchObject({ code: 0 });
      return id;
    };

    test('in place, with what it remembers', async () => {
      const id = await counting();
      const before = await counted(id);
      await podman.ok('container', 'checkpoint', '--keep', id);
      expect(await podman.inspect(id, '{{.State.Status}} {{.State.Checkpointed}}')).toBe('exited true');
      await podman.ok('container', 'restore', '--keep', id);
      expect(await podman.inspect(id, '{{.State.Status}} {{.State.Restored}}')).toBe('running true');
      await expect.poll(() => counted(id), soon).toBeGreaterThan(before);
      await podman.ok('rm', '--force', '--time=0', id);
    });

    test('--leave-running, --export: another container goes on from there, with what was written', async () => {
      const id = await counting();
      const archive = join(podman.realm.path, 'checkpoint.tar');
      await podman.ok('container', 'checkpoint', '--leave-running', '--export', archive, '--compress=none', id);
      const saved = await counted(id);
      expect(await podman.inspect(id, '{{.State.Status}}')).toBe('running');
      const other = await podman.ok('container', 'restore', '--import', archive, '--name', 'heir');
      expect(other).not.toBe(id);
      await expect.poll(() => counted('heir'), soon).toBeGreaterThan(0);
      expect(await counted('heir')).toBeLessThan(saved + 1000);
      await podman.ok('rm', '--force', '--time=0', 'heir', id);
    });

    test('--pre-checkpoint, --with-previous: its memory in two parts', async ({ skip }) => {
      skip(!criuHas('mem_dirty_track'), 'this kernel does not track memory');
      const id = await counting();
      const [first, second] = ['first.tar', 'second.tar'].map((name) => join(podman.realm.path, name));
      await podman.ok('container', 'checkpoint', '--pre-checkpoint', '--export', String(first), id);
      expect(await podman.inspect(id, '{{.State.Status}}')).toBe('running');
      await podman.ok('container', 'checkpoint', '--with-previous', '--export', String(second), id);
      await podman.ok('rm', '--force', id);
      await podman.ok('container', 'restore', '--import-previous', String(first), '--import', String(second));
      const before = await counted(id);
      await expect.poll(() => counted(id), soon).toBeGreaterThan(before);
      await podman.ok('rm', '--force', '--time=0', id);
    });
  });

  test('health checks', async () => {
    const flags = ['--health-cmd=test ! -e /tmp/ill', '--health-interval=disable', '--health-retries=1'];
    const id = await podman.detached(flags, 'sleep', '100');
    const status = () => podman.inspect(id, '{{.State.Healthcheck.Status}}');
    await podman.ok('healthcheck', 'run', id);
    expect(await status()).toBe('healthy');
    await podman.ok('exec', id, 'touch', '/tmp/ill');
    expect((await podman.exec(['healthcheck', 'run', id])).code).toBe(1);
    expect(await status()).toBe('unhealthy');
  });

  describe('security', () => {
    const effective = 'grep CapEff /proc/self/status | cut -f2';

    test('--cap-drop, --cap-add, an ordinary user', async () => {
      expect(await podman.probe(effective, '--cap-drop=all')).toBe('0000000000000000');
      const some = ['--cap-drop=all', '--cap-add=chown,net_raw'];
      expect(await podman.probe(effective, ...some)).toBe('0000000000002001');
      expect(await podman.probe(`${effective}; id -u; id -G`, '--user=1000', '--group-add=7')).toBe(
        '0000000000000000\n1000\n0 7',
      );
    });

    test('--security-opt no-new-privileges and a seccomp profile', async () => {
      expect(await podman.probe('grep NoNewPrivs /proc/self/status', '--security-opt=no-new-privileges')).toMatch(/1$/);
      const profile = join(podman.realm.path, 'seccomp.json');
      const refused = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 };
      writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refused] }));
      const { code, stderr } = await podman.run(['--rm', `--security-opt=seccomp=${profile}`], 'mkdir', '/tmp/new');
      expect([code, stderr]).toEqual([1, "mkdir: can't create directory '/tmp/new': Operation not supported\n"]);
      expect(await podman.probe('mount -t tmpfs none /tmp 2>&1 || true')).toContain('ermission denied');
    });

    test('--security-opt mask and unmask', async () => {
      expect(await podman.probe('cat /proc/version | wc -c', '--security-opt=mask=/proc/version')).toBe('0');
      expect(await podman.probe(lookForOpenPaths, '--security-opt=unmask=ALL')).toContain('open /proc/sys');
    });

    test('--read-only leaves its file systems in memory writable', async () => {
      const script = 'touch /etc/new 2>&1 | sed "s/.*: //"; touch /tmp/new /run/new /dev/shm/new && echo done';
      expect(await podman.probe(script, '--read-only')).toBe('Read-only file system\ndone');
    });

    test('--uidmap: root inside is nobody outside', async () => {
      const id = await podman.detached(['--uidmap=0:200000:5000', '--gidmap=0:300000:5000'], 'sleep', '100');
      expect(await podman.ok('exec', id, 'sh', '-c', 'id -u; tr -s " " < /proc/self/uid_map')).toBe(
        '0\n 0 200000 5000',
      );
      const pid = await podman.inspect(id, '{{.State.Pid}}');
      const status = readFileSync(podman.realm.inside(`/proc/${pid}/status`), 'utf8');
      expect(status).toMatch(/^Uid:\t200000\t.*\nGid:\t300000\t/m);
    });

    test('--userns=container:ID', async () => {
      const id = await podman.detached(['--uidmap=0:200000:5000'], 'sleep', '100');
      const own = await podman.ok('exec', id, 'readlink', '/proc/self/ns/user');
      expect(await podman.probe('readlink /proc/self/ns/user', `--userns=container:${id}`)).toBe(own);
      expect(await podman.probe('readlink /proc/self/ns/user')).not.toBe(own);
    });
  });

  describe('resources', () => {
    const limit = isCgroupV2 ? 'memory.max' : 'memory/memory.limit_in_bytes';
    const read = (file: string) => `cat /sys/fs/cgroup/${file}`;
    const pids = isCgroupV2 ? 'pids.max' : 'pids/pids.max';

    test('--memory, --pids-limit, --cpus reach the kernel', async () => {
      const cpu = isCgroupV2 ? read('cpu.max') : `${read('cpu/cpu.cfs_quota_us')}; ${read('cpu/cpu.cfs_period_us')}`;
      const script = `${read(limit)}; ${read(pids)}; ${cpu} | tr "\\n" " "`;
      const seen = await podman.probe(script, '--memory=64m', '--pids-limit=50', '--cpus=0.5');
      expect(seen.replaceAll(/\s+/g, ' ')).toBe(`${64 * MiB} 50 50000 100000`);
    });

    // podman 4.3 says OOMKilled: false, whatever the runtime, on cgroup v1 and v2.
    test('a container that eats too much is killed', async () => {
      const id = await podman.detached(['--memory=16m', '--memory-swap=16m'], ...eater);
      expect(await podman.ok('wait', id)).toBe('137');
    });

    test('update, stats', async () => {
      const id = await podman.detached(['--memory=64m'], 'sleep', '100');
      await podman.ok('update', '--memory=32m', '--cpus=0.25', id);
      expect(await podman.ok('exec', id, 'cat', `/sys/fs/cgroup/${limit}`)).toBe(String(32 * MiB));
      const row = await podman.ok('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDS}}', id);
      expect(row).toMatch(/^\d+\.?\d*kB \/ \S+ 1$/);
    });

    test('--ulimit, --sysctl, --shm-size', async () => {
      const script = 'ulimit -Hn; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; df -k /dev/shm | tail -n 1';
      const limits = ['--ulimit=nofile=100:100', '--ulimit=nproc=1000:1000'];
      const flags = [...limits, '--sysctl=net.ipv4.ip_unprivileged_port_start=80', '--shm-size=2m'];
      const [files, port, memory] = lines(await podman.probe(script, ...flags));
      expect([files, port]).toEqual(['100', '80']);
      expect(memory).toMatch(/^shm +2048 /);
    });
  });

  describe('mounts and devices', () => {
    test('bind mounts, read-only and not', async () => {
      const directory = join(podman.realm.path, 'shared');
      await podman.realm.ok(['mkdir', directory]);
      const flags = [`--volume=${directory}:/rw`, `--volume=${directory}:/ro:ro,noexec`];
      const script = 'echo kept > /rw/file; cat /ro/file; (: > /ro/other); cp /bin/busybox /rw/echo; /ro/echo';
      const { stdout, stderr, code } = await podman.run(['--rm', ...flags], 'sh', '-c', script);
      expect([code, stdout]).toEqual([126, 'kept\n']);
      expect(stderr).toMatch(/Read-only file system[\s\S]*Permission denied/i);
      expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('kept\n');
    });

    test('named volumes keep what was in the image and what was written', async () => {
      await podman.probe('echo kept > /etc/mine', '--volume=tsrunc-volume:/etc');
      const seen = await podman.probe('cat /etc/mine; head -n 1 /etc/passwd', '--volume=tsrunc-volume:/etc');
      expect(seen).toMatch(/^kept\nroot:/);
      await podman.ok('volume', 'rm', 'tsrunc-volume');
    });

    test('--tmpfs, --mount, overlays', async () => {
      const directory = join(podman.realm.path, 'lower');
      await podman.realm.ok(['mkdir', directory]);
      const flags = ['--tmpfs=/mnt/one:size=1m,mode=700', '--mount=type=tmpfs,destination=/mnt/two,tmpfs-size=2m'];
      const script =
        'df -k /mnt/one /mnt/two | tail -n 2 | tr -s " " | cut -d" " -f2; stat -c %a /mnt/one; touch /over/new';
      expect(await podman.probe(script, ...flags, `--volume=${directory}:/over:O`)).toBe('1024\n2048\n700');
      expect(readdirSync(directory)).toEqual([]);
    });

    test('--device: there, of the right kind, usable; others are not', async () => {
      const script = `stat -c '%F %t:%T' /dev/mine; echo x > /dev/mine && echo written
        mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg 2>&1 | head -c 100`;
      const seen = lines(await podman.probe(script, '--device=/dev/zero:/dev/mine:rwm', '--cap-add=mknod'));
      expect(seen.slice(0, 2)).toEqual(['character special file 1:5', 'written']);
      expect(seen[2]).toContain('Operation not permitted');
    });

    test('the image’s layers stay as they are', async () => {
      await podman.probe('rm /etc/passwd; echo x > /new');
      expect(await podman.probe('test -e /new || head -n 1 /etc/passwd')).toMatch(/^root:/);
    });
  });

  describe('namespaces of others', () => {
    test('--network, --ipc, --pid of a container, and of the host', async () => {
      const id = await podman.detached([], 'sleep', '100');
      const script = 'for kind in net ipc; do readlink /proc/self/ns/$kind; done; cat /proc/1/comm';
      const own = await podman.ok('exec', id, 'sh', '-c', script);
      const joined = ['network', 'ipc', 'pid'].map((kind) => `--${kind}=container:${id}`);
      expect(await podman.probe(script, ...joined)).toBe(own);
      const host = lines(await podman.probe(script, '--network=host', '--ipc=host', '--pid=host'));
      expect(host[2]).toBe('sh'); // the first process of the realm
      expect(host[0]).toBe((await podman.realm.ok(['readlink', '/proc/self/ns/net'])).stdout.trim());
    });

    test('a bridge, its names and a published port', async () => {
      const script = 'mkdir /www; echo served > /www/index.html; httpd -f -p 80 -h /www';
      const id = await podman.detached(['--network=podman', '--publish=127.0.0.1:8080:80'], 'sh', '-c', script);
      const address = await podman.inspect(id, '{{.NetworkSettings.IPAddress}}');
      const fetch = (from: string) => podman.realm.exec(['busybox', 'wget', '-qO-', `http://${from}/`]);
      for (const from of [address, '127.0.0.1:8080'])
        await expect.poll(async () => (await fetch(from)).stdout, { timeout: patient(5000) }).toBe('served\n');
    });
  });

  describe('pods', () => {
    test('share network, ipc and host name; stop and go together', async () => {
      const create = ['pod', 'create', '--network=none', '--hostname=shared', `--cgroup-parent=${podman.realm.cgroup}`];
      const pod = await podman.ok(...create);
      const served = 'mkdir /www; echo served > /www/index.html; httpd -f -p 127.0.0.1:80 -h /www';
      const server = await podman.detached([`--pod=${pod}`], 'sh', '-c', served);
      const script = 'hostname; for kind in net ipc uts; do readlink /proc/self/ns/$kind; done';
      const shared = await podman.ok('exec', server, 'sh', '-c', script);
      expect(await podman.probe(script, `--pod=${pod}`)).toBe(shared);
      expect(shared).toMatch(/^shared\n/);
      const fetch = () => podman.run(['--rm', `--pod=${pod}`], 'wget', '-qO-', 'http://127.0.0.1/');
      await expect.poll(async () => (await fetch()).stdout, { timeout: patient(5000) }).toBe('served\n');
      await podman.ok('pod', 'pause', pod);
      expect(await podman.inspect(server, '{{.State.Status}}')).toBe('paused');
      await podman.ok('pod', 'unpause', pod);
      await podman.ok('pod', 'stop', '--time', '0', pod);
      expect(await podman.inspect(server, '{{.State.Status}}')).toBe('exited');
      await podman.ok('pod', 'start', pod);
      expect(await podman.inspect(server, '{{.State.Status}}')).toBe('running');
      await podman.ok('pod', 'rm', '--force', '--time', '0', pod);
    });
  });

  test('build runs its steps in containers', async () => {
    const context = join(podman.realm.path, 'context');
    await podman.realm.ok(['mkdir', context]);
    const text =
      'FROM localhost/tsrunc-test\nRUN id -u > /built && hostname >> /built\nUSER 7\nCMD ["cat", "/built"]\n';
    writeFileSync(join(context, 'Containerfile'), text);
    // buildah puts the container right into this cgroup, which may have no others below it.
    const place = ['--network=none', `--cgroup-parent=${podman.realm.cgroup}/build`];
    const build = [
      'build',
      '--isolation=oci',
      '--ulimit=nofile=512:512',
      '--ulimit=nproc=512:512',
      '--tag=localhost/built',
    ];
    const built = await podman.exec([...build, ...place, context]);
    expect(built).toMatchObject({ code: 0, stderr: '' });
    expect(await podman.ok('run', '--rm', ...place, 'localhost/built')).toMatch(/^0\n/);
  });

  // The last one: after everything that the others left running.
  test('rm leaves neither containers of the runtime nor cgroups', async () => {
    await podman.removeAll();
    expect(await podman.runtime('list', '-q')).toBe('');
    const left = podman.realm.cgroups().filter((path) => /\/libpod-(?!conmon-)/.test(path));
    expect(left).toEqual([]);
  });
});

/** Takes and touches 64 MiB. */
const eater = ['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=64M count=1'];

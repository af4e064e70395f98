/** containerd's stock shim (containerd-shim-runc-v2) with tsrunc as its runc, driven by ctr. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually, patient, uniqueId } from '../support/box.ts';
import { Containerd } from '../support/containerd.ts';
import { withoutCriu } from '../support/criu.ts';
import { cgroupDirectories, hasCommand, isCgroupV2, isRoot } from '../support/host.ts';
import { lookForOpenPaths, nothingOpen } from '../support/protection.ts';

const able = isRoot && hasCommand('containerd') && hasCommand('ctr') && hasCommand('nsenter');
const soon = { timeout: patient(10_000) };

describe.skipIf(!able)('containerd (needs root and the packages containerd and util-linux)', () => {
  let daemon: Containerd;
  beforeAll(async () => {
    daemon = await Containerd.start();
    await daemon.inside('sh', '-c', `ctr events > ${daemon.path}/events 2>&1 &`);
  }, patient(60_000));
  afterAll(async () => {
    await daemon?.stop();
    // ctr's default cgroup is /<namespace>/<id>; the shim leaves the namespace's directory.
    for (const path of cgroupDirectories('default')) rmdirSync(path);
  }, patient(30_000));

  test('runs a container in the foreground and passes output and status', async () => {
    const outcome = await daemon.run(['--rm'], uniqueId(), 'sh', '-c', 'echo from inside; exit 3');
    expect(outcome).toMatchObject({ code: 3, stdout: 'from inside\n' });
  });

  test('the container is isolated', async () => {
    const { stdout } = await daemon.run(
      ['--rm'],
      uniqueId(),
      'sh',
      '-c',
      'echo pid $$; ls /sys/class/net; id -u; grep CapEff /proc/self/status',
    );
    expect(stdout.replaceAll('\t', ' ')).toBe('pid 1\nlo\n0\nCapEff: 00000000a80425fb\n');
  });

  test('masked and read-only paths are', async () => {
    const { stdout } = await daemon.run(['--rm'], uniqueId(), 'sh', '-c', lookForOpenPaths);
    expect(stdout).toBe(`${nothingOpen}\n`);
  });

  test('a terminal, whose size ctr sets after the start', async () => {
    const id = uniqueId();
    const command = `ctr run --rm -t --runc-binary ${process.env.TSRUNC ?? join(import.meta.dirname, '../../dist/tsrunc')} docker.io/library/tsrunc-test:latest ${id} sh -c "tty; sleep 0.5; stty size"`;
    const { stdout } = await daemon.inside('script', '-qec', `stty rows 30 cols 90; ${command}`, '/dev/null');
    expect(stdout.replaceAll(/\r|\^@/g, '')).toBe('/dev/pts/0\n30 90\n');
  });

  test('detached: exists, is killed with its status, is deleted', async () => {
    const id = uniqueId();
    await expect(daemon.run(['-d'], id, 'sleep', '100')).resolves.toMatchObject({ code: 0 });
    expect((await daemon.ok('task', 'ls')).stdout).toMatch(new RegExp(`${id} +\\d+ +RUNNING`));
    await daemon.ok('task', 'kill', '-s', 'SIGKILL', id);
    await expect
      .poll(async () => (await daemon.ok('task', 'ls')).stdout, soon)
      .toMatch(new RegExp(`${id} +\\d+ +STOPPED`));
    await daemon.ok('task', 'delete', id);
    await daemon.ok('container', 'delete', id);
    expect((await daemon.ok('container', 'ls', '-q')).stdout).not.toContain(id);
  });

  test('a task that was never started is deleted', async () => {
    const id = uniqueId();
    await daemon.run(['-d'], id, 'sleep', '100');
    await daemon.ok('task', 'rm', '-f', id);
    await daemon.ok('container', 'rm', id);
  });

  test('the memory limit reaches the kernel and holds', async () => {
    const id = uniqueId();
    const flags = ['-d', '--memory-limit', String(32 * 1024 * 1024), '--cgroup', `/${id}`];
    await daemon.run(flags, id, 'sleep', '100');
    const [memory] = cgroupDirectories(id).filter(
      (path) => existsSync(join(path, 'memory.limit_in_bytes')) || existsSync(join(path, 'memory.max')),
    );
    const file = existsSync(join(memory ?? '', 'memory.max')) ? 'memory.max' : 'memory.limit_in_bytes';
    expect(readFileSync(join(memory ?? '', file), 'utf8')).toBe('33554432\n');
    await daemon.ok('task', 'rm', '-f', id);
    await daemon.ok('container', 'rm', id);
    expect(cgroupDirectories(id)).toEqual([]);
    const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
    expect((await daemon.run(['--rm', '--memory-limit', String(16 * 1024 * 1024)], uniqueId(), ...eater)).code).toBe(
      137,
    );
  });

  test('exec: streams, status, user, a missing program, the list of processes', async () => {
    const id = uniqueId();
    await daemon.run(['-d'], id, 'sleep', '100');
    const exec = (name: string, ...args: string[]) => daemon.ctr('task', 'exec', '--exec-id', name, ...args);
    const plain = await exec('one', id, 'sh', '-c', 'echo in $$; ls /proc/1/exe > /dev/null && echo root; exit 4');
    expect(plain).toMatchObject({ code: 4 });
    expect(plain.stdout).toMatch(/^in \d+\nroot\n$/);
    expect((await exec('two', '--user', '1000:1001', id, 'id')).stdout).toBe('uid=1000 gid=1001 groups=1001\n');
    expect((await exec('three', '--cwd', '/tmp', id, 'pwd')).stdout).toBe('/tmp\n');
    const missing = await exec('four', id, 'nosuch');
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
    await daemon.ok('task', 'exec', '--exec-id', 'five', '--detach', id, 'sleep', '77');
    const processes = (await daemon.ok('task', 'ps', id)).stdout;
    expect(processes).toMatch(/^\d+ +.*five/m);
    await daemon.ok('task', 'rm', '-f', id);
    await daemon.ok('container', 'rm', id);
  });

  test('exec with a terminal', async () => {
    const id = uniqueId();
    await daemon.run(['-d'], id, 'sleep', '100');
    const command = `ctr task exec -t --exec-id tty ${id} sh -c "tty; sleep 0.5; stty size"`;
    const { stdout } = await daemon.inside('script', '-qec', `stty rows 30 cols 90; ${command}`, '/dev/null');
    expect(stdout.replaceAll(/\r|\^@/g, '')).toBe('/dev/pts/0\n30 90\n');
    await daemon.ok('task', 'rm', '-f', id);
    await daemon.ok('container', 'rm', id);
  });

  test('a missing program is named, and nothing is left', async () => {
    const id = uniqueId();
    const { code, stderr } = await daemon.run(['--rm'], id, 'nosuch');
    expect(code).not.toBe(0);
    expect(stderr).toContain('exec: "nosuch": executable file not found in $PATH');
    expect((await daemon.ok('container', 'ls', '-q')).stdout).not.toContain(id);
  });

  test('a mount of the host, a read-only root file system, seccomp, and what is masked or read-only by default', async () => {
    const volume = join(daemon.path, 'volume');
    mkdirSync(volume);
    const flags = ['--rm', '--read-only', '--seccomp', '--mount', `type=bind,src=${volume},dst=/tmp,options=rbind:rw`];
    const script = [
      'echo inside > /tmp/note',
      'echo x > /new',
      'grep ^Seccomp: /proc/self/status',
      'echo 1 > /proc/sys/kernel/core_uses_pid',
      'head -c 1 /proc/kcore | wc -c',
    ];
    const { stdout, stderr } = await daemon.run(flags, uniqueId(), 'sh', '-c', script.join('; '));
    expect(readFileSync(join(volume, 'note'), 'utf8')).toBe('inside\n');
    expect(stdout).toBe('Seccomp:\t2\n0\n');
    expect(stderr).toContain("can't create /new: Read-only file system");
    expect(stderr).toContain("can't create /proc/sys/kernel/core_uses_pid: Read-only file system");
  });

  test('in a user namespace', async () => {
    const maps = ['--uidmap', '0:100000:65536', '--gidmap', '0:100000:65536'];
    const script = 'cat /proc/self/uid_map; id -u; touch /new && stat -c %u /new';
    const { stdout } = await daemon.run(['--rm', ...maps], uniqueId(), 'sh', '-c', script);
    expect(stdout.split(/\s+/)).toEqual(['', '0', '100000', '65536', '0', '0', '']);
  });

  /** Start a detached container with a cgroup of its own name; removed when the test ends. Returns its id. */
  const detached = async (flags: readonly string[], ...command: readonly string[]): Promise<string> => {
    const id = uniqueId();
    onTestFinished(async () => {
      await daemon.ok('task', 'rm', '-f', id);
      await daemon.ok('container', 'rm', id);
    }, patient(30_000));
    const outcome = await daemon.run(['-d', '--cgroup', `/${id}`, ...flags], id, ...command);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return id;
  };

  const cgroupFile = (id: string, ...names: readonly string[]): string => {
    const files = cgroupDirectories(id).flatMap((directory) => names.map((name) => join(directory, name)));
    return readFileSync(files.find(existsSync) ?? names.join(), 'utf8').trim();
  };

  /** The host's number of the container's first process. */
  const pidOf = (id: string): string => cgroupFile(id, 'cgroup.procs').split('\n')[0] ?? '';

  const statusOf = async (id: string): Promise<string | undefined> =>
    new RegExp(`^${id} +\\d+ +(\\w+)`, 'm').exec((await daemon.ok('task', 'ls')).stdout)?.[1];

  test('pause and resume', async () => {
    const id = await detached([], 'sh', '-c', 'while usleep 10000; do echo x >> /count; done');
    const count = () => readFileSync(`/proc/${pidOf(id)}/root/count`, 'utf8').length;
    await eventually('the container has begun', () => existsSync(`/proc/${pidOf(id)}/root/count`) || undefined);
    await daemon.ok('task', 'pause', id);
    expect(await statusOf(id)).toBe('PAUSED');
    const paused = count();
    const exec = await daemon.ctr('task', 'exec', '--exec-id', 'late', id, 'true');
    expect(exec.code).not.toBe(0);
    expect(exec.stderr).toContain('paused');
    expect(count()).toBe(paused);
    await daemon.ok('task', 'resume', id);
    expect(await statusOf(id)).toBe('RUNNING');
    await eventually('it goes on', () => (count() > paused ? true : undefined));
  });

  test('signals: one that is handled, one that ends it, one after the end', async () => {
    const id = await detached(
      [],
      'sh',
      '-c',
      'trap "touch /heard" USR1; trap "exit 33" TERM; touch /ready; while usleep 10000; do :; done',
    );
    const pid = pidOf(id);
    await eventually('the traps are set', () => existsSync(`/proc/${pid}/root/ready`) || undefined);
    await daemon.ok('task', 'kill', '-s', 'SIGUSR1', id);
    await eventually('the signal is handled', () => existsSync(`/proc/${pid}/root/heard`) || undefined);
    await daemon.ok('task', 'kill', id);
    await expect.poll(() => statusOf(id), soon).toBe('STOPPED');
    const late = await daemon.ctr('task', 'kill', id);
    expect(late.stderr).toContain('process already finished: not found');
  });

  test('checkpoint and restore, with what it has written and what it remembers', async ({ skip }) => {
    skip(withoutCriu !== undefined, withoutCriu);
    const script = 'i=0; while usleep 50000; do i=$((i+1)); echo $i > /count.new; mv /count.new /count; done';
    const id = await detached([], 'sh', '-c', script);
    const count = (name: string) => Number(readFileSync(`/proc/${pidOf(name)}/root/count`, 'utf8'));
    await expect.poll(() => existsSync(`/proc/${pidOf(id)}/root/count`) && count(id) > 3, soon).toBe(true);
    const reference = `localhost/${id}:saved`;
    await daemon.ok('container', 'checkpoint', '--rw', '--task', '--image', id, reference);
    const saved = count(id);
    await daemon.ok('task', 'kill', '-s', 'SIGKILL', id);
    await expect.poll(() => statusOf(id), soon).toBe('STOPPED');
    await daemon.ok('task', 'rm', id);
    await daemon.ok('container', 'rm', id);
    await daemon.ok('container', 'restore', '--rw', '--live', id, reference);
    expect(await statusOf(id)).toBe('RUNNING');
    await expect.poll(() => count(id), soon).toBeGreaterThan(saved);
    expect(count(id)).toBeLessThan(saved + 1000);
    await daemon.ok('image', 'rm', reference);
  });

  test('metrics come from the container’s cgroup', async () => {
    const id = await detached(['--memory-limit', String(48 << 20)], 'sleep', '100');
    const { stdout } = await daemon.ok('task', 'metrics', '--format', 'json', id);
    const metrics = JSON.parse(stdout);
    expect(metrics.pids).toMatchObject({ current: 1 });
    const memory = isCgroupV2
      ? { usage: metrics.memory.usage, limit: metrics.memory.usage_limit }
      : metrics.memory.usage;
    expect(memory.usage).toBeGreaterThan(0);
    expect(memory.limit).toBe(48 << 20);
  });

  test('update changes the limits of a running container', async () => {
    const id = await detached(['--memory-limit', String(48 << 20)], 'sleep', '100');
    // Docker sends zeros for what is not to change; memory and swap come together.
    const memory = { limit: 24 << 20, swap: 24 << 20, reservation: 0 };
    await daemon.update(id, { memory, cpu: { shares: 512, quota: 0 }, pids: { limit: 77 } });
    expect(cgroupFile(id, 'memory.max', 'memory.limit_in_bytes')).toBe(String(24 << 20));
    // Shares become a weight on a curve, or on a line as runc did it until 1.3.
    expect(cgroupFile(id, 'cpu.weight', 'cpu.shares')).toMatch(isCgroupV2 ? /^(59|20)$/ : /^512$/);
    expect(cgroupFile(id, 'pids.max')).toBe('77');
    // Less than a millisecond, which the kernel refuses (where memory.max would be set, and kill).
    await expect(daemon.update(id, { cpu: { quota: 500, period: 100_000 } })).rejects.toThrow(/cpu/);
    expect(await statusOf(id)).toBe('RUNNING');
  });

  test('the shim learns that the kernel ran out of the container’s memory', async () => {
    const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
    const id = uniqueId();
    const { code } = await daemon.run(['--rm', '--memory-limit', String(16 << 20)], id, ...eater);
    expect(code).toBe(137);
    const events = () => readFileSync(join(daemon.path, 'events'), 'utf8');
    await expect.poll(events, soon).toMatch(new RegExp(`/tasks/oom {"container_id":"${id}"}`));
    await expect.poll(events, soon).toMatch(new RegExp(`/tasks/exit {"container_id":"${id}".*"exit_status":137`));
  });

  test('the overlay takes what a container writes; the image’s layers stay as they are', async () => {
    const layer = async (): Promise<string> => {
      const { stdout } = await daemon.inside(
        'sh',
        '-c',
        `cd ${daemon.path}/root/*overlayfs/snapshots/1/fs && find . -ls | sort | sha256sum`,
      );
      return stdout;
    };
    const before = await layer();
    const script =
      'rm /etc/passwd; echo x > /new; echo more >> /etc/group; chmod 700 /home; touch /ready; exec sleep 100';
    const id = await detached([], 'sh', '-c', script);
    await eventually('it has written', () => existsSync(`/proc/${pidOf(id)}/root/ready`) || undefined);
    const mount = readFileSync(`/proc/${pidOf(id)}/mountinfo`, 'utf8').split('\n')[0] ?? '';
    const upper = /upperdir=([^,\s]+)/.exec(mount)?.[1] ?? '';
    const written = (await daemon.inside('find', upper, '-mindepth', '1', '-printf', '%P %y\n')).stdout.split('\n');
    expect(written).toEqual(expect.arrayContaining(['etc/group f', 'etc/passwd c', 'home d', 'new f']));
    expect(written.filter((line) => line.startsWith('bin'))).toEqual([]);
    expect(await layer()).toBe(before);
    const { stdout } = await daemon.run(
      ['--rm'],
      uniqueId(),
      'sh',
      '-c',
      'ls /new; head -n 1 /etc/passwd; stat -c %a /home',
    );
    expect(stdout).toBe('root:x:0:0:root:/root:/bin/sh\n755\n');
  });

  test('many at once, each with its own status', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => daemon.run(['--rm'], uniqueId(), 'sh', '-c', `exit ${index + 10}`)),
    );
    expect(outcomes.map(({ code }) => code)).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  });

  test('many that run at the same time are killed together', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => detached([], 'sleep', '1000')));
    expect(new Set(ids.map(pidOf)).size).toBe(ids.length);
    const { stdout } = await daemon.ok('task', 'ls');
    expect(stdout.match(/RUNNING/g)?.length).toBeGreaterThanOrEqual(ids.length);
    await Promise.all(ids.map((id) => daemon.ok('task', 'kill', '-s', 'SIGKILL', id)));
    await Promise.all(ids.map((id) => expect.poll(() => statusOf(id), soon).toBe('STOPPED')));
  });
});

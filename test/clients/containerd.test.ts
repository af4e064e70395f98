/** containerd's stock shim (containerd-shim-runc-v2) with tsrunc as its runc, driven by ctr. */
import { existsSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { patient, uniqueId } from '../support/box.ts';
import { Containerd } from '../support/containerd.ts';
import { cgroupDirectories, hasCommand, isRoot } from '../support/host.ts';

const able = isRoot && hasCommand('containerd') && hasCommand('ctr') && hasCommand('nsenter');

describe.skipIf(!able)('containerd (needs root and the packages containerd and util-linux)', () => {
  let daemon: Containerd;
  beforeAll(async () => {
    daemon = await Containerd.start();
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
    await expect.poll(async () => (await daemon.ok('task', 'ls')).stdout).toMatch(new RegExp(`${id} +\\d+ +STOPPED`));
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

  test('the image’s layers stay as they are', async () => {
    await daemon.run(['--rm'], uniqueId(), 'sh', '-c', 'rm /etc/passwd; echo x > /new');
    const { stdout } = await daemon.run(['--rm'], uniqueId(), 'sh', '-c', 'ls /new; head -n 1 /etc/passwd');
    expect(stdout).toContain('root:x:0:0');
    expect(stdout).not.toContain('/new\n');
  });

  test('many at once', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, (_, index) => daemon.run(['--rm'], uniqueId(), 'sh', '-c', `exit ${index + 10}`)),
    );
    expect(outcomes.map(({ code }) => code)).toEqual([10, 11, 12, 13, 14, 15]);
  });
});

/** checkpoint and restore with criu itself. */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, eventually, expect, patient, test } from './support/box.ts';
import { counted, counter, ended, reaches, restoreWith, revive, save, start, startWith } from './support/checkpoint.ts';
import { withoutCriu } from './support/criu.ts';
import { cgroupDirectories, runtime } from './support/host.ts';

describe.skipIf(withoutCriu !== undefined)(`checkpoint and restore (${withoutCriu ?? 'criu works'})`, () => {
  test('the program goes on where it was, in the same place', async ({ box }) => {
    const saved = await start(box, counter, (config) => {
      config.linux.cgroupsPath = `/${box.path.split('/').at(-1)}`;
    });
    await reaches(saved, 3);
    const { pid } = await box.state(saved.id);
    expect(await save(box, saved)).toMatchObject({ stdout: '', stderr: '' });
    expect(alive(pid)).toBe(false);
    expect((await box.tsrunc('state', saved.id)).stderr).toContain('container does not exist');
    expect(cgroupDirectories(box.path.split('/').at(-1) ?? '')).toEqual([]);
    const stopped = counted(saved);
    rmSync(join(saved.bundle.rootfs, 'count'));
    expect(await revive(box, saved)).toMatchObject({ stdout: '', stderr: '' });
    expect(await box.state(saved.id)).toMatchObject({ status: 'running', bundle: saved.bundle.path });
    expect(await reaches(saved, 1)).toBeGreaterThan(stopped);
    await reaches(saved, stopped + 3);
    const found = await box.ok('exec', saved.id, 'sh', '-c', 'cat /proc/1/cmdline | tr "\\0" " "; hostname');
    expect(found.stdout).toContain('box\n');
    expect(found.stdout).toContain('sh -c i=0');
  });

  test('the restored container is an ordinary one: pause, exec, kill, delete', async ({ box }) => {
    const saved = await start(box, 'trap "echo got > /got; exit" TERM; while :; do sleep 0.05; done');
    await save(box, saved);
    const file = join(box.path, 'pid');
    await revive(box, saved, '--pid-file', file);
    const { pid } = await box.state(saved.id);
    expect(readFileSync(file, 'utf8')).toBe(String(pid));
    await box.ok('pause', saved.id);
    expect(await box.state(saved.id)).toMatchObject({ status: 'paused' });
    await box.ok('resume', saved.id);
    expect((await box.ok('exec', saved.id, 'echo', 'in')).stdout).toBe('in\n');
    await box.ok('kill', saved.id, 'TERM');
    await box.reached(saved.id, 'stopped');
    expect(readFileSync(join(saved.bundle.rootfs, 'got'), 'utf8')).toBe('got\n');
    await box.ok('delete', saved.id);
    expect(readdirSync(box.root)).toEqual([]);
  });

  test('--leave-running lets it go on', async ({ box }) => {
    const saved = await start(box, counter);
    await save(box, saved, '--leave-running');
    expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
    await reaches(saved, counted(saved) + 2);
    await box.ok('delete', '--force', saved.id);
    await revive(box, saved);
    await reaches(saved, counted(saved) + 2);
  });

  test('in the foreground it ends with the exit status of the program, and is deleted', async ({ box }) => {
    const saved = await startWith(box, 'while ! test -e /end; do sleep 0.05; done; exit 42', 'ignore');
    await save(box, saved);
    const child = restoreWith(box, saved, 'ignore');
    const end = ended(child);
    await eventually('it runs', async () => {
      const { code, stdout } = await box.tsrunc('state', saved.id);
      return code === 0 && stdout.includes('"running"') ? true : undefined;
    });
    expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8')).toContain('tsrunc');
    writeFileSync(join(saved.bundle.rootfs, 'end'), '');
    expect(await end).toBe(42);
    expect(readdirSync(box.root)).toEqual([]);
  });

  test('a run in the foreground ends as its container does: killed, while criu still holds it', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
    });
    for (const attempt of [1, 2, 3]) {
      const id = box.id();
      const end = box.tsrunc('run', '--bundle', bundle.path, id);
      await eventually('it runs', async () => {
        const { code, stdout } = await box.tsrunc('state', id);
        return code === 0 && stdout.includes('"running"') ? true : undefined;
      });
      await save(box, { id, bundle, images: join(box.path, `images-${attempt}`) });
      expect(await end).toMatchObject({ code: 137, stderr: '' });
    }
  });

  test('pipes of the caller give way to those of the new one', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'i=0; while ! test -e /end; do i=$((i+1)); echo $i; sleep 0.05; done'];
    });
    const images = join(box.path, 'images');
    // Not a pipe of Node's, which is a pair of sockets.
    const piped = (name: string, ...args: readonly string[]) => {
      const script = `"$@" | cat > ${join(box.path, name)}`;
      const child = spawn('sh', ['-c', script, 'sh', runtime, '--root', box.root, ...args, id], { stdio: 'ignore' });
      const numbers = () => readFileSync(join(box.path, name), 'utf8').split('\n').slice(0, -1).map(Number);
      return { end: ended(child), numbers };
    };
    const first = piped('first', 'run', '-d', '-b', bundle.path);
    await expect.poll(() => first.numbers().length, { timeout: patient(10_000) }).toBeGreaterThan(2);
    await save(box, { id, bundle, images });
    await first.end;
    const keys = JSON.parse(readFileSync(join(images, 'descriptors.json'), 'utf8'));
    expect(keys).toEqual(['/dev/null', expect.stringMatching(/^pipe:/), '/dev/null']);
    const second = piped('second', 'restore', '-b', bundle.path, '--image-path', images);
    await expect.poll(() => second.numbers().length, { timeout: patient(10_000) }).toBeGreaterThan(2);
    expect(second.numbers()[0]).toBe((first.numbers().at(-1) ?? 0) + 1);
    writeFileSync(join(bundle.rootfs, 'end'), '');
    expect(await second.end).toBe(0);
  });

  test('a file for output is the same file again', async ({ box }) => {
    const path = join(box.path, 'log');
    const [first, second] = [openSync(path, 'a'), openSync(path, 'a')];
    const saved = await startWith(box, 'while ! test -e /end; do echo tick; sleep 0.05; done', [
      'ignore',
      first,
      'ignore',
    ]);
    await save(box, saved);
    const size = statSync(path).size;
    const child = restoreWith(box, saved, ['ignore', second, 'ignore']);
    await expect.poll(() => statSync(path).size, { timeout: patient(10_000) }).toBeGreaterThan(size);
    writeFileSync(join(saved.bundle.rootfs, 'end'), '');
    expect(await ended(child)).toBe(0);
    closeSync(first);
    closeSync(second);
  });

  test('streams that the first process has put aside for a moment are known all the same', async ({ box }) => {
    const path = join(box.path, 'log');
    const [first, second] = [openSync(path, 'a'), openSync(path, 'a')];
    const script = '{ : > /aside; while ! test -e /back; do sleep 0.05; done; } > /of-its-own; echo back; sleep 100';
    const saved = await startWith(box, script, ['ignore', first, 'ignore']);
    closeSync(first);
    await eventually('it writes elsewhere', () => existsSync(join(saved.bundle.rootfs, 'aside')) || undefined);
    await save(box, saved);
    const child = restoreWith(box, saved, ['ignore', second, 'ignore']);
    closeSync(second);
    writeFileSync(join(saved.bundle.rootfs, 'back'), '');
    await expect.poll(() => readFileSync(path, 'utf8'), { timeout: patient(10_000) }).toBe('back\n');
    await box.ok('kill', saved.id, 'KILL');
    expect(await ended(child)).toBe(137);
  });

  test('a file that another one cannot stand for: what to do is said', async ({ box }) => {
    const fd = openSync(join(box.path, 'log'), 'w');
    const saved = await startWith(box, 'echo one; sleep 100', ['ignore', fd, 'ignore']);
    closeSync(fd);
    await expect.poll(() => statSync(join(box.path, 'log')).size, { timeout: patient(10_000) }).toBe(4);
    await save(box, saved);
    const { code, stderr } = await box.tsrunc(
      'restore',
      '-d',
      '-b',
      saved.bundle.path,
      '--image-path',
      saved.images,
      saved.id,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('has bad size');
    expect(stderr).toContain('Hint: A standard stream of the container was a file of its caller');
    expect(readdirSync(box.root)).toEqual([]);
  });

  test('bind mounts come from the bundle’s configuration of then', async ({ box }) => {
    const data = join(box.path, 'data');
    mkdirSync(join(data, 'deep'), { recursive: true });
    writeFileSync(join(data, 'deep', 'file'), 'old');
    const saved = await start(box, 'while :; do cat /data/deep/file > /seen; sleep 0.05; done', (config) => {
      config.mounts.push({ destination: '/data', type: 'bind', source: data, options: ['rbind', 'ro'] });
      config.mounts.push({
        destination: '/etc/one',
        type: 'bind',
        source: join(data, 'deep', 'file'),
        options: ['bind'],
      });
    });
    const seen = (): string => readFileSync(join(saved.bundle.rootfs, 'seen'), 'utf8');
    await expect.poll(seen, { timeout: patient(10_000) }).toBe('old');
    await save(box, saved);
    writeFileSync(join(data, 'deep', 'file'), 'new');
    await revive(box, saved);
    await expect.poll(seen, { timeout: patient(10_000) }).toBe('new');
    const write = await box.tsrunc('exec', saved.id, 'touch', '/data/x');
    expect(write.stderr).toContain('Read-only file system');
  });

  test('the limits are those of the configuration, in the cgroup of the new container', async ({ box }) => {
    const name = box.path.split('/').at(-1) ?? '';
    const saved = await start(box, counter, (config) => {
      config.linux.cgroupsPath = `/${name}`;
      config.linux.resources = { pids: { limit: 33 } };
    });
    await save(box, saved);
    saved.bundle.config.linux.cgroupsPath = `/${name}-2`;
    writeFileSync(join(saved.bundle.path, 'config.json'), JSON.stringify(saved.bundle.config));
    await revive(box, saved);
    const { pid } = await box.state(saved.id);
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toMatch(new RegExp(`:/${name}-2$`, 'm'));
    const [directory] = cgroupDirectories(`${name}-2`).filter((path) => existsSync(join(path, 'pids.max')));
    expect(readFileSync(join(directory ?? '', 'pids.max'), 'utf8')).toBe('33\n');
    expect(cgroupDirectories(name)).toEqual([]);
  });

  test('its namespaces: the loopback device is up again', async ({ box }) => {
    const saved = await start(box, counter);
    await save(box, saved);
    await revive(box, saved);
    const { stdout } = await box.ok(
      'exec',
      saved.id,
      'sh',
      '-c',
      'cat /sys/class/net/lo/flags; cat /proc/net/dev | wc -l',
    );
    expect(stdout.split('\n')[0]).toBe('0x9');
    const { pid } = await box.state(saved.id);
    expect(readlinkSync(`/proc/${pid}/ns/mnt`)).not.toBe(readlinkSync('/proc/self/ns/mnt'));
  });

  test('a container that is not there, or not running', async ({ box }) => {
    const unknown = await box.tsrunc('checkpoint', 'tsrunc-test-nobody');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('container does not exist') });
    const bundle = await box.bundle();
    const id = await box.create(bundle);
    const images = join(box.path, 'images');
    const created = await box.tsrunc('checkpoint', '--image-path', images, id);
    expect(created).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Container cannot be checkpointed in created state'),
    });
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    const stopped = await box.tsrunc('checkpoint', '--image-path', images, id);
    expect(stopped.stderr).toContain('Container cannot be checkpointed in stopped state');
    expect(existsSync(images)).toBe(false);
  });

  test('restore of nothing: the directory is named, and nothing stays', async ({ box }) => {
    const bundle = await box.bundle();
    const missing = await box.tsrunc('restore', '-b', bundle.path, '--image-path', join(box.path, 'none'), box.id());
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(join(box.path, 'none'));
    mkdirSync(join(box.path, 'empty'));
    const empty = await box.tsrunc('restore', '-b', bundle.path, '--image-path', join(box.path, 'empty'), box.id());
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain('criu failed');
    expect(empty.stderr).toContain(`The whole log is ${join(box.path, 'empty')}/restore.log`);
    expect(readdirSync(box.root)).toEqual([]);
  });

  test('a paused container stays paused with --leave-running; restored, it runs', async ({ box }) => {
    const saved = await start(box, counter);
    await reaches(saved, 1);
    await box.ok('pause', saved.id);
    const paused = counted(saved);
    await save(box, saved, '--leave-running');
    expect(await box.state(saved.id)).toMatchObject({ status: 'paused' });
    expect(counted(saved)).toBe(paused);
    await box.ok('resume', saved.id);
    await reaches(saved, paused + 2);
    await box.ok('pause', saved.id);
    const again = { ...saved, images: join(box.path, 'again') };
    await save(box, again);
    expect((await box.tsrunc('state', saved.id)).stderr).toContain('container does not exist');
    const before = counted(saved);
    await revive(box, again);
    expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
    await reaches(saved, before + 2);
  });

  test.for([
    ['created', ['create <id>'], 'start <id>'],
    ['running', ['run -d <id>'], 'pause <id>'],
    ['paused', ['run -d <id>', 'pause <id>'], 'resume <id>'],
    ['stopped', ['run -d <id>', 'kill <id> KILL'], 'delete <id>'],
  ] as const)('an id that a %s container has', async ([status, steps, next], { box }) => {
    const saved = await start(box, counter);
    await save(box, saved);
    const { id, bundle, images } = saved;
    const take = (step: string) => box.ok(...step.replace('<id>', id).split(' '), { cwd: bundle.path });
    for (const step of steps) await take(step);
    const before = await box.reached(id, status);
    const files = readdirSync(images).toSorted();
    const { code, stderr } = await box.tsrunc('restore', '-d', '-b', bundle.path, '--image-path', images, id);
    expect([code, stderr]).toEqual([1, expect.stringContaining('container with given ID already exists')]);
    expect(await box.state(id)).toEqual(before);
    expect(readdirSync(images).toSorted()).toEqual(files);
    await take(next);
    await box.ok('delete', '--force', id);
    await revive(box, saved);
  });
});

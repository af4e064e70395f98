/** runtime-spec runtime.md: state, lifecycle and operations; messages as runc's users and clients know them. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, expect, test } from './support/box.ts';
import { cgroupDirectories } from './support/host.ts';

const lines = (text: string): string[] => text.trimEnd().split('\n');

const sleeper = (box: Box) =>
  box.bundle((config) => {
    config.process.args = ['sleep', '100'];
  });

describe('create', () => {
  test('prepares everything but does not run the program', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['touch', '/ran'];
    });
    const id = await box.create(bundle);
    const state = await box.state(id);
    expect(state).toMatchObject({ id, status: 'created', bundle: bundle.path });
    expect(readFileSync(`/proc/${state.pid}/root/etc/passwd`, 'utf8')).toBe(
      readFileSync(join(bundle.rootfs, 'etc/passwd'), 'utf8'),
    );
    expect(existsSync(join(bundle.rootfs, 'ran'))).toBe(false);
    await box.ok('start', id);
    await box.reached(id, 'stopped');
    expect(existsSync(join(bundle.rootfs, 'ran'))).toBe(true);
  });

  test('prints nothing and writes the pid file, digits only', async ({ box }) => {
    const bundle = await sleeper(box);
    const id = box.id();
    const pidFile = join(box.path, 'pid');
    expect(await box.ok('create', '-b', bundle.path, '--pid-file', pidFile, id)).toMatchObject({
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(pidFile, 'utf8')).toBe(String((await box.state(id)).pid));
  });

  test('refuses an id that is taken, and leaves that container alone', async ({ box }) => {
    const bundle = await sleeper(box);
    const id = await box.create(bundle);
    const second = await box.tsrunc('create', '-b', bundle.path, id);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('container with given ID already exists');
    expect(await box.state(id)).toMatchObject({ status: 'created' });
  });

  test.for(['', '.', '..', '../x', 'a/b', 'a b', `x${'y'.repeat(1024)}`])(
    'refuses the id "%s"',
    async (id, { box }) => {
      const bundle = await sleeper(box);
      const { code, stderr } = await box.tsrunc('create', '-b', bundle.path, id);
      expect(code).toBe(1);
      expect(stderr).toMatch(/invalid container ID format|container id cannot be empty/);
      expect(existsSync(box.root) ? readdirSync(box.root) : []).toEqual([]);
    },
  );

  test('refuses a bad id before it looks at the bundle', async ({ box }) => {
    const { code, stderr } = await box.tsrunc('create', '--bundle', '/nowhere', 'no/id');
    expect([code, stderr]).toEqual([1, expect.stringContaining('invalid container ID format: "no/id"')]);
  });

  test('a bundle that is edited afterwards changes nothing', async ({ box }) => {
    const bundle = await sleeper(box);
    const id = await box.create(bundle);
    writeFileSync(join(bundle.path, 'config.json'), '{"ociVersion": "broken"');
    await box.ok('start', id);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
  });

  test.for(['create -f', 'create --config', 'run -d -f', 'run -d --config'])(
    '%s reads another file than the bundle’s, once and for all',
    async (words, { box }) => {
      const bundle = await box.bundle();
      const { config } = bundle;
      config.process.args = ['sleep', '100'];
      config.process.env = ['PATH=/bin', 'WHO=other'];
      config.hostname = 'other';
      const other = join(box.path, 'other.json');
      writeFileSync(other, JSON.stringify(config));
      const id = box.id();
      await box.ok(...words.split(' '), other, '-b', bundle.path, id);
      rmSync(other);
      expect(await box.state(id)).toMatchObject({ bundle: bundle.path });
      expect((await box.ok('exec', id, 'sh', '-c', 'echo $WHO; hostname')).stdout).toBe('other\nother\n');
    },
  );

  test('leaves nothing behind when it fails late', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.linux.cgroupsPath = `/${id}`;
      config.mounts.push({ destination: '/x', type: 'bind', source: '/nonexistent', options: ['bind'] });
    });
    const { code, stderr } = await box.tsrunc('create', '-b', bundle.path, id);
    expect(code).toBe(1);
    expect(stderr).toContain('/nonexistent');
    expect(stderr).toContain('/mounts/6');
    expect(readdirSync(box.root)).toEqual([]);
    expect(cgroupDirectories(id)).toEqual([]);
  });

  test.for([
    ['nosuch', 'exec: "nosuch": executable file not found in $PATH'],
    ['/nosuch', 'exec: "/nosuch": no such file or directory'],
    ['/etc/passwd', 'exec: "/etc/passwd": permission denied'],
  ])('names a missing program as the engines expect it, and leaves nothing: %s', async ([program, words], { box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = [String(program)];
    });
    const { code, stderr } = await box.tsrunc('create', '-b', bundle.path, box.id());
    expect(code).toBe(1);
    expect(stderr).toContain(words);
    expect(readdirSync(box.root)).toEqual([]);
  });
});

// Covers /{windows,solaris,vm,zos,freebsd} /process/commandLine /process/user/username
describe('what belongs to other platforms', () => {
  test('is as if it were not there', async ({ box }) => {
    const script = 'id; hostname; cat /proc/self/limits; ls / /dev; grep -c . /proc/mounts';
    const plain = await box.probe(script);
    const foreign = await box.probe(script, (config) => {
      config.windows = { layerFolders: ['nosuch'], network: { networkSharedContainerName: 'other' }, servicing: true };
      config.solaris = { limitpriv: 'none', maxShmMemory: '1m', cappedCPU: { ncpus: '1' } };
      config.vm = { hypervisor: { path: '/nosuch' }, kernel: { path: '/nosuch' } };
      config.zos = { namespaces: [{ type: 'pid', path: '/nosuch' }] };
      config.freebsd = { jail: { host: 'new', hostname: 'jailed' }, devices: [{ path: 'nosuch' }] };
      config.process.commandLine = 'exit 7';
      config.process.user = { uid: 0, gid: 0, username: 'nobody' };
    });
    expect(foreign).toEqual(plain);
    expect(foreign).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^uid=0.*\nbox\n/) });
  });

  test('a command line alone is no program', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      delete config.process.args;
      config.process.commandLine = 'true';
    });
    const { code, stderr } = await box.tsrunc('create', '-b', bundle.path, box.id());
    expect([code, stderr]).toEqual([1, expect.stringContaining('process.args must not be empty')]);
  });
});

describe('state', () => {
  // Covers /ociVersion /annotations
  test('is the JSON that clients parse, without a line feed at its end', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.annotations = { 'org.example.key': 'value' };
    });
    const id = await box.create(bundle);
    const { stdout } = await box.ok('state', id);
    expect(stdout).toMatch(/^\{\n {2}"ociVersion"/);
    expect(stdout.endsWith('}')).toBe(true);
    expect(JSON.parse(stdout)).toMatchObject({
      ociVersion: '1.3.0',
      id,
      status: 'created',
      bundle: bundle.path,
      rootfs: bundle.rootfs,
      annotations: { 'org.example.key': 'value' },
    });
  });

  test('goes from created over running to stopped, where the pid is 0', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    await box.ok('start', id);
    const running = await box.state(id);
    expect(running.status).toBe('running');
    expect(running.pid).toBeGreaterThan(0);
    await box.ok('kill', id, 'SIGKILL');
    expect(await box.reached(id, 'stopped')).toMatchObject({ pid: 0 });
  });

  test('of an unknown container fails as the engines expect it', async ({ box }) => {
    const { code, stderr } = await box.tsrunc('state', box.id());
    expect(code).toBe(1);
    expect(stderr).toContain('container does not exist');
  });
});

describe('start', () => {
  describe('without a process', () => {
    const nothing = (box: Box) =>
      box.bundle((config) => {
        Reflect.deleteProperty(config, 'process');
      });

    test('is an error, after which the container is stopped (runtime.md "Start")', async ({ box }) => {
      const bundle = await nothing(box);
      const id = box.id();
      expect((await box.ok('create', '-b', bundle.path, id)).stderr).toContain('can be created, but not started');
      await box.ok('exec', id, 'true');
      const { code, stderr } = await box.tsrunc('start', id);
      expect([code, stderr]).toEqual([1, expect.stringContaining('There is nothing to start')]);
      expect(await box.state(id)).toMatchObject({ status: 'stopped', pid: 0 });
      await box.ok('delete', id);
    });

    test('run makes nothing', async ({ box }) => {
      const { code, stderr } = await box.run(await nothing(box));
      expect([code, stderr]).toEqual([1, expect.stringContaining('There is nothing to start')]);
      expect(existsSync(box.root) ? readdirSync(box.root) : []).toEqual([]);
    });
  });

  test('refuses a running and a stopped container', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    await box.ok('start', id);
    const again = await box.tsrunc('start', id);
    expect(again).toMatchObject({ code: 1 });
    expect(again.stderr).toContain('cannot start an already running container');
    await box.ok('kill', id, '9');
    await box.reached(id, 'stopped');
    const late = await box.tsrunc('start', id);
    expect(late).toMatchObject({ code: 1 });
    expect(late.stderr).toMatch(/cannot start a container that has stopped\nHint: .*"tsrunc delete /);
  });

  test('tells when execve itself fails: the format, or a missing interpreter', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['/script'];
    });
    writeFileSync(join(bundle.rootfs, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
    const id = await box.create(bundle);
    const { code, stderr } = await box.tsrunc('start', id);
    expect(code).toBe(1);
    expect(stderr).toContain('/no/such/interpreter');
    await box.reached(id, 'stopped');
  });

  test('two at once: one wins, the other is refused', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    const outcomes = await Promise.all([box.tsrunc('start', id), box.tsrunc('start', id)]);
    expect(outcomes.map(({ code }) => code).toSorted()).toEqual([0, 1]);
  });
});

describe('kill', () => {
  test('takes names with and without SIG, and numbers; TERM is the default', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      const script =
        'for s in HUP INT USR1 TERM; do trap "echo $s >> /got" $s; done; echo ready > /got; while :; do sleep 0.01; done';
      config.process.args = ['sh', '-c', script];
    });
    const id = await box.create(bundle);
    await box.ok('start', id);
    const got = () => readFileSync(join(bundle.rootfs, 'got'), 'utf8').split('\n').filter(Boolean);
    await expect.poll(() => existsSync(join(bundle.rootfs, 'got'))).toBe(true);
    for (const [signal, name] of [
      ['HUP', 'HUP'],
      ['SIGINT', 'INT'],
      ['10', 'USR1'],
      [undefined, 'TERM'],
    ] as const) {
      await box.ok('kill', id, ...(signal === undefined ? [] : [signal]));
      await expect.poll(got).toContain(name);
    }
  });

  test('refuses an unknown signal and a stopped container', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    expect(await box.tsrunc('kill', id, 'NOSUCH')).toMatchObject({ code: 1 });
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    const { code, stderr } = await box.tsrunc('kill', id, 'KILL');
    expect(code).toBe(1);
    expect(stderr).toContain('container not running');
    await box.ok('kill', '--all', id, '9');
  });

  test('KILL ends all processes of a container without a pid namespace', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.linux.cgroupsPath = `/${id}`;
      config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
      config.mounts.push({ destination: '/proc', type: 'bind', source: '/proc', options: ['rbind'] });
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.process.args = ['sh', '-c', 'sleep 1000 & echo $! > /child; sleep 1000'];
    });
    await box.ok('run', '-d', '-b', bundle.path, id);
    await expect.poll(() => existsSync(join(bundle.rootfs, 'child'))).toBe(true);
    const child = readFileSync(join(bundle.rootfs, 'child'), 'utf8').trim();
    await box.ok('kill', id, 'KILL');
    await expect.poll(() => alive(child)).toBe(false);
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
    expect(cgroupDirectories(id)).toEqual([]);
  });
});

describe('delete', () => {
  test('refuses a running container, takes a stopped one and one that was never started', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    await box.ok('start', id);
    const refused = await box.tsrunc('delete', id);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`cannot delete container ${id} that is not stopped: running`);
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
    expect(await box.tsrunc('state', id)).toMatchObject({ code: 1 });
    const created = await box.create(await sleeper(box));
    await box.ok('delete', created);
    expect(readdirSync(box.root)).toEqual([]);
  });

  test('--force ends and removes a running container, and an unknown one is no error', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    await box.ok('start', id);
    const { pid } = await box.state(id);
    await box.ok('delete', '--force', id);
    expect(alive(pid)).toBe(false);
    await box.ok('delete', '--force', id);
    expect(await box.tsrunc('delete', id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist'),
    });
  });

  test('--regex takes all whose names match; one that cannot go does not keep the others', async ({ box }) => {
    const bundle = await sleeper(box);
    const [one, two, other] = [await box.create(bundle), await box.create(bundle), await box.create(bundle)];
    await box.ok('start', one);
    const suffixes = [one, two].map((id) => id.split('-').at(-1)).join('|');
    const refused = await box.tsrunc('delete', '--regex', `^tsrunc-.*-(${suffixes})$`);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`cannot delete container ${one} that is not stopped: running`);
    expect(lines((await box.ok('list', '-q')).stdout)).toEqual([one, other].toSorted());
    await box.ok('delete', '--force', '--regex', `^tsrunc-.*-(${suffixes})$`);
    expect(lines((await box.ok('list', '-q')).stdout)).toEqual([other]);
    expect((await box.tsrunc('delete', '--regex', '[')).stderr).toMatch(
      /^tsrunc: "\[" is no regular expression\nHint: /,
    );
    await box.ok('delete', '--regex', 'matches nothing');
  });

  test('kill --regex signals all whose names match; one that has ended is named', async ({ box }) => {
    const bundle = await sleeper(box);
    const [one, two, other] = [await box.create(bundle), await box.create(bundle), await box.create(bundle)];
    const pattern = `^(${one}|${two})$`;
    await box.ok('kill', '--regex', pattern, 'KILL');
    for (const id of [one, two]) await expect.poll(async () => (await box.state(id)).status).toBe('stopped');
    expect(await box.state(other)).toMatchObject({ status: 'created' });
    const again = await box.tsrunc('kill', '-r', pattern);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(`${one}: container not running; ${two}: container not running`);
    await box.ok('kill', '--regex', 'matches nothing');
  });

  test('the id can be used again', async ({ box }) => {
    const bundle = await sleeper(box);
    const id = await box.create(bundle);
    await box.ok('delete', id);
    await box.ok('create', '-b', bundle.path, id);
    expect(await box.state(id)).toMatchObject({ status: 'created' });
  });

  test('a damaged state file is named; --force removes it', async ({ box }) => {
    const id = await box.create(await sleeper(box));
    const { pid } = await box.state(id);
    const file = join(box.root, id, 'state.json');
    const good = readFileSync(file);
    writeFileSync(file, '{"version"');
    const { code, stderr } = await box.tsrunc('state', id);
    expect(code).toBe(1);
    expect(stderr).toContain(file);
    writeFileSync(file, good);
    await box.ok('delete', '--force', id);
    expect(alive(pid)).toBe(false);
  });
});

describe('list', () => {
  test('shows a table, JSON, or ids', async ({ box }) => {
    expect((await box.ok('list', '-f', 'json')).stdout.trim()).toBe('null');
    const bundle = await sleeper(box);
    const id = await box.create(bundle);
    const table = (await box.ok('list')).stdout.split('\n');
    expect(table[0]).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER$/);
    expect(table[1]).toMatch(new RegExp(`^${id} +\\d+ +created +${bundle.path} +\\d{4}-.*Z +root$`));
    expect(JSON.parse((await box.ok('list', '-f', 'json')).stdout)).toMatchObject([
      { id, status: 'created', bundle: bundle.path },
    ]);
    expect((await box.ok('list', '-q')).stdout).toBe(`${id}\n`);
  });
});

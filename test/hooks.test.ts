/** runtime-spec config.md "POSIX-platform Hooks" and runtime.md "Lifecycle": order, namespaces, state, failures. */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, type Bundle, type Config, eventually, expect, patient, test } from './support/box.ts';
import { cgroupDirectories } from './support/host.ts';

const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;
type Kind = (typeof kinds)[number];

/** A hook script of the host that appends a line to `log`; startContainer hooks see the container's own files instead. */
const hook = (box: Box, kind: Kind, body: string) => {
  const path = join(box.path, `hook-${kind}`);
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return { path };
};

const withHooks = async (box: Box, body: (kind: Kind) => string, patch?: (config: Config) => void): Promise<Bundle> => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', 'echo process >> /log; sleep 100'];
    config.mounts.push({ destination: '/log', type: 'bind', source: join(box.path, 'log'), options: ['bind'] });
    config.hooks = Object.fromEntries(
      kinds.map((kind) => [kind, [kind === 'startContainer' ? { path: '/hook' } : hook(box, kind, body(kind))]]),
    );
    patch?.(config);
  });
  writeFileSync(join(box.path, 'log'), '');
  writeFileSync(join(bundle.rootfs, 'hook'), `#!/bin/sh\n${body('startContainer')}\n`, { mode: 0o755 });
  return bundle;
};

/** Whether the process is the sleep of a hook in the container's cgroup. */
const isHookOf = (pid: string, id: string): boolean => {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command === ['sleep', '1000', ''].join('\0') && readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(id);
  } catch {
    return false;
  }
};

const hookRuns = (id: string): Promise<boolean> =>
  eventually('the hook runs', () => readdirSync('/proc').some((pid) => isHookOf(pid, id)) || undefined);

const logOf = (box: Box): string[] => readFileSync(join(box.path, 'log'), 'utf8').trim().split('\n');
const logPath = (box: Box, kind: Kind) => (kind === 'startContainer' ? '/log' : join(box.path, 'log'));

// Covers /hooks
describe('hooks', () => {
  test('run in the order of the spec', async ({ box }) => {
    const bundle = await withHooks(box, (kind) => `echo ${kind} >> ${logPath(box, kind)}`);
    const id = await box.create(bundle);
    expect(logOf(box)).toEqual(['prestart', 'createRuntime', 'createContainer']);
    await box.ok('start', id);
    expect(logOf(box)).toContain('poststart');
    await expect.poll(() => logOf(box)).toContain('process');
    expect(logOf(box).slice(0, 4)).toEqual(['prestart', 'createRuntime', 'createContainer', 'startContainer']);
    // The program writes its line some time after it was executed, which is all that poststart waits for.
    expect(logOf(box).slice(4).toSorted()).toEqual(['poststart', 'process']);
    await box.ok('delete', '--force', id);
    expect(logOf(box).slice(6)).toEqual(['poststop']);
  });

  test.for([
    ['start', 'at once'],
    ['start', 'after a slow startContainer hook'],
    ['run', 'at once'],
    ['run', 'after a slow startContainer hook'],
  ] as const)('%s: poststart finds the program executed, %s', async ([verb, when], { box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      const read = `pid=$(sed -E 's/.*"pid": *([0-9]+).*/\\1/'); tr '\\0' ' ' < /proc/$pid/cmdline > ${box.path}/log`;
      config.hooks = {
        ...(when === 'at once' ? {} : { startContainer: [{ path: '/bin/sleep', args: ['sleep', '0.3'] }] }),
        poststart: [hook(box, 'poststart', read)],
      };
    });
    if (verb === 'start') await box.ok('start', await box.create(bundle));
    else await box.ok('run', '--detach', '-b', bundle.path, box.id());
    expect(logOf(box)).toEqual(['sleep 100']);
  });

  test('get the state on stdin, with the status of their moment and the pid as they see it', async ({ box }) => {
    const bundle = await withHooks(box, (kind) => `{ cat; echo; } >> ${logPath(box, kind)}`);
    const id = await box.create(bundle);
    const { pid } = await box.state(id);
    await box.ok('start', id);
    await box.ok('delete', '--force', id);
    const states = logOf(box)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const common = { ociVersion: '1.3.0', id, bundle: bundle.path };
    expect(states).toHaveLength(6);
    expect(states.slice(0, 5)).toEqual([
      { ...common, status: 'created', pid },
      { ...common, status: 'created', pid },
      { ...common, status: 'created', pid: 1 },
      { ...common, status: 'created', pid: 1 },
      { ...common, status: 'running', pid },
    ]);
    expect(states[5]).toMatchObject({ ...common, status: 'stopped' });
  });

  test('run in the right namespaces: the first two and the last two outside, the others inside', async ({ box }) => {
    const bundle = await withHooks(box, (kind) => `readlink /proc/self/ns/uts >> ${logPath(box, kind)}`);
    const id = await box.create(bundle);
    const inside = readlinkOf((await box.state(id)).pid);
    const outside = readlinkOf('self');
    await box.ok('start', id);
    await box.ok('delete', '--force', id);
    const found = logOf(box).filter((line) => line.startsWith('uts'));
    expect(found).toEqual([outside, outside, inside, inside, outside, outside]);
  });

  test('get their args and env, and nothing of ours', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      const dump = hook(
        box,
        'createRuntime',
        `{ echo "$0 $1"; tr '\\0' '\\n' < /proc/self/environ; } > ${box.path}/log`,
      );
      config.hooks = { createRuntime: [{ ...dump, args: ['named', 'one'], env: ['A=1', 'PATH=/usr/bin:/bin'] }] };
    });
    await box.ok('run', '-b', bundle.path, box.id(), { env: { SECRET: 'x' } });
    expect(logOf(box)).toEqual([expect.stringMatching(/one$/), 'A=1', 'PATH=/usr/bin:/bin']);
  });

  test('one that does not read its stdin is no failure', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.annotations = { big: 'x'.repeat(100_000) };
      config.hooks = { createRuntime: [hook(box, 'createRuntime', 'exec 0<&-; exit 0')] };
    });
    await box.ok('run', '-b', bundle.path, box.id());
  });

  test.for(['prestart', 'createRuntime', 'createContainer'] as const)(
    'a failing %s hook fails create and leaves nothing',
    async (kind, { box }) => {
      const id = box.id();
      const bundle = await box.bundle((config) => {
        config.linux.cgroupsPath = `/${id}`;
        config.hooks = {
          [kind]: [hook(box, kind, 'echo the reason >&2; exit 3')],
          poststop: [hook(box, 'poststop', `echo poststop > ${box.path}/log`)],
        };
      });
      const { code, stderr } = await box.tsrunc('create', '-b', bundle.path, id);
      expect(code).toBe(1);
      expect(stderr).toContain(`hook-${kind}`);
      expect(stderr).toContain('exit status 3');
      expect(stderr).toContain('the reason');
      expect(readdirSync(box.root)).toEqual([]);
      expect(cgroupDirectories(id)).toEqual([]);
      expect(logOf(box)).toEqual(['poststop']);
    },
  );

  test.for(['createContainer', 'startContainer'] as const)(
    'a %s hook that does not end keeps nobody from deleting the container by force',
    async (kind, { box }) => {
      const bundle = await box.bundle((config) => {
        config.hooks = { [kind]: [{ path: '/bin/sleep', args: ['sleep', '1000'] }] };
      });
      const id = box.id();
      const create = box.tsrunc('create', '-b', bundle.path, id);
      const start = kind === 'createContainer' ? create : create.then(() => box.tsrunc('start', id));
      await hookRuns(id);
      await box.ok('delete', '--force', id);
      expect(await start).toMatchObject({ code: 1 });
      expect(cgroupDirectories(id)).toEqual([]);
      expect(readdirSync(box.root)).toEqual([]);
    },
  );

  test.for(['start', 'run'] as const)(
    '%s fails when the container is killed while a startContainer hook runs: its program never ran',
    async (verb, { box }) => {
      const bundle = await box.bundle((config) => {
        config.process.args = ['sh', '-c', 'echo ran > /ran'];
        config.hooks = { startContainer: [{ path: '/bin/sleep', args: ['sleep', '1000'] }] };
      });
      const id = verb === 'start' ? await box.create(bundle) : box.id();
      const ending = verb === 'start' ? box.tsrunc('start', id) : box.tsrunc('run', '-b', bundle.path, id);
      await hookRuns(id);
      await box.ok('kill', id, 'KILL');
      const { code, stderr } = await ending;
      expect(code).toBe(1);
      expect(stderr).toContain('something killed it');
      expect(existsSync(join(bundle.rootfs, 'ran'))).toBe(false);
      if (verb === 'start') await box.reached(id, 'stopped');
      else expect(readdirSync(box.root)).toEqual([]);
    },
  );

  test.for(['start', 'run'] as const)('%s fails as well when it was killed at once', async (verb, { box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'kill -9 $PPID'] }] };
    });
    // Whether the runtime's last word reaches it is a race.
    for (let round = 0; round < 20; round++) {
      const id = verb === 'start' ? await box.create(bundle) : box.id();
      const { code } = await (verb === 'start' ? box.tsrunc('start', id) : box.tsrunc('run', '-b', bundle.path, id));
      expect(code).toBe(1);
    }
  });

  test.for(['start', 'run'] as const)('%s of a program that ends at once is none of that', async (verb, { box }) => {
    const bundle = await box.bundle((config) => {
      config.hooks = { startContainer: [{ path: '/bin/true' }, { path: '/bin/true' }] };
    });
    for (let round = 0; round < 5; round++) {
      const id = verb === 'start' ? await box.create(bundle) : box.id();
      if (verb === 'start') await box.ok('start', id);
      else await box.ok('run', '-b', bundle.path, id);
    }
  });

  test.for<[string[]]>([[['read']], [['read', 'recvfrom']]])(
    '%s denied by seccomp keeps no container with a hook from its program',
    async ([names], { box }) => {
      const bundle = await box.bundle((config) => {
        config.process.args = ['busybox', 'touch', '/ran'];
        config.hooks = { startContainer: [{ path: '/bin/true' }] };
        config.linux.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names, action: 'SCMP_ACT_ERRNO' }],
        };
      });
      expect(await box.run(bundle)).toMatchObject({ code: 0, stderr: '' });
      expect(existsSync(join(bundle.rootfs, 'ran'))).toBe(true);
      const id = await box.create(bundle);
      await box.ok('start', id);
    },
  );

  // Errno 0: EPERM, 11: EAGAIN, which says something else where nobody denies.
  test.for([0, 11])('output that a filter lets nobody read (errno %i) is no trouble', async (errnoRet, { box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['busybox', 'sleep', '100'];
      config.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', 'echo one; sleep 1; echo two'] }] };
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', ...(errnoRet > 0 ? { errnoRet } : {}) }],
      };
    });
    const id = await box.create(bundle);
    const { pid } = await box.state(id);
    await box.ok('start', id);
    await box.reached(id, 'running');
    // utime and stime, in hundredths of a second: the program's are those of the helper before.
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13) ?? [];
    expect(Number(user) + Number(system)).toBeLessThan(patient(50));
  });

  test('a filter that denies every way to tell the end of the hooks is an error with the way out', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.hooks = { startContainer: [{ path: '/bin/true' }] };
      config.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['read', 'recvfrom', 'recvmsg'], action: 'SCMP_ACT_ERRNO' }],
      };
    });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot tell that the hooks have ended: read: EPERM');
    expect(stderr).toContain('let linux.seccomp allow read');
  });

  test('a failing startContainer hook fails start', async ({ box }) => {
    const bundle = await withHooks(box, (kind) => (kind === 'startContainer' ? 'exit 4' : 'exit 0'));
    const id = await box.create(bundle);
    const { code, stderr } = await box.tsrunc('start', id);
    expect(code).toBe(1);
    expect(stderr).toContain('/hook');
    expect(stderr).toContain('exit status 4');
    await box.reached(id, 'stopped');
  });

  test('a container of a version that did not say the word twice blames its failing hook', async ({ box }) => {
    const bundle = await withHooks(box, (kind) => (kind === 'startContainer' ? 'exit 4' : 'exit 0'));
    const id = await box.create(bundle);
    const path = join(box.root, id, 'state.json');
    const { startHooks, steps, ...others } = JSON.parse(readFileSync(path, 'utf8'));
    expect(startHooks).toBe(true);
    writeFileSync(path, JSON.stringify({ ...others, steps: steps - 1 }));
    const { code, stderr } = await box.tsrunc('start', id);
    expect(code).toBe(1);
    expect(stderr).toContain('startContainer hook #0');
    expect(stderr).toContain('exit status 4');
  });

  test('a failing poststart hook destroys the container and fails start', async ({ box }) => {
    const bundle = await withHooks(box, (kind) =>
      kind === 'poststart' ? 'exit 5' : `echo ${kind} >> ${logPath(box, kind)}`,
    );
    const id = await box.create(bundle);
    const { pid } = await box.state(id);
    const { code, stderr } = await box.tsrunc('start', id);
    expect(code).toBe(1);
    expect(stderr).toContain('exit status 5');
    expect(alive(pid)).toBe(false);
    expect(await box.tsrunc('state', id)).toMatchObject({ code: 1 });
    expect(logOf(box).at(-1)).toBe('poststop');
  });

  test('a failing poststop hook is a warning, and the next one runs', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.hooks = {
        poststop: [hook(box, 'poststop', 'exit 6'), hook(box, 'prestart', `echo second > ${box.path}/log`)],
      };
    });
    const id = await box.create(bundle);
    const { code, stderr } = await box.tsrunc('delete', id);
    expect(code).toBe(0);
    expect(stderr).toContain('exit status 6');
    expect(logOf(box)).toEqual(['second']);
  });

  test.for([
    ['createRuntime', 'hangs', 'exec sleep 100'],
    ['createRuntime', 'writes without end', 'exec yes >&2'],
    ['createContainer', 'hangs', 'exec sleep 100'],
    ['createContainer', 'writes without end', 'for i in 1 2 3 4 5 6; do yes & done; exec yes'],
    ['createContainer', 'leaves somebody behind who writes', 'for i in 1 2 3 4 5 6; do yes & done; sleep 0.2; exit 3'],
  ] as const)('a %s hook that %s is waited for only so long', async ([kind, , script], { box }) => {
    const bundle = await box.bundle((config) => {
      config.hooks = { [kind]: [{ ...hook(box, kind, script), timeout: patient(1000) / 1000 }] };
    });
    const started = Date.now();
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain(script.endsWith('exit 3') ? 'exit status 3' : 'timed out');
    expect(Date.now() - started).toBeLessThan(patient(10_000));
  });
});

test('a hook may have as long as the schema lets it', async ({ box }) => {
  const bundle = await box.bundle((config) => {
    config.hooks = { prestart: [{ ...hook(box, 'prestart', 'sleep 0.1'), timeout: 4_294_967 }] };
  });
  expect(await box.run(bundle)).toMatchObject({ code: 0, stderr: '' });
});

const readlinkOf = (pid: number | string | undefined): string => readlinkSync(`/proc/${pid}/ns/uts`);

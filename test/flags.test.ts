/** Flags that change how a verb behaves rather than what the container is, and what update writes beside runc. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, eventually, exec, expect, output, patient, test, uniqueId } from './support/box.ts';
import { withoutCriu } from './support/criu.ts';
import { cgroupDirectories, hasCommand, isCgroupV2, isRoot, runtime } from './support/host.ts';

const onRunc = runtime.endsWith('/runc');

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

describe.skipIf(!isRoot)('--no-subreaper', () => {
  /** Parent of a process whose own parent has ended, in a container with the processes of the host. */
  const adopter = async (box: Box, flags: readonly string[]): Promise<{ parent: number; run: number }> => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.process.args = ['sh', '-c', '(sleep 4321 & echo $! > /orphan); exec sleep 100'];
    });
    const id = box.id();
    const words = ['--root', box.root, 'run', ...flags, '--bundle', bundle.path, id];
    const run = spawn(runtime, words, { stdio: 'ignore' });
    const ended = once(run, 'exit');
    try {
      const adopted = await eventually('the orphan has been adopted', async () => {
        const orphan = parentOf(readIfThere(join(bundle.rootfs, 'orphan')));
        if (orphan === undefined) return undefined;
        // Of the container's own processes none is a subreaper: its parent is there for a moment only.
        return cgroupOf(orphan.parent).includes(id) ? undefined : orphan;
      });
      return { parent: adopted.parent, run: run.pid ?? 0 };
    } finally {
      await box.ok('kill', '--all', id, 'KILL');
      await ended;
    }
  };
  const cgroupOf = (pid: number): string => readIfThere(`/proc/${pid}/cgroup`);
  /** 0: in a pid namespace further out. */
  const parentOf = (pid: string): { readonly parent: number } | undefined => {
    const line = pid === '' ? null : /^PPid:\s*(\d+)$/m.exec(readIfThere(`/proc/${pid.trim()}/status`));
    return line === null ? undefined : { parent: Number(line[1]) };
  };

  test('run leaves orphans to whom the caller has chosen; without it the runtime takes them', async ({ box }) => {
    const usual = await adopter(box, []);
    expect(usual.parent).toBe(usual.run);
    const other = await adopter(box, ['--no-subreaper']);
    expect(other.parent).not.toBe(other.run);
  });

  test.skipIf(withoutCriu !== undefined)('restore does so, too', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.process.args = ['sh', '-c', 'read _ < /go; (sleep 4321 & echo $! > /orphan); exec sleep 100'];
    });
    const id = box.id();
    const images = join(box.path, 'images');
    // In a pid namespace whose first process reaps at once: restore needs the same process id again.
    const adopted = async (flags: string): Promise<string> => {
      const script = `
        T="${runtime} --root ${box.root}"; cd ${bundle.rootfs}; rm -f go orphan; mkfifo go
        $T run --detach -b .. ${id} </dev/null >/dev/null 2>&1
        $T checkpoint --image-path ${images} ${id}; sleep 0.1
        $T restore ${flags} -b .. --image-path ${images} ${id} </dev/null >/dev/null 2>&1 & restore=$!
        timeout 10 sh -c 'echo > go'
        until [ -s orphan ]; do sleep 0.05; done
        parent() { sed -n 's/^PPid:\\s*//p' /proc/$(cat orphan)/status; }
        while grep -q ${id} /proc/$(parent)/cgroup; do sleep 0.05; done
        case $(parent) in 1) echo init;; $restore) echo runtime;; esac
        $T kill --all ${id} KILL; wait`;
      const inside = ['unshare', '--mount', '--pid', '--kill-child', '--mount-proc', 'sh', '-c', script];
      // Its loops would go on where something else fails than what they wait for.
      return output('timeout', ['--signal=KILL', String(patient(12_000) / 1000), ...inside]);
    };
    expect([await adopted(''), await adopted('--no-subreaper')]).toEqual(['runtime\n', 'init\n']);
  });
});

describe.skipIf(onRunc)('--log-level', () => {
  test.for([
    ['debug', true],
    ['info', true],
    ['warning', true],
    ['error', false],
  ] as const)('%s: warnings are told: %s', async ([level, told], { box }) => {
    const bundle = await box.bundle((config) => {
      config.process.capabilities = { bounding: ['CAP_NO_SUCH'] };
      config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
    });
    const log = join(box.path, `${level}.log`);
    const words = ['--log', log, '--log-level', level, 'run', '-b', bundle.path, box.id()];
    expect(await box.tsrunc(...words)).toMatchObject({ code: 0, stdout: '' });
    expect(readIfThere(log).includes('CAP_NO_SUCH')).toBe(told);
    expect(readIfThere(log).includes('seccomp filter flags')).toBe(level === 'debug');
  });

  test('an error is logged at every level', async ({ box }) => {
    const log = join(box.path, 'log');
    for (const level of ['debug', 'info', 'warning', 'error'])
      expect(await box.tsrunc('--log', log, '--log-level', level, 'state', uniqueId())).toMatchObject({ code: 1 });
    expect(readFileSync(log, 'utf8').match(/level=error msg=.*container does not exist/g)).toHaveLength(4);
  });

  test('an unknown one is refused with those that there are', async ({ box }) => {
    const { code, stderr } = await box.tsrunc('--log-level', 'loud', 'list');
    expect(code).toBe(1);
    expect(stderr).toContain('option --log-level takes error or warning or info or debug, not "loud"');
  });
});

test('run --pid-file: the pid is the one that the host sees', async ({ box }) => {
  const file = join(box.path, 'pid');
  const id = await box.running(undefined, '--pid-file', file);
  expect(readFileSync(file, 'utf8')).toBe(String((await box.state(id)).pid));
  rmSync(file);
  await box.ok('run', '--pid-file', file, '-b', (await box.bundle()).path, box.id());
  expect(readFileSync(file, 'utf8')).toMatch(/^\d+$/);
});

test.skipIf(!isRoot)('kill -a, which engines pass, is kill --all', async ({ box }) => {
  const id = await box.running((config) => {
    config.process.args = ['sh', '-c', 'sleep 1000 & sleep 1000 & wait'];
  });
  const pids = await eventually('all run', async () => {
    const found: number[] = JSON.parse((await box.ok('ps', '-f', 'json', id)).stdout);
    return found.length === 3 ? found : undefined;
  });
  await box.ok('kill', '-a', id, 'KILL');
  for (const pid of pids) await eventually('it ends', () => !alive(pid) || undefined);
});

// On v2 runc 1.1 makes weights of shares by an older formula.
describe.skipIf(!isRoot || isCgroupV2 || !hasCommand('runc') || onRunc)(
  'update beside runc, with the same container',
  () => {
    /** The limits of the container by name. On hybrid hosts runc enters the hierarchy of v2, too, which has huge pages here. */
    const control = (id: string): Readonly<Record<string, string>> =>
      Object.fromEntries(
        cgroupDirectories(id).flatMap((directory) =>
          readdirSync(directory, { withFileTypes: true })
            .filter((entry) => entry.isFile() && limits.test(entry.name) && !entry.name.startsWith('hugetlb.'))
            .map(({ name }) => [name, readFileSync(join(directory, name), 'utf8').trim()] as const),
        ),
      );
    const limits =
      /limit_in_bytes$|\.max$|^memory\.(low|high|swappiness)$|^cpu\.(shares|weight|idle|cfs_(quota|period|burst)_us)$|^cpuset\.(cpus|mems)$|weight$/;

    const after = async (box: Box, program: string, root: string, words: readonly string[], stdin = '') => {
      const id = uniqueId();
      const bundle = await box.bundle((config) => {
        config.ociVersion = '1.0.2';
        config.process.args = ['sleep', '1111'];
        config.linux.cgroupsPath = `/${id}`;
        config.linux.resources = {
          memory: { limit: 64 << 20 },
          cpu: { shares: 512, quota: 20_000, period: 100_000, cpus: '0-1' },
          pids: { limit: 20 },
        };
      });
      const run = (...rest: readonly string[]) => exec(program, ['--root', root, ...rest], { stdin });
      expect(await run('run', '--detach', '-b', bundle.path, id)).toMatchObject({ code: 0 });
      try {
        const { code, stdout, stderr } = await run('update', ...words, id);
        return { code, stdout, stderr, files: control(id) };
      } finally {
        await run('delete', '--force', id);
      }
    };

    test.for<[readonly string[], string?]>([
      [['--memory', '32M', '--memory-reservation', '16M']],
      [['--memory', '-1']],
      [['--cpu-quota', '50000', '--cpu-period', '200000']],
      [['--cpu-quota', '-1']],
      [['--cpu-share', '200']],
      [['--cpuset-cpus', '0', '--cpuset-mems', '0']],
      [['--pids-limit', '7']],
      [['--pids-limit', '-1']],
      [['--resources', '-'], '{"memory":{"limit":50331648},"cpu":{"shares":300},"pids":{"limit":9}}'],
      [['--resources', '-'], '{"cpu":{"cpus":"1"}}'],
    ])('%j %s', async ([words, stdin], { box }) => {
      const theirs = await after(box, 'runc', join(box.path, 'runc'), words, stdin);
      const ours = await after(box, runtime, box.root, words, stdin);
      expect(ours).toEqual(theirs);
      expect(ours).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect(Object.keys(ours.files).length).toBeGreaterThan(8);
    });
  },
);

describe.skipIf(!isRoot || !hasCommand('runc') || onRunc)('exit statuses of mistakes beside runc', () => {
  const status = async (program: string, box: Box, words: string): Promise<number | null> =>
    (await exec(program, ['--root', join(box.path, 'state'), ...words.split(' ')], { cwd: box.path })).code;

  test.for([
    ['--nosuch', 1],
    ['--nosuch list', 1],
    ['list --nosuch', 1],
    ['state --nosuch nobody', 1],
    ['exec --nosuch nobody true', 1],
    ['create --bundle', 1],
    ['--debug=maybe list', 1],
    ['--log-format bad list', 1],
    ['list --format bad', 1],
    ['list extra', 1],
    ['state', 1],
    ['state one two', 1],
    ['create', 1],
    ['run', 1],
    ['exec', 1],
    ['exec nobody', 255],
    ['exec nobody true', 255],
    ['kill nobody NOSUCH', 1],
    ['update --pids-limit x nobody', 1],
    ['events --interval x nobody', 1],
    ['delete --force nobody', 0],
  ] as const)('%s: %i', async ([words, code], { box }) => {
    expect([await status(runtime, box, words), await status('runc', box, words)]).toEqual([code, code]);
  });

  // runc's is that of the library that reads its command line.
  test.for(['nosuch', 'help nosuch'])('%s: 1, where runc gives 3', async (words, { box }) => {
    expect([await status(runtime, box, words), await status('runc', box, words)]).toEqual([1, 3]);
  });
});

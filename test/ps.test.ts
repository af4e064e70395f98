/** `ps`, `list` and `kill --all`, compared with runc's where that is installed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, type Bundle, eventually, exec, expect, test, uniqueId } from './support/box.ts';
import { hasCommand } from './support/host.ts';
import { Ordinary, rootless, unavailable } from './support/ordinary.ts';

const lines = (text: string): string[] => text.trimEnd().split('\n');

/** A container of three processes: a shell and two sleepers. */
const family = (box: Box, ...flags: readonly string[]): Promise<string> =>
  box.running(
    (config) => {
      config.process.args = ['sh', '-c', 'sleep 1111 & sleep 2222 & wait'];
    },
    ...flags,
  );

const sleepers = (box: Box, id: string): Promise<string[]> =>
  eventually('all three run', async () => {
    const found = lines((await box.ok('ps', id, '-o', 'pid,args')).stdout);
    return found.filter((line) => /sleep \d+$/.test(line)).length === 2 ? found : undefined;
  });

describe('ps', () => {
  test('shows what ps -ef says of the container’s processes, and of nobody else', async ({ box }) => {
    const id = await family(box);
    await sleepers(box, id);
    const [heading, ...rows] = lines((await box.ok('ps', id)).stdout);
    expect(heading).toMatch(/^UID +PID +PPID/);
    expect(rows.map((row) => row.replace(/^.*\d\d:\d\d:\d\d /, '')).toSorted()).toEqual([
      'sh -c sleep 1111 & sleep 2222 & wait',
      'sleep 1111',
      'sleep 2222',
    ]);
  });

  test('--format json prints their numbers, also of those that exec started', async ({ box }) => {
    const id = await family(box);
    await sleepers(box, id);
    await box.ok('exec', '--detach', id, 'sleep', '3333');
    const { stdout } = await box.ok('ps', '--format', 'json', id);
    expect(stdout).toMatch(/^\[\d+(,\d+){3}\]\n$/);
    const { pid } = await box.state(id);
    const commands = (JSON.parse(stdout) as number[]).map((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8'));
    expect(JSON.parse(stdout)).toContain(pid);
    expect(commands.filter((command) => command.startsWith('sleep\0')).toSorted()).toEqual([
      'sleep\x001111\0',
      'sleep\x002222\0',
      'sleep\x003333\0',
    ]);
  });

  test('passes options on to ps', async ({ box }) => {
    const id = await family(box);
    expect((await sleepers(box, id))[0]).toMatch(/^ +PID COMMAND$/);
    expect((await box.ok('ps', id, '--', '-o', 'comm,pid')).stdout).toMatch(/^COMMAND +PID\nsh +\d+\n/);
    const without = await box.tsrunc('ps', id, '-o', 'args');
    expect(without).toMatchObject({ code: 1, stdout: '' });
    expect(without.stderr).toContain("couldn't find PID field in ps output");
    const wrong = await box.tsrunc('ps', id, '--nonsense');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/ps --nonsense failed: .*option/);
  });

  test('of a stopped container: the heading alone, and null', async ({ box }) => {
    const id = await family(box);
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    expect(lines((await box.ok('ps', id)).stdout)).toHaveLength(1);
    expect((await box.ok('ps', '-f', 'json', id)).stdout).toBe('null\n');
  });

  test('of an unknown container, and in an unknown format', async ({ box }) => {
    const unknown = await box.tsrunc('ps', 'nosuch');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('container does not exist');
    expect((await box.tsrunc('ps', '-f', 'xml', 'nosuch')).stderr).toContain('--format takes table or json, not "xml"');
  });

  test('without a cgroup: the pid namespace tells', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sh', '-c', 'sleep 1111 & wait'];
    });
    const id = box.id();
    await box.ok('--cgroup-manager', 'disabled', 'run', '--detach', '-b', bundle.path, id);
    const pids = await eventually('both run', async () => {
      const found: number[] = JSON.parse((await box.ok('ps', '-f', 'json', id)).stdout);
      return found.length === 2 ? found : undefined;
    });
    await box.ok('kill', '--all', id, 'KILL');
    for (const pid of pids) await eventually('it ends', () => !alive(pid) || undefined);
  });
});

describe('kill --all', () => {
  test('signals every process', async ({ box }) => {
    const id = await family(box);
    await sleepers(box, id);
    const pids: number[] = JSON.parse((await box.ok('ps', '-f', 'json', id)).stdout);
    await box.ok('kill', '--all', id, '9');
    for (const pid of pids) await eventually('it ends', () => !alive(pid) || undefined);
    await box.reached(id, 'stopped');
  });

  test('without a pid namespace: TERM reaches the children, too', async ({ box }) => {
    const id = await box.running((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.mounts = config.mounts.filter(({ type }) => type !== 'proc');
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.process.args = ['sh', '-c', 'sleep 1111 & exec sleep 2222'];
    });
    await sleepers(box, id);
    const pids: number[] = JSON.parse((await box.ok('ps', '-f', 'json', id)).stdout);
    expect(pids).toHaveLength(2);
    await box.ok('kill', '--all', id, 'TERM');
    for (const pid of pids) await eventually('it ends', () => !alive(pid) || undefined);
  });

  /** A container whose child nothing tells from the host's processes; the child is ended afterwards. */
  const withHiddenChild = async (box: Box, use: (id: string, child: number) => Promise<void>): Promise<void> => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
      config.process.args = ['sh', '-c', 'sleep 1111 & wait'];
    });
    const id = box.id();
    await box.ok('--cgroup-manager', 'disabled', 'run', '--detach', '-b', bundle.path, id);
    const { pid } = await box.state(id);
    const child = await eventually('the child runs', () => {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return children === '' ? undefined : Number(children);
    });
    try {
      await use(id, child);
      expect(alive(child)).toBe(true);
    } finally {
      process.kill(child, 'SIGKILL');
    }
  };
  const only = (id: string) => `Of the processes of container ${id} only the first is known`;

  test('without a cgroup and a pid namespace it is no success: the others are not known', ({ box }) =>
    withHiddenChild(box, async (id) => {
      const { code, stderr } = await box.tsrunc('kill', '--all', id, 'KILL');
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(new RegExp(`^tsrunc: ${only(id)}.*\n.*End the others`)),
      ]);
      await box.reached(id, 'stopped');
      expect((await box.ok('kill', '--all', id, 'KILL')).stderr).toMatch(`tsrunc: warning: ${only(id)}`);
      expect((await box.ok('delete', id)).stderr).toMatch(`tsrunc: warning: ${only(id)}`);
    }));

  test('nor do KILL and delete --force keep silent of them', ({ box }) =>
    withHiddenChild(box, async (id) => {
      expect((await box.ok('kill', id, 'CONT')).stderr).toBe('');
      expect((await box.ok('kill', id, 'KILL')).stderr).toMatch(`tsrunc: warning: ${only(id)}`);
      expect((await box.ok('delete', '--force', id)).stderr).toMatch(`tsrunc: warning: ${only(id)}`);
    }));

  test('there are no others before start', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
    });
    const id = box.id();
    await box.ok('--cgroup-manager', 'disabled', 'create', '-b', bundle.path, id);
    expect((await box.ok('kill', '--all', id, 'KILL')).stderr).toBe('');
    await box.reached(id, 'stopped');
    expect((await box.ok('delete', id)).stderr).toBe('');
  });

  test('of a stopped container is no error', async ({ box }) => {
    const id = await box.running();
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    expect(await box.ok('kill', '--all', id, '9')).toMatchObject({ stdout: '', stderr: '' });
    expect(await box.tsrunc('kill', id, '9')).toMatchObject({ code: 1 });
  });
});

describe.skipIf(unavailable)(`an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  test('sees and kills the processes of a container without a cgroup', async ({ box }) => {
    const user = new Ordinary(box);
    const bundle = await user.bundle((config) => {
      rootless(config);
      config.process.args = ['sh', '-c', 'sleep 1111 & wait'];
    });
    const id = uniqueId();
    await user.ok(['run', '--detach', '--bundle', bundle.path, id]);
    const pids = await eventually('both run', async () => {
      const found: number[] = JSON.parse((await user.ok(['ps', '-f', 'json', id])).stdout);
      return found?.length === 2 ? found : undefined;
    });
    await user.ok(['kill', '--all', id, 'KILL']);
    for (const pid of pids) await eventually('it ends', () => !alive(pid) || undefined);
    await user.ok(['delete', '--force', id]);
  });
});

describe.skipIf(!hasCommand('runc'))('beside runc, with the same bundle', () => {
  const inBoth = async (
    box: Box,
    use: (run: (...words: string[]) => Promise<string>, id: string) => Promise<string>,
    suffix = '',
  ): Promise<{ ours: string; theirs: string }> => {
    const bundle: Bundle = await box.bundle((config) => {
      config.ociVersion = '1.0.2'; // what older releases of runc accept
      config.process.args = ['sleep', '1111'];
    });
    const id = `${uniqueId()}${suffix}`;
    const root = join(box.path, 'runc');
    const runc = async (...words: string[]) => (await exec('runc', ['--root', root, ...words])).stdout;
    await runc('run', '--detach', '-b', bundle.path, id);
    const theirs = await use(runc, id).finally(() => runc('delete', '--force', id));
    await box.ok('run', '--detach', '-b', bundle.path, id);
    const ours = await use(async (...words) => (await box.ok(...words)).stdout, id);
    await box.ok('delete', '--force', id);
    return { ours, theirs };
  };
  /** Numbers and times differ; their width does not matter. */
  const shape = (text: string): string =>
    text
      .replace(/"ociVersion": ?"[^"]*"/g, '"ociVersion":""')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/\b\d\d:\d\d(:\d\d)?\b/g, 'CLOCK')
      .replace(/\b\d+\b/g, 'N');

  test.for([
    ['ps', []],
    ['ps', ['-f', 'json']],
    ['list', []],
    ['list', ['-q']],
    ['list', ['-f', 'json']],
    ['state', []],
  ] as const)('%s %s', async ([verb, flags], { box }) => {
    const { ours, theirs } = await inBoth(box, (run, id) =>
      verb === 'list' ? run('list', ...flags) : run(verb, ...flags, id),
    );
    expect(shape(ours).replace(/ +/g, ' ')).toBe(shape(theirs).replace(/ +/g, ' '));
  });

  test.for(['paused', 'stopped'] as const)('state and list of a %s container', async (status, { box }) => {
    const { ours, theirs } = await inBoth(box, async (run, id) => {
      await (status === 'paused' ? run('pause', id) : run('kill', id, 'KILL'));
      const state = await eventually(`it is ${status}`, async () => {
        const text = await run('state', id);
        return text.includes(`"${status}"`) ? text : undefined;
      });
      return `${state}\n${await run('list')}${await run('list', '-f', 'json')}${await run('ps', '-f', 'json', id)}`;
    });
    expect(shape(ours).replace(/ {2,}/g, '  ')).toBe(shape(theirs).replace(/ {2,}/g, '  '));
  });

  test.for([
    ['a short id', '', 'running'],
    ['a long id', '-'.padEnd(80, 'x'), 'running'],
    ['a status of other length', '', 'stopped'],
  ] as const)('list: header and row stand where runc has them, with %s', async ([, suffix, status], { box }) => {
    const use = async (run: (...words: string[]) => Promise<string>, id: string): Promise<string> => {
      if (status === 'stopped') await run('kill', id, 'KILL');
      return eventually(`it is ${status}`, async () => {
        const text = await run('list');
        return text.includes(` ${status} `) ? text : undefined;
      });
    };
    const { ours, theirs } = await inBoth(box, use, suffix);
    // CREATED holds fractions of a second of different length; OWNER comes after it.
    const starts = (text: string) =>
      lines(text).map((line) => [...line.matchAll(/\S+/g)].map(({ index }) => index).slice(0, 5));
    expect(starts(ours)).toHaveLength(2);
    expect(starts(ours)).toEqual(starts(theirs));
  });
});

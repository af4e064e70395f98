/** Each verb with an id that is none, and with files that are missing or of another kind: status, message, nothing left behind. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, exec, expect, type Patch, test } from './support/box.ts';
import { cgroupDirectories, isRoot } from './support/host.ts';

describe('an id that is none', () => {
  const verbs: readonly (readonly [command: string, code?: number])[] = [
    ['create -b <bundle> <id>'],
    ['run -b <bundle> <id>'],
    ['restore -b <bundle> <id>'],
    ['start <id>'],
    ['state <id>'],
    ['kill <id> 0'],
    ['kill --all <id> KILL'],
    ['delete <id>'],
    ['delete --force <id>'],
    ['exec <id> true', 255],
    ['ps <id>'],
    ['events --stats <id>'],
    ['pause <id>'],
    ['resume <id>'],
    ['update --pids-limit 5 <id>'],
    ['checkpoint <id>'],
  ];
  // The second would lead out of --root, to a directory that is there.
  const ids = ['a/b', '../elsewhere', 'x y', '@seccomp'];

  test.for(verbs)('%s', async ([command, code = 1], { box }) => {
    const bundle = await box.bundle(undefined, { rootfs: false });
    for (const id of ids) {
      const words = command.split(' ').map((word) => word.replace('<id>', id).replace('<bundle>', bundle.path));
      const outcome = await box.tsrunc(...words);
      expect({ id, code: outcome.code, stdout: outcome.stdout }).toEqual({ id, code, stdout: '' });
      expect(outcome.stderr).toContain(`invalid container ID format: "${id}"`);
      expect(outcome.stderr).toMatch(/^Hint: An id has 1 to 1024 letters/m);
    }
    expect(readdirSync(box.path).toSorted()).toEqual([bundle.path.split('/').at(-1)]);
  });
});

describe.skipIf(!isRoot)('a file that is not there, or something else', () => {
  const listen = 'Hint: Somebody must listen on it';
  const folder = 'Hint: Its folder must exist and be writable.';

  test.for<[flags: string, says: string, hint: string, terminal?: true]>([
    ['--pid-file /nowhere/pid', 'Cannot write the pid file "/nowhere/pid": there is no folder "/nowhere"\n', folder],
    ['--pid-file <bundle>/config.json/pid', 'there is no folder "<bundle>/config.json"\n', folder],
    ['--pid-file <box>', 'Cannot write the pid file "<box>": it is a directory', 'Hint: Name a file in it.'],
    ['--pidfd-socket /nowhere/socket', 'Cannot send the pidfd to the socket "/nowhere/socket": open: ENOENT', listen],
    ['--pidfd-socket <bundle>/config.json', 'config.json": connect: ECONNREFUSED', listen],
    ['--console-socket /nowhere/socket', 'to the console socket "/nowhere/socket": open: ENOENT', listen, true],
    ['--preserve-fds 5', 'file descriptor 3 is not open, but --preserve-fds=5', 'Hint: Open it in the calling process'],
    ['--config /nowhere.json', 'The configuration "/nowhere.json" does not exist', 'Hint: "tsrunc spec" writes one.'],
  ])('create and run --detach with %s', async ([flags, says, hint, terminal = false], { box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.process.terminal = terminal;
      config.linux.cgroupsPath = `/${id}`;
    });
    const named = (text: string): string => text.replace('<box>', box.path).replace('<bundle>', bundle.path);
    for (const verb of ['create', 'run --detach']) {
      const words = `${verb} --bundle ${bundle.path} ${named(flags)} ${id}`.split(' ');
      const { code, stdout, stderr } = await box.tsrunc(...words);
      expect({ verb, code, stdout }).toEqual({ verb, code: 1, stdout: '' });
      expect(stderr).toContain(named(says));
      expect(stderr).toContain(hint);
      expect(stderr).not.toContain('while cleaning up');
      await expectNothing(box, id, bundle.path);
    }
    expect(readdirSync(bundle.path).toSorted()).toEqual(['config.json', 'rootfs']);
  });

  test('a pid file that cannot be: neither hook nor program runs', async ({ box }) => {
    const marks = ['hook', 'program'].map((name) => join(box.path, name));
    const [hook = '', program = ''] = marks;
    const patch: Patch = (config) => {
      config.process.args = ['sleep', '100'];
      config.mounts.push({ destination: '/mnt', type: 'bind', source: box.path, options: ['bind'] });
    };
    const bundle = await box.bundle((config) => {
      config.hooks = { createRuntime: [{ path: '/bin/touch', args: ['touch', hook] }] };
      return patch(config);
    });
    const id = await box.running(patch);
    for (const file of ['/nowhere/pid', box.path]) {
      const pidFile = ['--pid-file', file];
      expect((await box.tsrunc('create', '-b', bundle.path, ...pidFile, box.id())).code).toBe(1);
      expect((await box.tsrunc('exec', ...pidFile, id, 'touch', '/mnt/program')).code).toBe(255);
    }
    expect(marks.filter((path) => existsSync(path))).toEqual([]);
    await box.ok('exec', id, 'touch', '/mnt/program');
    expect(existsSync(program)).toBe(true);
  });

  const expectNothing = async (box: Box, id: string, bundle: string): Promise<void> => {
    expect((await box.ok('list', '-q')).stdout).toBe('');
    expect(cgroupDirectories(id)).toEqual([]);
    expect((await exec('pgrep', ['-f', bundle])).stdout).toBe('');
  };

  test.for([
    [
      'exec --detach --pid-file /nowhere/pid <id> sleep 4711',
      255,
      'Cannot write the pid file "/nowhere/pid": there is no folder "/nowhere"\n',
    ],
    [
      'exec --detach --pidfd-socket /nowhere/socket <id> sleep 4711',
      255,
      'to the socket "/nowhere/socket": open: ENOENT',
    ],
    [
      'exec --detach -t --console-socket /nowhere/socket <id> sleep 4711',
      255,
      'socket "/nowhere/socket": open: ENOENT',
    ],
    ['exec --preserve-fds 5 <id> sleep 4711', 255, 'file descriptor 3 is not open, but --preserve-fds=5'],
    ['exec --process /nowhere.json <id>', 255, 'The process document "/nowhere.json" does not exist'],
    ['exec --process <box> <id>', 255, 'is not a regular file'],
    ['exec --cwd /nowhere <id> sleep 4711', 255, 'Cannot change to the directory "/nowhere": openat2: ENOENT'],
    ['update --resources /nowhere <id>', 1, 'Cannot read the resources from /nowhere: ENOENT'],
    ['update --resources <box> <id>', 1, 'EISDIR'],
  ] as const)('%s: it says so, and the container is as before', async ([command, code, says], { box }) => {
    const id = await box.running();
    const state = async (): Promise<string> => (await box.ok('ps', '-f', 'json', id)).stdout;
    const before = await state();
    const words = command.split(' ').map((word) => word.replace('<id>', id).replace('<box>', box.path));
    const outcome = await box.tsrunc(...words);
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: '' });
    expect(outcome.stderr).toContain(says);
    await expect.poll(state).toBe(before);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
  });

  test('spec in a folder that is not there, and where one is already', async ({ box }) => {
    expect(await box.tsrunc('spec', '-b', '/nowhere')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('cannot write "/nowhere/config.json": ENOENT'),
    });
    const { path } = await box.bundle(undefined, { rootfs: false });
    const before = readFileSync(join(path, 'config.json'), 'utf8');
    const { code, stderr } = await box.tsrunc('spec', '-b', path);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('config.json') });
    expect(readFileSync(join(path, 'config.json'), 'utf8')).toBe(before);
  });

  test('restore from a folder that is not there makes nothing', async ({ box }) => {
    const bundle = await box.bundle();
    const id = box.id();
    const { code, stderr } = await box.tsrunc('restore', '-b', bundle.path, '--image-path', '/nowhere', id);
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot open the directory "/nowhere" of the checkpoint: ENOENT');
    await expectNothing(box, id, bundle.path);
  });

  test.for([
    ['list', 1, 'Cannot list the containers in "<root>": ENOTDIR'],
    ['create -b <bundle> x', 1, 'Cannot make the state directory "<root>/x": ENOTDIR'],
    ['state x', 1, 'There is no container "x" (<root>/x)'],
    ['kill x', 1, 'There is no container "x" (<root>/x)'],
    ['delete --force x', 0, ''],
  ] as const)('--root that is a file: %s', async ([command, code, says], { box }) => {
    const { path } = await box.bundle(undefined, { rootfs: false });
    const root = join(path, 'config.json');
    const words = command.split(' ').map((word) => word.replace('<bundle>', path));
    const outcome = await box.tsrunc('--root', root, ...words);
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: '' });
    expect(outcome.stderr).toContain(says.replace('<root>', root));
  });
});

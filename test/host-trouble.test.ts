/**
 * Trouble of the host: the disk of --root is full or read-only, a bundle cannot be read. The exit status, a message that names
 * what and where, and nothing left behind.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, type Bundle, exec, expect, type Outcome, type Patch, test, uniqueId } from './support/box.ts';
import { cgroupDirectories, hasCommand, isCgroupV2, isRoot, runtime } from './support/host.ts';
import { Ordinary, rootless, unavailable } from './support/ordinary.ts';

interface Scene {
  readonly bundle: Bundle;
  readonly id: string;
  /** Run a script in a mount namespace of its own, where --root is a file system of its own; T is tsrunc with it. */
  play(script: string): Promise<Outcome>;
}

/** @param mount options of the tmpfs at --root */
async function sceneOf(box: Box, mount: string): Promise<Scene> {
  const id = uniqueId();
  const root = join(box.path, 'small');
  mkdirSync(root);
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
    config.linux.cgroupsPath = `/${id}`;
  });
  const preamble = `
    T() { "${runtime}" --root "${root}" "$@"; }
    # Without a line of its own for each command: what fails says so itself.
    says() { echo "$1: $?"; }
    mount -t tmpfs -o ${mount} none "${root}"
    trap 'rm -f "${root}/filler"; mount -o remount,rw "${root}"; T delete --force ${id}' EXIT`;
  const play = (script: string): Promise<Outcome> =>
    exec('unshare', ['--mount', 'sh', '-c', `${preamble}\ncd "${root}"\n${script}`]);
  return { bundle, id, play };
}

const fill = 'dd if=/dev/zero of=filler bs=1k count=1000 2>/dev/null';
const canMount = isRoot && hasCommand('unshare');

describe.skipIf(!canMount)('a full disk at --root', () => {
  const small = 'size=64k,mode=700';

  test.for(['create', 'run --detach'])('%s fails, says so, and leaves nothing', async (verb, { box }) => {
    const { bundle, id, play } = await sceneOf(box, small);
    const { stdout, stderr } = await play(`${fill}; T ${verb} -b ${bundle.path} ${id}; says ${verb}; ls`);
    expect(stdout).toBe(`${verb.split(' ')[0]}: 1\nfiller\n`);
    expect(stderr).toMatch(/Cannot .*small.*ENOSPC/s);
    expect(stderr).toContain('is full: make room there, or give another --root.');
    expect(cgroupDirectories(id)).toEqual([]);
    expect((await exec('pgrep', ['-f', bundle.path])).stdout).toBe('');
  });

  test('what exists goes on: it can be seen, started, stopped and deleted', async ({ box }) => {
    const { bundle, id, play } = await sceneOf(box, small);
    const { stdout, stderr } = await play(`
      T create -b ${bundle.path} ${id} </dev/null >/dev/null 2>&1; says create
      ${fill}
      T start ${id}; says start
      T exec ${id} true; says exec
      T pause ${id}; says pause
      T resume ${id}; says resume
      T events --stats ${id} | grep -q '"type":"stats"'; says events
      T ps ${id} | grep -q 'sleep 100'; says ps
      T list -q
      T kill ${id} KILL; says kill
      until T state ${id} | grep -q stopped; do sleep 0.05; done
      T delete ${id}; says delete
      ls`);
    expect(stderr).toBe('');
    const verbs = 'create: 0\nstart: 0\nexec: 0\npause: 0\nresume: 0\nevents: 0\nps: 0\n';
    expect(stdout).toBe(`${verbs}${id}\nkill: 0\ndelete: 0\nfiller\n`);
    expect(cgroupDirectories(id)).toEqual([]);
  });

  test('an update that cannot be recorded changes nothing', async ({ box }) => {
    const { bundle, id, play } = await sceneOf(box, small);
    const { stdout, stderr } = await play(`
      T run --detach -b ${bundle.path} ${id} </dev/null >/dev/null 2>&1; says run
      limit() { cat $(find /sys/fs/cgroup -path '*/${id}/pids.max'); }
      limit; ${fill}
      T update --pids-limit 77 ${id}; says update
      limit; rm filler
      T update --pids-limit 77 ${id}; says again
      limit`);
    expect(stdout).toBe('run: 0\nmax\nupdate: 1\nmax\nagain: 0\n77\n');
    expect(stderr).toContain(`Cannot write the state of container "${id}"`);
    expect(stderr).toContain('ENOSPC');
  });
});

describe.skipIf(!canMount)('a read-only --root', () => {
  const usual = 'size=1m,mode=700';
  const freeze = 'mount -o remount,ro .';

  test.for(['create', 'run'])('%s fails, says so, and leaves nothing', async (verb, { box }) => {
    const { bundle, id, play } = await sceneOf(box, usual);
    const { stdout, stderr } = await play(`${freeze}; T ${verb} -b ${bundle.path} ${id}; says ${verb}; ls`);
    expect(stdout).toBe(`${verb}: 1\n`);
    expect(stderr).toMatch(/Cannot make the state directory ".*small.*EROFS/s);
    expect(cgroupDirectories(id)).toEqual([]);
    expect((await exec('pgrep', ['-f', bundle.path])).stdout).toBe('');
  });

  test('what exists can be seen and signalled, but neither started nor deleted, until it can be written again', async ({
    box,
  }) => {
    const { bundle, id, play } = await sceneOf(box, usual);
    const { stdout, stderr } = await play(`
      T create -b ${bundle.path} ${id} </dev/null >/dev/null 2>&1; says create
      ${freeze}
      T start ${id}; says start
      T list -q
      T ps -f json ${id} >/dev/null; says ps
      T events --stats ${id} >/dev/null; says events
      T pause ${id}; says pause
      T state ${id} | grep -o paused
      T resume ${id}; says resume
      T update --pids-limit 77 ${id}; says update
      T kill ${id} KILL; says kill
      until T state ${id} | grep -q stopped; do sleep 0.05; done
      T delete ${id}; says delete
      mount -o remount,rw .
      T delete ${id}; says delete
      ls`);
    const verbs = `create: 0\nstart: 1\n${id}\nps: 0\nevents: 0\npause: 0\npaused\nresume: 0\n`;
    expect(stdout).toBe(`${verbs}update: 1\nkill: 0\ndelete: 1\ndelete: 0\n`);
    expect(stderr.match(/EROFS/g)?.length).toBeGreaterThanOrEqual(3);
    expect(cgroupDirectories(id)).toEqual([]);
  });
});

/** In a mount namespace of its own, where H are the mountpoints of all cgroup hierarchies. */
const inCgroups = (scene: { readonly id: string; readonly box: Box }, script: string): Promise<Outcome> => {
  const preamble = `
    T() { "${runtime}" --root "${scene.box.root}" "$@"; }
    H=$(awk '/ - cgroup2? /{print $5}' /proc/self/mountinfo)
    W() { "$@"; }
    seal() { mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"; }
    with() { for h in $H; do case ",$(basename "$h")," in *,$1,*) echo "$h";; esac; done; }`;
  return exec('unshare', ['--mount', 'sh', '-c', `${preamble}\n${script}`]);
};

type Deprivation = readonly [what: string, script: string, patch: Patch, says: string, hint: string];

/** Neither create nor run leaves anything where their cgroup cannot be made. */
const expectRefused = async ([, script, patch, says, hint]: Deprivation, box: Box): Promise<void> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.linux.cgroupsPath = `/${id}`;
    return patch(config);
  });
  const named = (text: string): string => text.replaceAll('<id>', id);
  const attempts = ['create', 'run'].map(
    (verb) => `W "${runtime}" --root "${box.root}" ${verb} -b ${bundle.path} ${id}; echo ${verb} $?`,
  );
  const { stdout, stderr } = await inCgroups({ id, box }, `${named(script)}\n${attempts.join('\n')}`);
  expect({ stdout, stderr }).toMatchObject({ stdout: 'create 1\nrun 1\n' });
  expect(stderr).toContain(named(says));
  expect(stderr).toContain(hint);
  // What was never made needs no removal.
  expect(stderr).not.toContain('while cleaning up');
  expect((await box.ok('list', '-q')).stdout).toBe('');
  expect(cgroupDirectories(id)).toEqual([]);
  expect(cgroupDirectories(`${id}-parent`)).toEqual([]);
  expect((await exec('pgrep', ['-f', bundle.path])).stdout).toBe('');
};

const limited: Patch = (config) => {
  config.linux.resources = { memory: { limit: 64 << 20 } };
};
const plain: Patch = () => undefined;
const belowParent: Patch = (config) => {
  config.linux.cgroupsPath = `${config.linux.cgroupsPath}-parent/${config.linux.cgroupsPath?.slice(1)}`;
};

const noneMounted: Deprivation = [
  'none is mounted',
  'for h in $H; do umount -l $h; done',
  plain,
  'Cannot make a cgroup for the container: no cgroup file system is mounted',
  'Hint: Mount cgroup2 at /sys/fs/cgroup, or run without (--cgroup-manager disabled).',
];

const runsWithout = async (box: Box): Promise<void> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['echo', 'ran'];
  });
  const script = `for h in $H; do umount -l $h; done; T --cgroup-manager disabled run -b ${bundle.path} ${id}`;
  expect(await inCgroups({ id, box }, script)).toMatchObject({ code: 0, stdout: 'ran\n', stderr: '' });
};

describe.skipIf(!(canMount && isCgroupV2))('root without the right to cgroups, on cgroup v2', () => {
  test.for<Deprivation>([
    [
      'the hierarchy is mounted read-only',
      'seal $H',
      plain,
      'Cannot make the cgroup /sys/fs/cgroup/<id>: read-only file system',
      'Hint: The cgroup file system is mounted read-only',
    ],
    noneMounted,
    [
      'its parent belongs to somebody else (no CAP_DAC_OVERRIDE)',
      `P=$H/<id>-parent; mkdir $P; chmod 555 $P; chown 65534 $P; trap "rmdir $P" EXIT
      W() { setpriv --bounding-set=-dac_override,-dac_read_search "$@"; }`,
      belowParent,
      '<id>-parent/<id>: permission denied',
      'Hint: This user may not change that cgroup',
    ],
    [
      'its parent has processes, and so no controllers to hand down',
      `P=$H/<id>-parent; mkdir $P; trap "rmdir $P" EXIT
      W() { sh -c 'echo $$ > $0/cgroup.procs; exec "$@"' $P "$@"; }`,
      (config) => {
        belowParent(config);
        return limited(config);
      },
      'the memory controller is not available: /sys/fs/cgroup/<id>-parent cannot enable it for its children (',
      'Hint: Give the container a cgroup with this controller',
    ],
    [
      'no process is allowed in it',
      `echo +pids > $H/cgroup.subtree_control; P=$H/<id>-parent; mkdir $P; echo 0 > $P/pids.max; trap "rmdir $P" EXIT`,
      belowParent,
      'Cannot start the init helper: clone3: EAGAIN',
      'Hint: The limit of processes is reached',
    ],
  ])('%s', (deprivation, { box }) => expectRefused(deprivation, box));

  test('with --cgroup-manager disabled it runs without any', ({ box }) => runsWithout(box));

  test('a running container whose hierarchy becomes read-only can be seen and signalled; what cannot be removed is named', async ({
    box,
  }) => {
    const name = box.path.split('/').at(-1) ?? '';
    const id = await box.running((config) => {
      config.linux.cgroupsPath = `/${name}`;
    });
    const { stdout, stderr } = await inCgroups(
      { id, box },
      `seal $H
      T list -q
      T update --pids-limit 9 ${id}; echo update $?
      T pause ${id}; echo pause $?
      T exec ${id} sh -c 'echo in'; echo exec $?
      T delete --force ${id}; echo delete $?`,
    );
    expect({ stdout, stderr }).toMatchObject({ stdout: `${id}\nupdate 1\npause 1\nin\nexec 0\ndelete 1\n` });
    expect(stderr).toContain(`Cannot write "9" to /sys/fs/cgroup/${name}/pids.max: EROFS`);
    expect(stderr).toContain(`Cannot freeze the cgroup /sys/fs/cgroup/${name}: read-only file system`);
    expect(stderr).toContain(`Cannot remove the cgroup /sys/fs/cgroup/${name}: read-only file system`);
    expect(stderr.match(/^Hint: The cgroup file system is mounted read-only/gm)).toHaveLength(3);
    expect(readFileSync(`/sys/fs/cgroup/${name}/cgroup.procs`, 'utf8')).toBe('');
    await box.ok('delete', '--force', id);
    expect(cgroupDirectories(name)).toEqual([]);
  });
});

// A hybrid host: one mountpoint per controller.
describe.skipIf(!canMount || isCgroupV2)('root without the right to cgroups', () => {
  test.for<Deprivation>([
    [
      'one hierarchy is mounted read-only',
      'seal $(with memory)',
      plain,
      'memory/<id>: read-only file system',
      'Hint: The cgroup file system is mounted read-only',
    ],
    [
      'all are mounted read-only',
      'for h in $H; do seal $h; done',
      plain,
      '/<id>: read-only file system',
      'Hint: The cgroup file system is mounted read-only',
    ],
    noneMounted,
    [
      'the controller of a limit is not mounted',
      'umount -l $(with memory)',
      limited,
      'Cannot set memory.limit_in_bytes to "67108864": no cgroup hierarchy with the memory controller is mounted',
      'Hint: Give the container a cgroup with this controller',
    ],
    [
      'its directories belong to somebody else (no CAP_DAC_OVERRIDE)',
      `P=$(with memory)/<id>-parent; mkdir $P; chmod 555 $P; chown 65534 $P; trap "rmdir $P" EXIT
      W() { setpriv --bounding-set=-dac_override,-dac_read_search "$@"; }`,
      belowParent,
      '<id>-parent/<id>: permission denied',
      'Hint: This user may not change that cgroup',
    ],
    [
      'no process more is allowed in its own',
      `P=$(with pids)/<id>-parent; mkdir $P; trap "rmdir $P" EXIT
      W() { sh -c 'echo $$ > $0/tasks; echo 1 > $0/pids.max; exec "$@"' $P "$@"; }`,
      plain,
      'Cannot start the init helper: clone3: EAGAIN',
      'Hint: The limit of processes is reached',
    ],
  ])('%s', (deprivation, { box }) => expectRefused(deprivation, box));

  test('with --cgroup-manager disabled it runs without any', ({ box }) => runsWithout(box));

  test('a running container whose hierarchies become read-only can be seen and signalled; what cannot be removed is named', async ({
    box,
  }) => {
    const id = await box.running((config) => {
      config.linux.cgroupsPath = `/${box.path.split('/').at(-1)}`;
    });
    const { stdout, stderr } = await inCgroups(
      { id, box },
      `for h in $H; do seal $h; done
      T list -q
      T update --pids-limit 9 ${id}; echo update $?
      T pause ${id}; echo pause $?
      T delete --force ${id}; echo delete $?`,
    );
    expect(stdout).toBe(`${id}\nupdate 1\npause 1\ndelete 1\n`);
    expect(stderr).toMatch(/Cannot write "9" to .*pids\.max: EROFS/);
    expect(stderr).toMatch(/Cannot freeze .*read-only file system/);
    expect(stderr).toMatch(/Cannot remove the cgroup .*read-only file system/);
    expect(stderr.match(/^Hint: The cgroup file system is mounted read-only/gm)).toHaveLength(3);
    await box.ok('delete', '--force', id);
    expect(cgroupDirectories(box.path.split('/').at(-1) ?? '')).toEqual([]);
  });
});

describe('a bundle that is not one', () => {
  const spoils: readonly (readonly [what: string, spoil: (bundle: Bundle) => void, says: string])[] = [
    ['is not there', ({ path }) => rmSync(path, { recursive: true }), 'config.json'],
    ['has no config.json', ({ path }) => rmSync(join(path, 'config.json')), 'config.json'],
    [
      'has a folder in its place',
      ({ path }) => {
        rmSync(join(path, 'config.json'));
        mkdirSync(join(path, 'config.json'));
      },
      'config.json',
    ],
    ['has an empty config.json', ({ path }) => writeFileSync(join(path, 'config.json'), ''), 'config.json'],
    ['has no root file system', ({ rootfs }) => rmSync(rootfs, { recursive: true }), 'rootfs'],
    [
      'has a file for a root file system',
      ({ rootfs }) => {
        rmSync(rootfs, { recursive: true });
        writeFileSync(rootfs, '');
      },
      'rootfs',
    ],
  ];

  test.for(spoils)('because it %s', async ([, spoil, says], { box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.linux.cgroupsPath = `/${id}`;
    });
    spoil(bundle);
    for (const verb of ['create', 'run']) {
      const { code, stdout, stderr } = await box.tsrunc(verb, '-b', bundle.path, id);
      expect({ verb, code, stdout }).toEqual({ verb, code: 1, stdout: '' });
      expect(stderr).toContain(says);
      expect(await box.tsrunc('state', id)).toMatchObject({ code: 1 });
    }
    expect((await box.ok('list', '-q')).stdout).toBe('');
    expect(cgroupDirectories(id)).toEqual([]);
  });
});

describe.skipIf(unavailable)(`an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  test.for([
    ['the folder', (bundle: Bundle) => bundle.path, 'config.json'],
    ['config.json', (bundle: Bundle) => join(bundle.path, 'config.json'), 'config.json'],
    ['the root file system', (bundle: Bundle) => bundle.rootfs, 'The root file system, or a folder in it'],
  ] as const)('who may not read %s is told so', async ([, pathOf, says], { box }) => {
    const user = new Ordinary(box);
    const bundle = await user.bundle(rootless);
    const path = pathOf(bundle);
    chownSync(path, 0, 0);
    chmodSync(path, 0o700);
    const id = uniqueId();
    const { code, stdout, stderr } = await user.tsrunc(['run', '--bundle', bundle.path, id]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/EACCES|permission denied/);
    expect((await user.ok(['list', '-q'])).stdout).toBe('');
  });

  test.for<[command: string, code: number, says: string]>([
    ['run --bundle <bundle> --config <file> <new>', 1, 'Cannot read the configuration "<file>": EACCES: '],
    ['create --bundle <bundle> --config <file> <new>', 1, 'Cannot read the configuration "<file>": EACCES: '],
    ['exec --process <file> <id>', 255, 'Cannot read the process document "<file>": EACCES: '],
    ['update --resources <file> <id>', 1, 'Cannot read the resources from <file>: EACCES: '],
    [
      'restore --bundle <bundle> --image-path <file> <new>',
      1,
      'Cannot open the directory "<file>" of the checkpoint: EACCES: ',
    ],
  ])('who may not read a file is told its name: %s', async ([command, code, says], { box }) => {
    const user = new Ordinary(box);
    const bundle = await user.bundle((config) => {
      rootless(config);
      config.process.args = ['sleep', '100'];
    });
    const file = join(box.path, 'secret');
    if (command.startsWith('restore')) mkdirSync(file);
    else writeFileSync(file, '{}');
    chownSync(file, 0, 0);
    chmodSync(file, 0);
    const id = user.id();
    await user.ok(['run', '--detach', '--bundle', bundle.path, id]);
    const state = async (): Promise<string> => (await user.ok(['ps', '-f', 'json', id])).stdout;
    const before = await state();
    const places = { bundle: bundle.path, file, id, new: uniqueId() };
    const named = (text: string): string =>
      Object.entries(places).reduce((rest, [name, value]) => rest.replace(`<${name}>`, value), text);
    const outcome = await user.tsrunc(command.split(' ').map(named));
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: '' });
    expect(outcome.stderr).toContain(named(says));
    expect(outcome.stderr).toContain('Hint: This user may not read it: see its mode, and those of the folders above.');
    expect(await state()).toBe(before);
    expect((await user.ok(['list', '-q'])).stdout).toBe(`${id}\n`);
    await user.close();
  });
});

/**
 * Disks that are full or read-only where options lead: --pid-file, --image-path, --work-path, --root of restore and exec. The
 * exit status, a message that names what and where, and what runs, runs on.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, exec, expect, type Outcome, test } from './support/box.ts';
import { counted, counter, reaches, revive, type Saved, save, startWith } from './support/checkpoint.ts';
import { withoutCriu } from './support/criu.ts';
import { cgroupDirectories, hasCommand, isRoot, runtime } from './support/host.ts';

interface Disk {
  /** Options of the tmpfs. */
  readonly mount: string;
  /** Shell command that makes the trouble, in the disk. */
  readonly spoil: string;
}

const fill = 'dd if=/dev/zero of=filler bs=1k count=1000 2>/dev/null';
const full: Disk = { mount: 'size=64k', spoil: fill };
const readOnly: Disk = { mount: 'size=1m', spoil: 'mount -o remount,ro .' };
/** For the first files of a checkpoint, but not for its memory. */
const small: Disk = { mount: 'size=40k', spoil: ':' };

const diskOf = (box: Box): string => join(box.path, 'disk');

/**
 * Run a script in a mount namespace of its own, in the disk; T is tsrunc. Mounts follow the host's: criu binds files of /dev, and gives
 * them the propagation that the container's had, which has to be possible.
 */
const on = (box: Box, { mount, spoil }: Disk, script: string): Promise<Outcome> => {
  const disk = diskOf(box);
  mkdirSync(disk, { recursive: true });
  const preamble = `
    T() { "${runtime}" --root "${box.root}" "$@" </dev/null; }
    says() { echo "$1: $?"; }
    mount -t tmpfs -o ${mount},mode=700 none "${disk}" && cd "${disk}" && ${spoil}`;
  return exec('unshare', ['--mount', '--propagation=slave', 'sh', '-c', `${preamble}\n${script}`]);
};

const canMount = isRoot && hasCommand('unshare');

const expectNothing = async (box: Box, { id, bundle }: Pick<Saved, 'id' | 'bundle'>): Promise<void> => {
  expect((await box.ok('list', '-q')).stdout).toBe('');
  expect(cgroupDirectories(id)).toEqual([]);
  expect((await exec('pgrep', ['-f', bundle.path])).stdout).toBe('');
};

describe.skipIf(!canMount)('--pid-file', () => {
  test.for([
    ['full', full, 'ENOSPC', 'Hint: Its file system is full: make room there.', 'filler\n'],
    ['read-only', readOnly, 'EROFS', 'Hint: Its folder must exist and be writable.', ''],
  ] as const)(
    'on a disk that is %s: nothing is left of what was to run',
    async ([, disk, reason, hint, left], { box }) => {
      const id = box.id();
      const bundle = await box.bundle((config) => {
        config.process.args = ['sleep', '100'];
        config.linux.cgroupsPath = `/${id}`;
      });
      for (const verb of ['create', 'run', 'run --detach']) {
        const { stdout, stderr } = await on(
          box,
          disk,
          `T ${verb} -b ${bundle.path} --pid-file pid ${id}; says ${verb}; ls -A`,
        );
        expect(stdout).toBe(`${verb.split(' ')[0]}: 1\n${left}`);
        expect(stderr).toContain(`Cannot write the pid file "pid": ${reason}`);
        expect(stderr).toContain(hint);
        await expectNothing(box, { id, bundle });
      }
      await box.ok('run', '--detach', '-b', bundle.path, id);
      const processes = async (): Promise<string> => (await box.ok('ps', '-f', 'json', id)).stdout;
      const before = await processes();
      for (const verb of ['exec', 'exec --detach']) {
        const { stdout, stderr } = await on(
          box,
          disk,
          `T ${verb} --pid-file pid ${id} sleep 4711; says ${verb}; ls -A`,
        );
        expect(stdout).toBe(`exec: 255\n${left}`);
        expect(stderr).toContain(`Cannot write the pid file "pid": ${reason}`);
        expect(stderr).toContain(hint);
        await expect.poll(processes).toBe(before);
      }
    },
  );
});

test.skipIf(!canMount)('exec writes nothing to --root: it may be read-only', async ({ box }) => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
  });
  const id = box.id();
  const { stdout, stderr } = await on(
    box,
    { ...readOnly, spoil: ':' },
    `R() { "${runtime}" --root "$PWD/state" "$@" </dev/null; }
    R run --detach -b ${bundle.path} ${id} >/dev/null 2>&1; says run
    mount -o remount,ro .
    R exec ${id} echo in; says exec
    R exec --detach ${id} sleep 50 >/dev/null; says exec
    R ps ${id} | grep -c 'sleep 50'
    mount -o remount,rw .
    R delete --force ${id}; says delete
    ls -A state`,
  );
  expect(stderr).toBe('');
  expect(stdout).toBe('run: 0\nin\nexec: 0\nexec: 0\n1\ndelete: 0\n');
});

describe.skipIf(!canMount || withoutCriu !== undefined)(`checkpoint (${withoutCriu ?? 'criu works'})`, () => {
  const counting = (box: Box): Promise<Saved> =>
    startWith(box, counter, 'ignore', (config) => {
      config.linux.cgroupsPath = `/${box.path.split('/').at(-1)}`;
    });
  const expectRunning = async (box: Box, saved: Saved): Promise<void> => {
    expect(await box.state(saved.id)).toMatchObject({ status: 'running' });
    await reaches(saved, counted(saved) + 2);
  };
  const readOnlyHint = 'Hint: Its file system is read-only. --image-path DIR and --work-path DIR (for logs) name other';

  test.for<[what: string, disk: Disk, flags: string, says: string, hint: string]>([
    [
      'with images on a full disk',
      full,
      '--image-path <disk>',
      'Cannot write "<disk>/descriptors.json" of the checkpoint: ENOSPC: No space left on device\n',
      'Hint: Its file system is full: make room there. --image-path DIR',
    ],
    [
      'with a disk that is full after some images',
      small,
      '--image-path <disk>',
      'Cannot checkpoint container <id>: criu failed',
      'The whole log is <disk>/dump.log. Its file system is full, so it may lack the end: make room there.\n',
    ],
    [
      'with images on a read-only disk',
      readOnly,
      '--image-path <disk>',
      'Cannot write the images to the directory "<disk>": EROFS: Read-only file system\n',
      readOnlyHint,
    ],
    [
      'with images in a directory that a read-only disk lacks',
      readOnly,
      '--image-path <disk>/new',
      'Cannot open the directory "<disk>/new" of the checkpoint: EROFS: Read-only file system\n',
      readOnlyHint,
    ],
    [
      'with logs on a read-only disk',
      readOnly,
      '--image-path <images> --work-path <disk>',
      'Cannot write criu\'s log to the directory "<disk>": EROFS: Read-only file system\n',
      readOnlyHint,
    ],
  ])('%s fails, says so, and the container runs on', async ([, disk, flags, says, hint], { box }) => {
    const saved = await counting(box);
    const named = (text: string): string =>
      text.replace('<disk>', diskOf(box)).replace('<images>', saved.images).replace('<id>', saved.id);
    const { stdout, stderr } = await on(box, disk, `T checkpoint ${named(flags)} ${saved.id}; says checkpoint`);
    expect(stdout).toBe('checkpoint: 1\n');
    expect(stderr).toContain(named(says));
    expect(stderr).toContain(named(hint));
    await expectRunning(box, saved);
    await save(box, saved);
    await revive(box, saved);
    await expectRunning(box, saved);
  });

  test('with logs on a full disk goes well without them', async ({ box }) => {
    const saved = await counting(box);
    const script = `T checkpoint --image-path ${saved.images} --work-path . ${saved.id}; says checkpoint`;
    expect(await on(box, full, script)).toMatchObject({ stdout: 'checkpoint: 0\n', stderr: '' });
    await revive(box, saved);
    await expectRunning(box, saved);
  });

  test('that fails halfway is not restored, nor an older one whose files it has begun to replace', async ({ box }) => {
    const saved = await counting(box);
    const { id, bundle } = saved;
    const { stdout, stderr } = await on(
      box,
      { mount: 'size=4m', spoil: ':' },
      `T checkpoint --leave-running --image-path . ${id}; says checkpoint
      truncate -s 0 core-*.img pages-*.img mm-*.img tmpfs-*.img
      dd if=/dev/zero of=filler bs=4k 2>/dev/null; truncate -s -16k filler
      T checkpoint --leave-running --image-path . ${id} 2>/dev/null; says checkpoint
      rm filler; T delete --force ${id}
      T restore -d -b ${bundle.path} --image-path . ${id}; says restore`,
    );
    expect(stdout).toBe('checkpoint: 0\ncheckpoint: 1\nrestore: 1\n');
    expect(stderr).toContain('Hint: This is no directory with a complete checkpoint.');
    await expectNothing(box, { id: box.path.split('/').at(-1) ?? '', bundle });
  });

  describe('restore', () => {
    test.for<[what: string, disk: Disk, flags: string, says: string, hint: string]>([
      [
        'with a full --root',
        full,
        '--root <disk> restore --image-path <images>',
        'Cannot write the state of container "<id>" to "<disk>/<id>": ENOSPC',
        'Hint: The file system of <disk>/<id> is full: make room there, or give another --root.',
      ],
      [
        'with a read-only --root',
        readOnly,
        '--root <disk> restore --image-path <images>',
        'Cannot make the state directory "<disk>/<id>": EROFS',
        'Hint: The file system of <disk>/<id> is read-only: give another --root.',
      ],
      [
        'with logs on a read-only disk',
        readOnly,
        'restore --image-path <images> --work-path <disk>',
        'Cannot write criu\'s log to the directory "<disk>": EROFS',
        readOnlyHint,
      ],
      [
        'with a pid file on a full disk',
        full,
        'restore --image-path <images> --pid-file <disk>/pid',
        'Cannot write the pid file "<disk>/pid": ENOSPC',
        'Hint: Its file system is full: make room there.',
      ],
    ])('%s fails, says so, and leaves nothing', async ([, disk, flags, says, hint], { box }) => {
      const saved = await counting(box);
      await save(box, saved);
      const named = (text: string): string =>
        text.replaceAll('<disk>', diskOf(box)).replace('<images>', saved.images).replaceAll('<id>', saved.id);
      const script = `T ${named(flags)} -d -b ${saved.bundle.path} ${saved.id}; says restore; rm -f filler; ls -A`;
      const { stdout, stderr } = await on(box, disk, script);
      expect(stdout).toBe('restore: 1\n');
      expect(stderr).toContain(named(says));
      expect(stderr).toContain(named(hint));
      expect(stderr).not.toContain('while cleaning up');
      await expectNothing(box, { id: box.path.split('/').at(-1) ?? '', bundle: saved.bundle });
      await revive(box, saved);
      await expectRunning(box, saved);
    });

    test('from a read-only disk needs a place for its logs', async ({ box }) => {
      const saved = await counting(box);
      const { id, bundle, images } = saved;
      mkdirSync(images);
      const restore = `T restore -d -b ${bundle.path} --image-path .`;
      const { stdout, stderr } = await on(
        box,
        { mount: 'size=4m', spoil: ':' },
        `T checkpoint --image-path . ${id}; says checkpoint
        mount -o remount,ro .
        ${restore} ${id}; says restore
        ${restore} --work-path ${images} ${id}; says restore`,
      );
      expect(stdout).toBe('checkpoint: 0\nrestore: 1\nrestore: 0\n');
      expect(stderr).toContain(`Cannot write criu's log to the directory "${diskOf(box)}": EROFS`);
      expect(readdirSync(images)).toContain('restore.log');
      await expectRunning(box, saved);
    });

    test('from a read-only disk needs none where criu’s own configuration names a file for the log', async ({
      box,
    }) => {
      const saved = await counting(box);
      const { id, bundle } = saved;
      const [etc, log] = [join(box.path, 'etc'), join(box.path, 'criu.log')];
      mkdirSync(join(etc, 'criu'), { recursive: true });
      writeFileSync(join(etc, 'criu/tsrunc.conf'), `log-file ${log}\n`);
      const { stdout, stderr } = await on(
        box,
        { mount: 'size=4m', spoil: ':' },
        `T checkpoint --image-path . ${id}; says checkpoint
        mount -t overlay none -o lowerdir=${etc}:/etc /etc
        mount -o remount,ro .
        T restore -d -b ${bundle.path} --image-path . ${id}; says restore
        T restore -d -b ${bundle.path} --image-path . --manage-cgroups-mode ignore ${id}; says restore`,
      );
      expect(stdout).toBe('checkpoint: 0\nrestore: 1\nrestore: 0\n');
      // Of the first, whose cgroups criu would have looked after.
      expect(stderr).toContain(`Can't make temp cgyard dir: Read-only file system\nHint: criu mounts cgroups in the`);
      expect(stderr).toContain(`The whole log is ${log}.`);
      expect(readFileSync(log, 'utf8')).toContain('Restore finished successfully');
      await expectRunning(box, saved);
    });
  });
});

/** config.md "Linux mount options": what each option of the table does to a mount, seen from inside. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Mount } from '../src/config/spec.ts';
import { knownMountOptions } from '../src/plan/mounts/options.ts';
import { type Box, expect, test } from './support/box.ts';
import { hasCapability } from './support/host.ts';
import { hasLoopDevices, withExt4 } from './support/loop.ts';
import { bind, type MountInfo, mountAt, parseMounts, rbind, runAfter, tmpfs } from './support/mounts.ts';
import { withNamespaces } from './support/namespaces.ts';
import { output } from './support/process.ts';

interface Case {
  /** Shell commands of the host, in a mount namespace of their own; $SRC is an empty directory. */
  readonly before: string;
  readonly mounts: (source: string) => readonly Mount[];
  readonly script?: string;
  readonly seen: (mounts: readonly MountInfo[], stdout: string) => unknown;
  readonly expected: unknown;
}

/** Options of the mounts on the host, as mountinfo shows them. */
const plain = ['relatime', 'rw'];
const restricted = ['noatime', 'nodev', 'nodiratime', 'noexec', 'nosuid', 'nosymfollow', 'ro'];
const strict = ['rw'];

/** A mount at $SRC and one below it; "strictatime" is what mountinfo has no word for. */
const twoMounts = (options: readonly string[]): string => {
  const words = options === strict ? 'strictatime' : options.join();
  return `mount -t tmpfs none $SRC && mkdir $SRC/below && mount -t tmpfs none $SRC/below
    mount -o remount,bind,${words} $SRC/below && mount -o remount,bind,${words} $SRC`;
};

const change = (from: readonly string[], away: readonly string[], to: readonly string[]): string[] =>
  [...from.filter((option) => !away.includes(option)), ...to].toSorted();

/** An attribute and its recursive form, each on a recursive bind of two mounts. */
function attribute(
  option: string,
  from: readonly string[],
  away: readonly string[],
  to: readonly string[],
): Record<string, Case> {
  const changed = change(from, away, to);
  const on = (name: string, below: readonly string[]): Case => ({
    before: twoMounts(from),
    mounts: (source) => [rbind(source, '/m', name)],
    seen: (mounts) => [mountAt(mounts, '/m').options, mountAt(mounts, '/m/below').options],
    expected: [changed, below],
  });
  return { [option]: on(option, from), [`r${option}`]: on(`r${option}`, changed) };
}

/** A propagation and its recursive form, on a recursive bind of mounts that are shared on the host. */
function propagation(name: string, expected: readonly string[]): Record<string, Case> {
  const on = (option: string, below: readonly string[]): Case => ({
    before: `${twoMounts(plain)}; mount --make-rshared $SRC`,
    mounts: (source) => [rbind(source, '/m', option)],
    seen: (mounts) => [mountAt(mounts, '/m').propagation, mountAt(mounts, '/m/below').propagation],
    expected: [expected, below],
  });
  // What came with the mount namespace of the container is a slave of the host.
  return { [name]: on(name, ['master']), [`r${name}`]: on(`r${name}`, expected) };
}

/** A flag of the file system, on a new tmpfs. */
const superblock = (options: readonly string[], flag: string, isSet: boolean): Case => ({
  before: '',
  mounts: () => [tmpfs('/m', ...options)],
  seen: (mounts) => mountAt(mounts, '/m').fsOptions.includes(flag),
  expected: isSet,
});

const without = (option: string): Case => ({
  before: twoMounts(plain),
  mounts: (source) => [rbind(source, '/m', option), tmpfs('/t', option)],
  seen: (mounts) => ['/m', '/m/below', '/t'].map((target) => mountAt(mounts, target).options),
  expected: [plain, plain, plain],
});

const mapped = (option: string, below: string): Case => ({
  before: `${twoMounts(plain)}; touch $SRC/file $SRC/below/file; chown 3:4 $SRC/file $SRC/below/file`,
  mounts: (source) => [
    {
      ...rbind(source, '/m', option),
      uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
      gidMappings: [{ containerID: 0, hostID: 2000, size: 10 }],
    },
  ],
  script: 'stat -c "ids %u:%g" /m/file /m/below/file',
  seen: (_, stdout) => stdout.match(/^ids .*$/gm),
  expected: ['ids 1003:2004', below],
});

const link = (mounts: (source: string) => readonly Mount[], script: string, expected: string): Case => ({
  before: 'echo text >$SRC/file; ln -s file $SRC/link',
  mounts,
  script: `echo "links $(${script})"`,
  seen: (_, stdout) => /^links (.*)$/m.exec(stdout)?.[1],
  expected,
});

const cases: Readonly<Record<string, Case>> = {
  defaults: without('defaults'),
  norelatime: without('norelatime'),
  rnorelatime: without('rnorelatime'),
  silent: without('silent'),
  loud: without('loud'),

  ...attribute('ro', plain, ['rw'], ['ro']),
  ...attribute('rw', restricted, ['ro'], ['rw']),
  ...attribute('nosuid', plain, [], ['nosuid']),
  ...attribute('suid', restricted, ['nosuid'], []),
  ...attribute('nodev', plain, [], ['nodev']),
  ...attribute('dev', restricted, ['nodev'], []),
  ...attribute('noexec', plain, [], ['noexec']),
  ...attribute('exec', restricted, ['noexec'], []),
  ...attribute('nodiratime', plain, [], ['nodiratime']),
  ...attribute('diratime', restricted, ['nodiratime'], []),
  ...attribute('nosymfollow', plain, [], ['nosymfollow']),
  ...attribute('symfollow', restricted, ['nosymfollow'], []),
  ...attribute('noatime', plain, ['relatime'], ['noatime']),
  ...attribute('strictatime', plain, ['relatime'], []),
  ...attribute('relatime', restricted, ['noatime'], ['relatime']),
  ...attribute('atime', restricted, ['noatime'], ['relatime']),
  ...attribute('nostrictatime', strict, [], ['relatime']),

  ...propagation('private', []),
  ...propagation('slave', ['master']),
  ...propagation('shared', ['shared', 'master']),
  ...propagation('unbindable', ['unbindable']),

  sync: superblock(['sync'], 'sync', true),
  async: superblock(['sync', 'async'], 'sync', false),
  dirsync: superblock(['dirsync'], 'dirsync', true),
  mand: superblock(['mand'], 'mand', true),
  nomand: superblock(['mand', 'nomand'], 'mand', false),
  lazytime: superblock(['lazytime'], 'lazytime', true),
  nolazytime: superblock(['lazytime', 'nolazytime'], 'lazytime', false),
  // Every file system of today counts changes always or never, and mountinfo shows nothing of it.
  iversion: superblock(['iversion'], 'rw', true),
  noiversion: superblock(['noiversion'], 'rw', true),

  bind: {
    before: twoMounts(plain),
    mounts: (source) => [{ destination: '/m', source, options: ['bind'] }],
    seen: (mounts) => mounts.map(({ target }) => target).filter((target) => target.startsWith('/m')),
    expected: ['/m'],
  },
  rbind: {
    before: twoMounts(plain),
    mounts: (source) => [{ destination: '/m', source, options: ['rbind'] }],
    seen: (mounts) => mounts.map(({ target }) => target).filter((target) => target.startsWith('/m')),
    expected: ['/m', '/m/below'],
  },
  remount: {
    before: '',
    mounts: () => [tmpfs('/m', 'size=64k'), tmpfs('/m', 'remount', 'nosuid', 'size=128k')],
    seen: (mounts) =>
      mounts.filter(({ target }) => target === '/m').map(({ options, fsOptions }) => [options, fsOptions]),
    expected: [[['nosuid', 'relatime', 'rw'], expect.arrayContaining(['size=128k'])]],
  },
  tmpcopyup: {
    before: '',
    mounts: () => [tmpfs('/etc', 'tmpcopyup')],
    script: 'head -c4 /etc/passwd',
    seen: (mounts, stdout) => [mountAt(mounts, '/etc').type, stdout.endsWith('root')],
    expected: ['tmpfs', true],
  },
  idmap: mapped('idmap', 'ids 3:4'),
  ridmap: mapped('ridmap', 'ids 1003:2004'),

  'src-nofollow': link((source) => [bind(`${source}/link`, '/n', 'src-nofollow')], 'readlink /n', 'file'),
  'copy-symlink': link((source) => [bind(`${source}/link`, '/n', 'copy-symlink')], 'readlink /n', 'file'),
  'dest-nofollow': link(
    (source) => [bind(`${source}/file`, '/bin/vi', 'dest-nofollow')],
    'cat /bin/vi /bin/busybox | head -c9 | tr -dc A-Za-z',
    'textELF',
  ),
};

const probe = async (box: Box, { before, mounts, script = ':' }: Case) => {
  const source = join(box.path, 'source');
  mkdirSync(source);
  const bundle = await box.bundle((config) => {
    config.mounts.push(...mounts(source));
    config.process.args = ['sh', '-c', `cat /proc/self/mountinfo; ${script}`];
  });
  const { code, stdout, stderr } = await runAfter(box, `SRC=${source}\n${before}`, bundle);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { mounts: parseMounts(stdout), stdout: stdout.trimEnd() };
};

// Covers /mounts/*/options
describe.runIf(hasCapability('SYS_ADMIN'))('each option of the table', () => {
  test.for(knownMountOptions())('%s', async (option, { box }) => {
    const known = cases[option];
    if (known === undefined) throw new Error(`the mount option "${option}" has no expectation here`);
    const { mounts, stdout } = await probe(box, known);
    expect(known.seen(mounts, stdout)).toEqual(known.expected);
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))(
  'options that mean nothing for a kind of mount are refused, not ignored',
  () => {
    test.for([
      ['a new file system', tmpfs('/m', 'rw', 'copy-symlink')],
      ['a new file system', tmpfs('/m', 'rw', 'src-nofollow')],
      ['a bind mount', bind('/etc', '/m', 'tmpcopyup')],
      ['a remount', tmpfs('/tmp', 'remount', 'tmpcopyup')],
      ['a remount', bind('/etc', '/proc', 'remount', 'dest-nofollow')],
    ] as const)('%s: %j', async ([kind, mount], { box }) => {
      const { code, stderr } = await box.probe('true', (config) => {
        config.mounts.push(mount);
      });
      const index = (mount.options?.length ?? 0) - 1;
      expect(code).toBe(1);
      expect(stderr).toContain(`The option "${mount.options?.[index]}" cannot be used with ${kind}`);
      expect(stderr).toMatch(new RegExp(String.raw`config\.json:\d+:\d+, /mounts/6/options/${index}\)`));
    });
  },
);

describe.runIf(hasCapability('SYS_ADMIN'))('a remount', () => {
  test('changes attributes of the mount, of those below it, and the propagation', async ({ box }) => {
    const { mounts } = await probe(box, {
      before: twoMounts(plain),
      mounts: (source) => [
        rbind(source, '/m', 'rslave'),
        { destination: '/m', options: ['bind', 'remount', 'nosuid', 'rro', 'rprivate'] },
      ],
      seen: () => undefined,
      expected: undefined,
    });
    expect(mountAt(mounts, '/m')).toMatchObject({ options: ['nosuid', 'relatime', 'ro'], propagation: [] });
    expect(mountAt(mounts, '/m/below')).toMatchObject({ options: ['relatime', 'ro'], propagation: [] });
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('copy-symlink', () => {
  const run = async (box: Box, mounts: (source: string) => readonly Mount[], script: string, isUser = false) => {
    const source = join(box.path, 'source');
    mkdirSync(source);
    await output('sh', ['-ec', 'echo text >file; ln -s file link; ln -s /etc/nowhere far; ln -s . dot'], {
      cwd: source,
    });
    const bundle = await box.bundle((config) => {
      if (isUser)
        withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type })))(
          config,
        );
      config.mounts.push(...mounts(source));
      config.process.args = ['sh', '-c', script];
    });
    if (isUser) await output('chown', ['-hR', '100000:100000', bundle.rootfs]);
    return { bundle, outcome: await box.run(bundle) };
  };
  const links = (source: string): readonly Mount[] => [
    bind(`${source}/link`, '/new/dir/link', 'copy-symlink'),
    rbind(`${source}/far`, '/far', 'copy-symlink', 'ro'),
    bind(`${source}/file`, '/file', 'copy-symlink', 'ro'),
    bind(`${source}/dot/`, '/through', 'copy-symlink'),
  ];
  const look =
    'readlink /new/dir/link; readlink /far; cat /file /through/file; touch /file 2>&1; readlink /through || echo no link';

  test.for([false, true])(
    'makes a link of a link, and binds the rest (user namespace: %s)',
    async (isUser, { box }) => {
      const { bundle, outcome } = await run(box, links, look, isUser);
      expect(outcome.stderr).toBe('');
      expect(outcome.stdout).toMatch(/^file\n\/etc\/nowhere\ntext\ntext\n.*Read-only file system\nno link\n$/);
      expect((await box.run(bundle)).stdout).toBe(outcome.stdout);
    },
  );

  test.for([
    ['a link to elsewhere', 'ln -s other x'],
    ['a file', 'touch x'],
  ] as const)('is refused where the image has %s', async ([, command], { box }) => {
    const bundle = await box.bundle((config) => {
      config.mounts.push(bind(join(box.path, 'link'), '/x', 'copy-symlink'));
    });
    await output('ln', ['-s', 'text', 'link'], { cwd: box.path });
    await output('sh', ['-c', command], { cwd: bundle.rootfs });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Cannot bind .* at "\/x": symlinkat: EEXIST .*\/mounts\/6\)\nHint: The image has something else/,
    );
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('attributes', () => {
  const attributes = ['ro', 'nosuid', 'nodev', 'noexec', 'nodiratime', 'nosymfollow', 'noatime'];

  test('of a new file system, also by their recursive names', async ({ box }) => {
    const { mounts } = await probe(box, {
      before: '',
      mounts: () =>
        attributes.flatMap((option) => [tmpfs(`/m/${option}`, option), tmpfs(`/r/${option}`, `r${option}`)]),
      seen: () => undefined,
      expected: undefined,
    });
    const away: Readonly<Record<string, string>> = { ro: 'rw', noatime: 'relatime' };
    for (const option of attributes) {
      const expected = change(plain, [away[option] ?? ''], [option]);
      expect(mountAt(mounts, `/m/${option}`).options).toEqual(expected);
      expect(mountAt(mounts, `/r/${option}`).options).toEqual(expected);
    }
  });

  test('do what they say: noexec, nodev, nosymfollow, ro', async ({ box }) => {
    const before =
      'cp /bin/busybox $SRC/true; mknod -m 666 $SRC/null c 1 3; echo text >$SRC/file; ln -s file $SRC/link';
    const script = `/m/true 2>&1; /open/true && echo ran
      (echo >/m/null) 2>&1; cat /m/link 2>&1; cat /open/link; (echo >/m/new) 2>&1 || :`;
    const { stdout } = await probe(box, {
      before,
      mounts: (source) => [bind(source, '/m', 'noexec', 'nodev', 'nosymfollow', 'ro'), bind(source, '/open')],
      script,
      seen: () => undefined,
      expected: undefined,
    });
    const tail = stdout.split('\n').slice(-6).join('\n');
    expect(tail).toMatch(
      /Permission denied\nran\n.*Permission denied\n.*symbolic links\ntext\n.*Read-only file system$/,
    );
  });

  test('the last of contradicting options counts, and the single one before the recursive', async ({ box }) => {
    const { mounts } = await probe(box, {
      before: twoMounts(plain),
      mounts: (source) => [
        rbind(source, '/last', 'ro', 'noexec', 'rw', 'exec'),
        rbind(source, '/rest', 'rw', 'rro'),
        rbind(source, '/top', 'ro', 'rrw', 'rnoexec'),
      ],
      seen: () => undefined,
      expected: undefined,
    });
    expect(mountAt(mounts, '/last').options).toEqual(plain);
    expect(mountAt(mounts, '/rest').options).toEqual(['relatime', 'rw']);
    expect(mountAt(mounts, '/rest/below').options).toEqual(['relatime', 'ro']);
    expect(mountAt(mounts, '/top').options).toEqual(['noexec', 'relatime', 'ro']);
    expect(mountAt(mounts, '/top/below').options).toEqual(['noexec', 'relatime', 'rw']);
  });

  test('without an option a bind keeps those of its source', async ({ box }) => {
    const { mounts } = await probe(box, {
      before: twoMounts(restricted),
      mounts: (source) => [rbind(source, '/m')],
      seen: () => undefined,
      expected: undefined,
    });
    expect(mountAt(mounts, '/m').options).toEqual(restricted);
    expect(mountAt(mounts, '/m/below').options).toEqual(restricted);
  });
});

describe.runIf(hasCapability('SYS_ADMIN') && hasLoopDevices)('a file system on a block device', () => {
  const allowed = { devices: [{ allow: true, type: 'b' as const, major: 7, access: 'rw' }] };

  test('is mounted with flags of its own', ({ box }) =>
    withExt4(box, async (source) => {
      const options = ['sync', 'iversion', 'noatime', 'errors=remount-ro'];
      const { stdout, stderr } = await box.probe('touch /m/file && cat /proc/self/mountinfo', (config) => {
        config.mounts.push({ type: 'ext4', source, destination: '/m', options });
        config.linux.resources = allowed;
      });
      expect(stderr).toBe('');
      const mount = mountAt(parseMounts(stdout), '/m');
      expect(mount).toMatchObject({ type: 'ext4', source, options: ['noatime', 'rw'] });
      expect(mount.fsOptions).toEqual(expect.arrayContaining(['errors=remount-ro', 'rw', 'sync']));
    }));

  test('is read-only as a whole, not only as a mount', ({ box }) =>
    withExt4(box, async (source) => {
      const { stdout } = await box.probe('cat /proc/self/mountinfo', (config) => {
        config.mounts.push({ type: 'ext4', source, destination: '/m', options: ['ro'] });
        config.linux.resources = allowed;
      });
      const mount = mountAt(parseMounts(stdout), '/m');
      expect(mount.options).toEqual(['relatime', 'ro']);
      expect(mount.fsOptions).toContain('ro');
    }));

  test('that the device rules of the container deny is refused, with the way out', ({ box }) =>
    withExt4(box, async (source) => {
      const { code, stderr } = await box.probe('true', (config) => {
        config.mounts.push({ type: 'ext4', source, destination: '/m' });
        config.linux.resources = { devices: [{ allow: false, access: 'rwm' }] };
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(/Cannot mount "ext4" at "\/m": .*EPERM.*\/mounts\/6\)\nHint: .*linux\.resources\.devices/);
    }));
});

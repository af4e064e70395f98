/** config-linux.md "Masked Paths" and "Readonly Paths": what the container sees of them, and the host does not. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, type Bundle, type Config, expect, test } from './support/box.ts';
import { hasCapability } from './support/host.ts';
import { bind, mighty, mountAt, parseMounts, rbind, runAfter, tmpfs, withTemporary } from './support/mounts.ts';
import { withNamespaces } from './support/namespaces.ts';
import { output } from './support/process.ts';

interface Hiding {
  readonly masked?: readonly string[];
  readonly readonly?: readonly string[];
  readonly script: string;
  readonly patch?: (config: Config) => void;
}

/** A bundle with some files in /d, and these paths hidden instead of the usual ones. */
const bundleOf = async (box: Box, { masked = [], readonly = [], script, patch }: Hiding): Promise<Bundle> => {
  const bundle = await box.bundle((config) => {
    config.process.capabilities = mighty();
    config.linux.maskedPaths = [...masked];
    config.linux.readonlyPaths = [...readonly];
    config.process.args = ['sh', '-c', script];
    patch?.(config);
  });
  const d = join(bundle.rootfs, 'd');
  mkdirSync(join(d, 'sub/deep'), { recursive: true });
  for (const file of ['file', 'sub/file', 'sub/deep/file']) writeFileSync(join(d, file), 'text\n');
  symlinkSync('file', join(d, 'link'));
  symlinkSync('/d/sub', join(d, 'absolute'));
  symlinkSync('../../../../../../..', join(d, 'up'));
  return bundle;
};

const inside = async (box: Box, hiding: Hiding): Promise<string[]> => {
  const bundle = await bundleOf(box, hiding);
  const { code, stdout, stderr } = await box.run(bundle);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
};

// Covers /linux/maskedPaths
describe.runIf(hasCapability('SYS_ADMIN'))('linux.maskedPaths', () => {
  test('a file reads as empty and keeps nothing', async ({ box }) => {
    const bundle = await bundleOf(box, {
      masked: ['/d/file'],
      script: 'cat /d/file; echo lost >/d/file; cat /d/file; stat -c "%F %t:%T" /d/file; rm /d/file 2>&1',
    });
    const { stdout } = await box.run(bundle);
    expect(stdout).toMatch(/^character special file 1:3\nrm: .*(busy|Busy)/);
    expect(readFileSync(join(bundle.rootfs, 'd/file'), 'utf8')).toBe('text\n');
  });

  test('a directory is empty and stays so', async ({ box }) => {
    const script =
      'ls -A /d/sub | wc -l; touch /d/sub/x 2>&1; stat -c %a /d/sub; cat /d/file; cat /proc/self/mountinfo';
    const found = await inside(box, { masked: ['/d/sub'], script });
    expect(found.slice(0, 4)).toEqual(['0', 'touch: /d/sub/x: Read-only file system', '755', 'text']);
    expect(mountAt(parseMounts(found.join('\n')), '/d/sub')).toMatchObject({
      type: 'tmpfs',
      options: ['nodev', 'noexec', 'nosuid', 'relatime', 'ro'],
    });
  });

  test('what is missing stays missing', async ({ box }) => {
    const bundle = await bundleOf(box, {
      masked: ['/nowhere', '/d/nowhere/deeper', '/d/file/below', '/d/dangling'],
      script: 'ls /nowhere /d/nowhere /d/dangling 2>&1 | wc -l; cat /d/file',
    });
    symlinkSync('nothing', join(bundle.rootfs, 'd/dangling'));
    expect((await box.run(bundle)).stdout).toBe('3\ntext\n');
    expect(readdirSync(bundle.rootfs)).not.toContain('nowhere');
    expect(existsSync(join(bundle.rootfs, 'd/nothing'))).toBe(false);
  });

  test.for([
    ['the outer one first', ['/d/sub', '/d/sub/deep', '/d/sub/file']],
    ['the inner one first', ['/d/sub/deep', '/d/sub/file', '/d/sub']],
    ['twice', ['/d/sub', '/d/sub', '/d/file', '/d/file']],
    ['with slashes and dots', ['//d/./sub/', '/d/nowhere/../../d/sub/../sub']],
  ] as const)('nested: %s', async ([, masked], { box }) => {
    expect(await inside(box, { masked, script: 'ls -A /d/sub | wc -l; ls /d' })).toEqual([
      '0',
      'absolute',
      'file',
      'link',
      'sub',
      'up',
    ]);
  });

  test('a device, a FIFO, a socket, a mountpoint', async ({ box }) => {
    const bundle = await bundleOf(box, {
      masked: ['/dev/zero', '/d/fifo', '/d/node', '/m', '/dev/shm'],
      script: 'head -c1 /dev/zero | wc -c; cat /d/fifo /d/node; ls -A /m /dev/shm',
      patch: (config) => config.mounts.push(bind('/etc', '/m')),
    });
    await output('sh', ['-ec', 'mkfifo fifo; mknod node c 1 5'], { cwd: join(bundle.rootfs, 'd') });
    expect(await box.run(bundle)).toMatchObject({ code: 0, stdout: '0\n/dev/shm:\n\n/m:\n', stderr: '' });
  });

  test('a link: what it points to, inside the root', async ({ box }) => {
    const found = await inside(box, {
      masked: ['/d/link', '/d/absolute', '/d/up/etc/passwd'],
      script: 'cat /d/file /etc/passwd | wc -c; ls -A /d/sub | wc -l; readlink /d/link',
    });
    expect(found).toEqual(['0', '0', 'file']);
    expect(statSync('/etc/passwd').isFile()).toBe(true);
  });

  test('all directories share one file system', async ({ box }) => {
    const names = Array.from({ length: 40 }, (_, index) => `/dirs/${index}`);
    const bundle = await bundleOf(box, {
      masked: names,
      script: 'cat /dirs/*/* 2>/dev/null; stat -c %d /dirs/* | uniq | wc -l',
    });
    for (const name of names) {
      mkdirSync(join(bundle.rootfs, name), { recursive: true });
      writeFileSync(join(bundle.rootfs, name, 'file'), 'text\n');
    }
    expect((await box.run(bundle)).stdout).toBe('1\n');
  });

  test('of proc and sys, as usual', async ({ box }) => {
    const { stdout } = await box.probe(`for f in kcore keys timer_list; do [ -c /proc/$f ] && head -c1 /proc/$f; done
      ls -A /sys/firmware | wc -l; cat /proc/self/status | head -n1`);
    expect(stdout).toBe('0\nName:\tcat\n');
  });

  test('in a user namespace', async ({ box }) => {
    const bundle = await bundleOf(box, {
      masked: ['/d/file', '/d/sub', '/proc/keys'],
      script: 'cat /d/file /proc/keys; ls -A /d/sub | wc -l',
      patch: withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type }))),
    });
    await output('chown', ['-hR', '100000:100000', bundle.rootfs]);
    expect(await box.run(bundle)).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
  });

  test('the root itself cannot be, nor be read-only this way', async ({ box }) => {
    const bundle = await bundleOf(box, { masked: ['/'], readonly: ['//'], script: 'ls /' });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(/maskedPaths cannot have the root .*\/linux\/maskedPaths\/0\)/);
    expect(stderr).toMatch(/readonlyPaths cannot .*\/linux\/readonlyPaths\/0\)\. Use root\.readonly\./);
  });

  test('a relative one is refused', async ({ box }) => {
    const { code, stderr } = await box.run(await bundleOf(box, { masked: ['d/file'], script: 'true' }));
    expect(code).toBe(1);
    expect(stderr).toMatch(/must be absolute, but this one is "d\/file".*\/linux\/maskedPaths\/0/s);
  });
});

// Covers /linux/readonlyPaths
describe.runIf(hasCapability('SYS_ADMIN'))('linux.readonlyPaths', () => {
  const tryWriting = (...files: readonly string[]): string =>
    `for f in ${files.join(' ')}; do (echo x >>$f) 2>/dev/null && echo "$f written" || echo "$f denied"; done`;

  test('a file and a directory with all that is below can be read, not written', async ({ box }) => {
    const bundle = await bundleOf(box, {
      readonly: ['/d/file', '/d/sub'],
      script: `${tryWriting('/d/file', '/d/sub/file', '/d/sub/new', '/d/sub/deep/file', '/d/new')}; cat /d/file`,
    });
    const { stdout, stderr } = await box.run(bundle);
    expect({ stderr, lines: stdout.split('\n') }).toEqual({
      stderr: '',
      lines: [
        ...['/d/file denied', '/d/sub/file denied', '/d/sub/new denied', '/d/sub/deep/file denied'],
        ...['/d/new written', 'text', ''],
      ],
    });
    writeFileSync(join(bundle.rootfs, 'd/sub/file'), 'the host may\n');
  });

  test('what is missing stays missing', async ({ box }) => {
    const bundle = await bundleOf(box, { readonly: ['/nowhere', '/d/file/below'], script: tryWriting('/nowhere') });
    expect(await box.run(bundle)).toMatchObject({ stdout: '/nowhere written\n', stderr: '' });
  });

  test('mounts below become read-only too, and keep their other options', async ({ box }) => {
    const source = join(box.path, 'source');
    mkdirSync(source);
    const bundle = await bundleOf(box, {
      readonly: ['/m', '/t/sub'],
      script: `${tryWriting('/m/x', '/m/below/x', '/t/x', '/t/sub/x')}; cat /proc/self/mountinfo`,
      patch: (config) => config.mounts.push(rbind(source, '/m', 'nosuid'), tmpfs('/t'), tmpfs('/t/sub', 'noexec')),
    });
    const host = `mkdir ${source}/below; mount -t tmpfs -o nodev none ${source}/below`;
    const { stdout } = await runAfter(box, host, bundle);
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      '/m/x denied',
      '/m/below/x denied',
      '/t/x written',
      '/t/sub/x denied',
    ]);
    const mounts = parseMounts(stdout);
    expect(mountAt(mounts, '/m').options).toEqual(withTemporary('nosuid', 'relatime', 'ro'));
    expect(mountAt(mounts, '/m/below').options).toEqual(['nodev', 'relatime', 'ro']);
    expect(mountAt(mounts, '/t/sub').options).toEqual(['noexec', 'relatime', 'ro']);
  });

  test.for([
    ['the outer one first', ['/d', '/d/sub', '/d/sub/deep']],
    ['the inner one first', ['/d/sub/deep', '/d/sub', '/d']],
    ['twice', ['/d', '/d', '/d/file', '/d/file']],
    ['by links', ['/d/absolute/..', '/d/up/d']],
  ] as const)('nested: %s', async ([, readonly], { box }) => {
    const files = ['/d/file', '/d/sub/file', '/d/sub/deep/file'];
    const found = await inside(box, { readonly, script: tryWriting(...files) });
    expect(found).toEqual(files.map((file) => `${file} denied`));
  });

  test('a device still works; its node cannot be changed', async ({ box }) => {
    const found = await inside(box, {
      readonly: ['/dev/zero'],
      script: 'head -c2 /dev/zero | wc -c; echo lost >/dev/zero && chmod 600 /dev/zero 2>&1; stat -c %a /dev/zero',
    });
    expect(found).toEqual(['2', 'chmod: /dev/zero: Read-only file system', '666']);
  });

  test('of proc, as usual', async ({ box }) => {
    const { stdout } = await box.probe(
      `${tryWriting('/proc/sys/kernel/domainname', '/proc/sysrq-trigger')}; cat /proc/sys/kernel/ostype`,
    );
    expect(stdout).toBe('/proc/sys/kernel/domainname denied\n/proc/sysrq-trigger denied\nLinux\n');
  });

  test('of a masked one is masked', async ({ box }) => {
    const hidden = ['/d/file', '/d/sub'];
    const script = 'cat /d/file; ls -A /d/sub | wc -l; touch /d/sub/x 2>&1';
    expect(await inside(box, { masked: hidden, readonly: hidden, script: `${script} || :` })).toEqual([
      '0',
      'touch: /d/sub/x: Read-only file system',
    ]);
  });
});

test('a container in the mounts of the host: what is hidden inside is gone after delete', async ({ box }) => {
  const bundle = await bundleOf(box, {
    masked: ['/d/file'],
    readonly: ['/d/sub'],
    script: 'cat /d/file; touch /d/sub/x 2>&1; sleep 100',
    patch: (config) => {
      withNamespaces({ type: 'pid' }, { type: 'ipc' }, { type: 'network' }, { type: 'uts' })(config);
      config.linux.maskedPaths = ['/d/file'];
      config.linux.readonlyPaths = ['/d/sub'];
    },
  });
  const id = await box.create(bundle);
  await box.ok('start', id);
  expect(statSync(join(bundle.rootfs, 'd/file')).isCharacterDevice()).toBe(true);
  await box.ok('delete', '--force', id);
  expect(readFileSync(join(bundle.rootfs, 'd/file'), 'utf8')).toBe('text\n');
  writeFileSync(join(bundle.rootfs, 'd/sub/x'), '');
});

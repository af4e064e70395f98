/**
 * Which mounts pass between the host and the container: config.md "Linux mount options" (propagation) and config-linux.md
 * "Rootfs Mount Propagation". Each test has a host of its own, a mount namespace that gives nothing back.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Mount } from '../src/config/spec.ts';
import { type Box, expect, test } from './support/box.ts';
import { hasCapability, runtime } from './support/host.ts';
import { bind, type MountInfo, mighty, mountAt, parseMounts, rbind, unshared } from './support/mounts.ts';

interface Scene {
  /** Shell commands of the host before the container is created: $SRC is a directory, $ROOTFS that of the bundle. */
  readonly before: string;
  readonly mounts?: (source: string) => readonly Mount[];
  readonly rootfsPropagation?: string;
  /** On the host, once the container is created. */
  readonly late: string;
  /** Inside, after that. */
  readonly inside: string;
}

interface Seen {
  readonly inside: readonly MountInfo[];
  /** The host's mounts while the container has its own. */
  readonly outside: readonly MountInfo[];
}

const play = async (box: Box, scene: Scene): Promise<Seen> => {
  const [source, control] = ['source', 'control'].map((name) => join(box.path, name)) as [string, string];
  mkdirSync(source);
  mkdirSync(control);
  const bundle = await box.bundle((config) => {
    config.mounts.push(bind(control, '/control'), ...(scene.mounts?.(source) ?? []));
    Object.assign(config.linux, { rootfsPropagation: scene.rootfsPropagation });
    config.process.capabilities = mighty();
    const script = `cat /proc/self/mountinfo >/control/inside; ${scene.inside}; mv /control/inside /control/ready; sleep 60`;
    config.process.args = ['sh', '-c', script];
  });
  const id = box.id();
  const script = `SRC=${source} ROOTFS=${bundle.rootfs}
    ${scene.before}
    ${runtime} --root ${box.root} create --bundle ${bundle.path} ${id}
    ${scene.late}
    ${runtime} --root ${box.root} start ${id}
    until [ -e ${control}/ready ]; do sleep 0.02; done
    cat /proc/self/mountinfo
    ${runtime} --root ${box.root} delete --force ${id}`;
  const { code, stdout, stderr } = await unshared(script, ['true'], { timeout: 10_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { inside: parseMounts(readFileSync(join(control, 'ready'), 'utf8')), outside: parseMounts(stdout) };
};

const has = (mounts: readonly MountInfo[], target: string): boolean =>
  mounts.some((mount) => mount.target.endsWith(target));

describe.runIf(hasCapability('SYS_ADMIN'))('a bind of a directory that is shared on the host', () => {
  const scene = (option: readonly string[], rootfsPropagation?: string): Scene => ({
    before: 'mount -t tmpfs none $SRC; mkdir $SRC/in $SRC/out; mount --make-shared $SRC',
    mounts: (source) => [rbind(source, '/m', ...option)],
    ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
    late: 'mount -t tmpfs none $SRC/in',
    inside: 'mount -t tmpfs none /m/out',
  });
  const both = { comesIn: true, goesOut: true };
  const inOnly = { comesIn: true, goesOut: false };
  const neither = { comesIn: false, goesOut: false };

  test.for([
    [[], undefined, inOnly],
    [['private'], undefined, neither],
    [['rprivate'], undefined, neither],
    [['slave'], undefined, inOnly],
    [['rslave'], undefined, inOnly],
    [['shared'], undefined, inOnly],
    [['unbindable'], undefined, neither],
    [['rshared'], 'shared', both],
    [['rslave'], 'shared', inOnly],
    [['rprivate'], 'shared', neither],
    [['rslave'], 'rslave', inOnly],
    [['rshared'], 'rshared', both],
    [['rslave'], 'private', neither],
    [['rshared'], 'private', neither],
  ] as const)('with %j in a root that is %s', async ([options, rootfsPropagation, expected], { box }) => {
    const { inside, outside } = await play(box, scene(options, rootfsPropagation));
    expect({ comesIn: has(inside, '/m/in'), goesOut: has(outside, '/source/out') }).toEqual(expected);
  });

  test('whatever it is, the mounts made for the container do not appear on the host', async ({ box }) => {
    const { outside } = await play(box, { ...scene(['rshared'], 'shared'), inside: 'true' });
    expect(outside.filter(({ target }) => target.startsWith(box.path)).map(({ target }) => target)).toEqual([
      join(box.path, 'source'),
      join(box.path, 'source/in'),
    ]);
  });
});

// Covers /linux/rootfsPropagation
describe.runIf(hasCapability('SYS_ADMIN'))('the root of the container, on a mount of the host that is shared', () => {
  const shared = 'mount --bind $ROOTFS $ROOTFS; mount --make-shared $ROOTFS';
  const late = 'mkdir $ROOTFS/late; mount -t tmpfs none $ROOTFS/late';
  const inside =
    'mkdir /own; mount -t tmpfs none /own; mkdir -p /bound && mount --bind / /bound && touch /control/bindable';

  test.for([
    [undefined, ['master'], true],
    ['slave', ['master'], true],
    ['rslave', ['master'], true],
    ['private', [], false],
    ['rprivate', [], false],
    ['shared', ['shared'], false],
    ['rshared', ['shared'], false],
  ] as const)('%s', async ([rootfsPropagation, propagation, comesIn], { box }) => {
    const scene = rootfsPropagation === undefined ? {} : { rootfsPropagation };
    const seen = await play(box, { ...scene, before: shared, late, inside });
    expect(mountAt(seen.inside, '/').propagation).toEqual(propagation);
    expect(has(seen.inside, '/late')).toBe(comesIn);
    expect(has(seen.outside, '/own')).toBe(false);
    expect(readFileSync(join(box.path, 'control/bindable'), 'utf8')).toBe('');
  });

  test.for(['unbindable', 'runbindable'])('%s', async (rootfsPropagation, { box }) => {
    const refused = 'mkdir -p /bound; mount --bind / /bound 2>/control/refused';
    const seen = await play(box, { rootfsPropagation, before: shared, late, inside: refused });
    expect(mountAt(seen.inside, '/').propagation).toEqual(['unbindable']);
    expect(has(seen.inside, '/late')).toBe(false);
    expect(readFileSync(join(box.path, 'control/refused'), 'utf8')).toContain('Invalid argument');
  });

  test('with mounts of the host below it, which come along', async ({ box }) => {
    const before = `${shared}; mkdir $ROOTFS/volume; mount -t tmpfs none $ROOTFS/volume; echo text >$ROOTFS/volume/file`;
    const seen = await play(box, { before, late: '', inside: 'cp /volume/file /control/file; umount /volume' });
    expect(has(seen.inside, '/volume')).toBe(true);
    expect(has(seen.outside, '/rootfs/volume')).toBe(true);
    expect(readFileSync(join(box.path, 'control/file'), 'utf8')).toBe('text\n');
  });

  test('something else is refused, with what there is', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      Object.assign(config.linux, { rootfsPropagation: 'everywhere' });
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/"everywhere".*config\.json:\d+:\d+, \/linux\/rootfsPropagation\)/s);
  });
});

/** config.md "Mounts": idmapped mounts, with and without a user namespace of the container. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { IdMapping, Mount } from '../src/config/spec.ts';
import { type Box, type Config, expect, test } from './support/box.ts';
import { hasCapability, hasCommand } from './support/host.ts';
import { hasLoopDevices, withExt4 } from './support/loop.ts';
import { bind, mighty, rbind, runAfter, tmpfs, unshared } from './support/mounts.ts';
import { withNamespaces } from './support/namespaces.ts';
import { Ordinary, unavailable } from './support/ordinary.ts';
import { output } from './support/process.ts';

/** On disk 0 to 9: seen as `hostID` and up by the host. */
const mapping = (hostID: number): IdMapping[] => [{ containerID: 0, hostID, size: 10 }];

const mappedBind = (mount: Mount, hostID: number): Mount => ({
  ...mount,
  uidMappings: mapping(hostID),
  gidMappings: mapping(hostID + 1000),
});

const inUserNamespace = (config: Config): void => {
  const types = ['pid', 'network', 'ipc', 'uts', 'mount', 'user'] as const;
  withNamespaces(...types.map((type) => ({ type })))(config);
};

interface Scene {
  readonly user: boolean;
  readonly mounts: (source: string) => readonly Mount[];
  readonly script: string;
}

/** Files of 0:0 and 3:4 at $SRC, and the same on a mount below it. */
const prepare = (source: string): string => `mount -t tmpfs none ${source}; cd ${source}; mkdir below
  mount -t tmpfs none below; for d in . below; do touch $d/root $d/user; chown 3:4 $d/user; done; cd /`;

const play = async (box: Box, { user, mounts, script }: Scene) => {
  const source = join(box.path, 'source');
  mkdirSync(source);
  const bundle = await box.bundle((config) => {
    if (user) inUserNamespace(config);
    config.mounts.push(...mounts(source));
    config.process.args = ['sh', '-c', script];
    config.process.capabilities = mighty();
  });
  if (user) await output('chown', ['-hR', '100000:100000', bundle.rootfs]);
  return runAfter(box, prepare(source), bundle);
};

const owners = (directory: string): string => `stat -c %u:%g ${directory}/root ${directory}/user`;

// Covers /mounts/*/{uidMappings,gidMappings}
describe.runIf(hasCapability('SYS_ADMIN'))('ids of a bind mount', () => {
  test('without a user namespace: as the mount maps them', async ({ box }) => {
    const { stdout, stderr } = await play(box, {
      user: false,
      mounts: (source) => [mappedBind(rbind(source, '/m'), 5000), rbind(source, '/plain')],
      script: `${owners('/m')}; ${owners('/m/below')}; ${owners('/plain')}`,
    });
    expect(stderr).toBe('');
    // Mappings without "idmap" or "ridmap" are those of the top mount.
    expect(stdout.split('\n')).toEqual(['5000:6000', '5003:6004', '0:0', '3:4', '0:0', '3:4', '']);
  });

  test('in a user namespace: the ids of the host are those of the container', async ({ box }) => {
    const { stdout, stderr } = await play(box, {
      user: true,
      mounts: (source) => [rbind(source, '/all', 'ridmap'), rbind(source, '/top', 'idmap'), bind(source, '/plain')],
      script: [owners('/all'), owners('/all/below'), owners('/top'), owners('/top/below'), owners('/plain')].join('; '),
    });
    const nobody = '65534:65534';
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual(['0:0', '3:4', '0:0', '3:4', '0:0', '3:4', nobody, nobody, nobody, nobody, '']);
  });

  test('in a user namespace: also by mappings of the mount', async ({ box }) => {
    const { stdout, stderr } = await play(box, {
      user: true,
      mounts: (source) => [mappedBind(rbind(source, '/m', 'ridmap'), 100_500)],
      script: `${owners('/m')}; ${owners('/m/below')}`,
    });
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual(['500:1500', '503:1504', '500:1500', '503:1504', '']);
  });

  test('what is made through it belongs to the unmapped id on disk', async ({ box }) => {
    const directory = join(box.path, 'data');
    mkdirSync(directory);
    const { stderr } = await play(box, {
      user: true,
      mounts: () => [bind(directory, '/m', 'idmap')],
      script: 'touch /m/root && touch /m/user && chown 7:8 /m/user',
    });
    expect(stderr).toBe('');
    expect(statSync(join(directory, 'root'))).toMatchObject({ uid: 0, gid: 0 });
    expect(statSync(join(directory, 'user'))).toMatchObject({ uid: 7, gid: 8 });
  });

  test('together with other options', async ({ box }) => {
    const { stdout } = await play(box, {
      user: true,
      mounts: (source) => [rbind(source, '/m', 'ridmap', 'rro', 'rnosuid', 'rslave')],
      script: `${owners('/m/below')}; grep -c ' /m.* ro,nosuid' /proc/self/mountinfo`,
    });
    expect(stdout.split('\n')).toEqual(['0:0', '3:4', '2', '']);
  });
});

// Covers /mounts/*/{uidMappings,gidMappings}
describe.runIf(hasCapability('SYS_ADMIN'))('ids of a new file system', () => {
  test.skipIf(!hasLoopDevices || !hasCommand('mkfs.ext4'))('on a block device are mapped', ({ box }) =>
    withExt4(box, async (source) => {
      const bundle = await box.bundle((config) => {
        config.mounts.push(mappedBind({ type: 'ext4', source, destination: '/m', options: ['idmap'] }, 5000));
        config.linux.resources = { devices: [{ allow: true, type: 'b', major: 7, access: 'rw' }] };
        config.process.args = ['sh', '-c', 'touch /m/file && chown 5003:6004 /m/file; stat -c %u:%g /m /m/file'];
        config.process.user = { uid: 5000, gid: 6000 };
        const chown = ['CAP_CHOWN'];
        config.process.capabilities = {
          bounding: chown,
          effective: chown,
          permitted: chown,
          inheritable: chown,
          ambient: chown,
        };
      });
      expect(await box.run(bundle)).toMatchObject({ stdout: '5000:6000\n5003:6004\n', stderr: '' });
      const onDisk = await unshared(`mount ${source} ${box.path}`, ['stat', '-c', '%u:%g', `${box.path}/file`]);
      expect(onDisk).toMatchObject({ stdout: '3:4\n', stderr: '' });
    }),
  );

  test('of layers are mapped, or it is said that they cannot be', async ({ box }) => {
    const layers = ['one', 'two'].map((name) => join(box.path, name));
    for (const layer of layers) mkdirSync(layer);
    const { code, stdout, stderr } = await box.probe('stat -c %u:%g /m', (config) => {
      const options = ['idmap', `lowerdir=${layers.join(':')}`];
      config.mounts.push(mappedBind({ type: 'overlay', source: 'overlay', destination: '/m', options }, 5000));
    });
    if (code === 0) return expect(stdout).toBe('5000:6000\n');
    expect(stderr).toMatch(
      /Cannot mount "overlay" at "\/m": mount_setattr: EINVAL .*config\.json:\d+:\d+, \/mounts\/\d\)/,
    );
    expect(stderr).toContain('Hint: The file system does not support idmapped mounts on this kernel.');
  });
});

// Covers /mounts/*/{uidMappings,gidMappings}
describe.runIf(hasCapability('SYS_ADMIN'))('ids of a new tmpfs', () => {
  test('are mapped', async ({ box }) => {
    const { stdout, stderr } = await play(box, {
      user: false,
      mounts: () => [mappedBind(tmpfs('/m', 'idmap'), 5000)],
      script: 'stat -c %u:%g /m',
    });
    expect({ stdout, stderr }).toEqual({ stdout: '5000:6000\n', stderr: '' });
  });

  test('are those of the container anyway in a user namespace: a mapping is refused', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      inUserNamespace(config);
      config.mounts.push(mappedBind(tmpfs('/m', 'idmap'), 1000));
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/"\/m" cannot be idmapped .*config\.json:\d+:\d+, \/mounts\/\d\)\nHint: /);
  });
});

describe.runIf(hasCapability('SYS_ADMIN'))('mistakes', () => {
  test('a file system that cannot be idmapped', async ({ box }) => {
    for (const user of [false, true]) {
      const { code, stderr } = await box.probe('true', (config) => {
        if (user) inUserNamespace(config);
        config.mounts.push(mappedBind(bind('/proc/sys', '/m', 'idmap'), 1000));
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(/mount_setattr: EINVAL .*config\.json:\d+:\d+, \/mounts\/\d.*\nHint: .*idmapped/);
    }
  });

  test('"idmap" without any mapping', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      config.mounts.push(bind('/etc', '/m', 'idmap'));
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/idmapped.*config\.json:\d+:\d+, \/mounts\/6\)?\n?.*uidMappings/s);
  });

  test('uidMappings without gidMappings', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      config.mounts.push({ ...bind('/etc', '/m'), uidMappings: mapping(1000) });
    });
    expect(code).toBe(1);
    expect(stderr).toContain('gidMappings');
  });
});

test.skipIf(unavailable)('an ordinary user is refused: the kernel has it for root', async ({ box }) => {
  const user = new Ordinary(box);
  const { code, stdout, stderr } = await user.probe('true', (config) => {
    config.mounts.push(mappedBind(bind(user.home, '/m', 'idmap'), 1000));
  });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /id mapping of the mount: [ug]id_map: EPERM \(.*config\.json:\d+:\d+, \/mounts\/\d\/uidMappings\)/,
  );
  expect((await user.ok(['list', '--quiet'])).stdout).toBe('');
});

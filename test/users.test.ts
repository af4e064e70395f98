/** runtime-spec config-linux.md "User namespace mappings": ids inside and on the host, as root on the host. */
import { lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { IdMapping, NamespaceType } from '../src/config/spec.ts';
import { type Box, type Bundle, type Config, expect, output, test } from './support/box.ts';
import { idRange } from './support/namespaces.ts';

const lines = (text: string): string[] => text.trimEnd().split('\n');
const ids = (text: string): number[][] => lines(text).map((line) => line.trim().split(/\s+/).map(Number));

/** Root, some ordinary users, and nobody. */
const ranges: IdMapping[] = [
  { containerID: 0, hostID: 100_000, size: 1 },
  { containerID: 1, hostID: 200_001, size: 4999 },
  { containerID: 65_534, hostID: 300_000, size: 1 },
];
const asNumbers = (maps: readonly IdMapping[]): number[][] =>
  maps.map(({ containerID, hostID, size }) => [containerID, hostID, size]);

/** A bundle in new namespaces of all types that matter; its root file system belongs to the first mapped id. */
const mapped = async (
  box: Box,
  script: string,
  maps: readonly IdMapping[],
  patch?: (config: Config) => void,
): Promise<Bundle> => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', script];
    config.linux.namespaces.push({ type: 'user' });
    config.linux.uidMappings = [...maps];
    config.linux.gidMappings = [...maps];
    patch?.(config);
  });
  const owner = maps[0]?.hostID;
  await output('chown', ['-hR', `${owner}:${owner}`, bundle.rootfs]);
  return bundle;
};

// Covers /linux/{uidMappings,gidMappings}
describe('several ranges', () => {
  test('are what the container and the host see', async ({ box }) => {
    const bundle = await mapped(box, 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups', ranges);
    const [map, setgroups] = (await box.run(bundle)).stdout.split('allow');
    expect(ids(map ?? '')).toEqual([...asNumbers(ranges), ...asNumbers(ranges)]);
    expect(setgroups).toBe('\n');

    const id = await box.create(bundle);
    const { pid } = await box.state(id);
    expect(ids(readFileSync(`/proc/${pid}/uid_map`, 'utf8'))).toEqual(asNumbers(ranges));
    expect(statSync(`/proc/${pid}/ns`)).toBeTruthy();
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t100000\t100000\t100000\t100000$/m);
  });

  test('decide who owns files, on both sides', async ({ box }) => {
    const script = `cd /tmp
      for id in 0 1 1000 65534; do touch $id; chown $id:$id $id; done
      stat -c %u:%g 0 1 1000 65534; stat -c %u:%g foreign`;
    const bundle = await mapped(box, script, ranges, (config) => {
      const capabilities = ['CAP_CHOWN', 'CAP_FOWNER'];
      config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    });
    await output('touch', [join(bundle.rootfs, 'tmp/foreign')]); // belongs to root of the host
    expect(lines((await box.run(bundle)).stdout)).toEqual(['0:0', '1:1', '1000:1000', '65534:65534', '65534:65534']);
    const owner = (name: string) => {
      const { uid, gid } = lstatSync(join(bundle.rootfs, 'tmp', name));
      return [uid, gid];
    };
    expect(['0', '1', '1000', '65534'].map(owner)).toEqual([
      [100_000, 100_000],
      [200_001, 200_001],
      [201_000, 201_000],
      [300_000, 300_000],
    ]);
  });

  test('uids and gids may differ', async ({ box }) => {
    const bundle = await mapped(box, 'cat /proc/self/uid_map; cat /proc/self/gid_map', [idRange], (config) => {
      config.linux.gidMappings = [{ containerID: 0, hostID: 400_000, size: 10 }];
    });
    await output('chgrp', ['-hR', '400000', bundle.rootfs]);
    expect(ids((await box.run(bundle)).stdout)).toEqual([
      [0, 100_000, 65_536],
      [0, 400_000, 10],
    ]);
  });
});

describe('the user of the program', () => {
  test('may be any mapped one, with groups', async ({ box }) => {
    const bundle = await mapped(box, 'id -u; id -g; id -G; touch /tmp/mine', ranges, (config) => {
      config.process.user = { uid: 1000, gid: 1001, additionalGids: [7, 65_534] };
    });
    expect(lines((await box.run(bundle)).stdout)).toEqual(['1000', '1001', '1001 7 65534']);
    expect(statSync(join(bundle.rootfs, 'tmp/mine'))).toMatchObject({ uid: 201_000, gid: 201_001 });
  });

  test('keeps no group of the caller', async ({ box }) => {
    const bundle = await mapped(box, 'grep Groups /proc/self/status', ranges);
    expect((await box.run(bundle)).stdout.trim()).toBe('Groups:');
  });

  test.for([
    ['uid', { uid: 6000, gid: 0 }],
    ['gid', { uid: 0, gid: 6000 }],
    ['group', { uid: 0, gid: 0, additionalGids: [5, 6000] }],
  ] as const)('is refused with an unmapped %s', async ([, user], { box }) => {
    const bundle = await mapped(box, 'true', ranges, (config) => {
      config.process.user = JSON.parse(JSON.stringify(user));
    });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(/config\.json:\d+:\d+, \/process\/user/);
    expect(stderr).toContain('linux.uidMappings and linux.gidMappings');
  });

  test('has the capabilities of the config over its own namespace only', async ({ box }) => {
    const script = 'hostname changed && hostname; mknod /tmp/null c 1 3 || echo denied; grep CapEff /proc/self/status';
    const bundle = await mapped(box, script, ranges, (config) => {
      const capabilities = ['CAP_SYS_ADMIN', 'CAP_MKNOD'];
      config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    });
    expect(lines((await box.run(bundle)).stdout)).toEqual(['changed', 'denied', 'CapEff:\t0000000008200000']);
  });
});

describe('a map without root', () => {
  const maps: IdMapping[] = [{ containerID: 1000, hostID: 101_000, size: 5 }];

  test('runs as a mapped user', async ({ box }) => {
    const script =
      'id -u; id -g; cat /proc/self/uid_map; touch /tmp/mine; ls -ld /proc/self/fd >/dev/null && echo proc';
    const bundle = await mapped(box, script, maps, (config) => {
      config.process.user = { uid: 1002, gid: 1003 };
    });
    await output('chmod', ['1777', join(bundle.rootfs, 'tmp')]);
    const [uid, gid, map, proc] = lines((await box.run(bundle)).stdout);
    expect([uid, gid, proc]).toEqual(['1002', '1003', 'proc']);
    expect(ids(map ?? '')).toEqual(asNumbers(maps));
    expect(statSync(join(bundle.rootfs, 'tmp/mine'))).toMatchObject({ uid: 101_002, gid: 101_003 });
  });

  test('has no root to run as', async ({ box }) => {
    const { code, stderr } = await box.run(await mapped(box, 'true', maps));
    expect(code).toBe(1);
    expect(stderr).toContain('/process/user');
  });
});

describe('what is made for the container', () => {
  test('proc, sysfs, mqueue and devpts are its own, with their limits', async ({ box }) => {
    const script = `cat /proc/self/mounts | grep -E ' /(proc|sys|dev/mqueue|dev/pts) ' | cut -d' ' -f 2,3
      ls /sys/class/net; echo $$ in $(ls /proc | grep -cE '^[0-9]+$')`;
    const { stdout } = await box.run(await mapped(box, script, ranges));
    expect(lines(stdout)).toEqual([
      '/proc proc',
      '/dev/pts devpts',
      '/dev/mqueue mqueue',
      '/sys sysfs',
      'lo',
      expect.stringMatching(/^1 in [2-4]$/), // as far as they have begun
    ]);
  });

  test('devices are bound from the host, work, and belong to nobody here', async ({ box }) => {
    const script = `for d in null zero full random urandom tty; do stat -c '%n %t:%T %u' /dev/$d; done
      echo gone > /dev/null && head -c 3 /dev/zero | od -An -tx1; echo x 2>/dev/null > /dev/full || echo full
      grep -c ' /dev/null ' /proc/self/mounts`;
    const { stdout } = await box.run(await mapped(box, script, ranges));
    expect(lines(stdout).map((line) => line.trim())).toEqual([
      '/dev/null 1:3 65534',
      '/dev/zero 1:5 65534',
      '/dev/full 1:7 65534',
      '/dev/random 1:8 65534',
      '/dev/urandom 1:9 65534',
      '/dev/tty 5:0 65534',
      '00 00 00',
      'full',
      '1',
    ]);
  });

  test('a device of the config comes from the host, which must have it', async ({ box }) => {
    const withDevice = (path: string, minor: number) =>
      mapped(box, `stat -c %t:%T ${path}`, ranges, (config) => {
        config.linux.devices = [{ type: 'c', path, major: 1, minor }];
      });
    expect((await box.run(await withDevice('/dev/kmsg', 11))).stdout).toBe('1:b\n');
    const missing = await box.run(await withDevice('/dev/tsrunc-none', 11));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/\/linux\/devices\/0\)/);
    expect(missing.stderr).toContain('it must have the same one at the same path');
    const other = await box.run(await withDevice('/dev/kmsg', 12));
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/\/linux\/devices\/0\)/);
  });

  test('masked paths are empty and readonly ones read-only', async ({ box }) => {
    const script = `head -c 1 /proc/kcore | wc -c; ls -A /sys/firmware | wc -l; ls -A /masked | wc -l
      { echo 1 > /proc/sys/net/ipv4/ip_forward; } 2>&1; { touch /kept/x; } 2>&1; cat /kept/y`;
    const bundle = await mapped(box, script, ranges, (config) => {
      config.linux.maskedPaths?.push('/masked');
      config.linux.readonlyPaths?.push('/kept');
    });
    for (const name of ['masked', 'kept']) mkdirSync(join(bundle.rootfs, name));
    await output('sh', ['-c', `touch masked/secret; echo here > kept/y; chown -R 100000:100000 masked kept`], {
      cwd: bundle.rootfs,
    });
    const { stdout } = await box.run(bundle);
    expect(lines(stdout)).toEqual([
      '0',
      '0',
      '0',
      expect.stringContaining('Read-only file system'),
      expect.stringContaining('Read-only file system'),
      'here',
    ]);
  });

  test.for([
    ['net.ipv4.ip_forward', '1', '/proc/sys/net/ipv4/ip_forward'],
    ['kernel.shm_rmid_forced', '1', '/proc/sys/kernel/shm_rmid_forced'],
    ['fs.mqueue.msg_max', '12', '/proc/sys/fs/mqueue/msg_max'],
  ] as const)('the kernel parameter %s', async ([name, value, file], { box }) => {
    const before = readFileSync(file, 'utf8');
    const bundle = await mapped(box, `cat ${file}`, ranges, (config) => {
      config.linux.sysctl = { [name]: value };
    });
    expect((await box.run(bundle)).stdout).toBe(`${value}\n`);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('a kernel parameter that only root of the host may write', async ({ box }) => {
    const bundle = await mapped(box, 'true', ranges, (config) => {
      config.linux.sysctl = { 'kernel.domainname': 'inside' };
    });
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toMatch(/parameter kernel\/domainname.*\/linux\/sysctl\/kernel\.domainname\)/);
    expect(stderr).toContain('the field domainname');
  });

  test('a read-only root, hostname and loopback', async ({ box }) => {
    const script = 'hostname; cat /sys/class/net/lo/flags; touch /x 2>&1';
    const bundle = await mapped(box, script, ranges, (config) => {
      config.root.readonly = true;
    });
    const [hostname, flags, touch] = lines((await box.run(bundle)).stdout);
    expect([hostname, Number(flags) & 1]).toEqual(['box', 1]);
    expect(touch).toContain('Read-only file system');
  });

  test('a terminal belongs to its user', async ({ box }) => {
    const bundle = await mapped(box, 'stat -c "%u %F" $(tty); echo typed > /dev/console', ranges, (config) => {
      config.process.terminal = true;
      config.process.user = { uid: 1000, gid: 1000 };
    });
    const { stdout } = await box.run(bundle);
    expect(stdout).toContain('1000 character special file');
  });
});

describe('a root file system that the container cannot use', () => {
  test('is named when what is missing in it cannot be made', async ({ box }) => {
    const bundle = await mapped(box, 'true', ranges, (config) => {
      config.mounts.push({ destination: '/new', type: 'tmpfs', source: 'tmpfs' });
    });
    await output('chown', ['0:0', bundle.rootfs]);
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain('/mounts/6');
    expect(stderr).toContain('the root file system must belong to the mapped ids');
  });

  test('is named when it cannot even be reached', async ({ box }) => {
    const bundle = await mapped(box, 'true', ranges);
    await output('chmod', ['700', bundle.path]);
    const { code, stderr } = await box.run(bundle);
    expect(code).toBe(1);
    expect(stderr).toContain('/root/path');
    expect(stderr).toContain('chmod +x');
  });
});

describe('a map that the kernel does not take', () => {
  const refused = async (box: Box, patch: (config: Config) => void) => {
    const { code, stderr } = await box.run(await mapped(box, 'true', [idRange], patch));
    expect(code).toBe(1);
    return stderr;
  };

  test('overlapping ranges', async ({ box }) => {
    const message = await refused(box, (config) => {
      config.linux.uidMappings?.push({ containerID: 5, hostID: 900_000, size: 1 });
    });
    expect(message).toMatch(/\/linux\/uidMappings\/1/);
  });

  test('no map at all', async ({ box }) => {
    const message = await refused(box, (config) => {
      delete config.linux.gidMappings;
    });
    expect(message).toContain('a new user namespace without gidMappings');
  });

  test('a map without a user namespace', async ({ box }) => {
    const message = await refused(box, (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: NamespaceType }) => type !== 'user');
    });
    expect(message).toContain('has no user namespace of its own');
  });
});

/**
 * runtime-spec config.md "process.apparmorProfile" on a kernel that enforces it: `npm run test:vm -- test/apparmor.test.ts`.
 * Hosts without AppArmor refuse a profile (security.test.ts).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { canLoadProfiles, everyday, Profile } from './support/apparmor.ts';
import { type Box, type Config, exec, expect, type Patch, test } from './support/box.ts';
import { counted, counter, reaches, revive, type Saved, save, start } from './support/checkpoint.ts';
import { withoutCriu } from './support/criu.ts';
import { runtime } from './support/host.ts';

const showProfile = 'cat /proc/self/attr/current';

const under =
  (profile: string, patch?: Patch): Patch =>
  (config) => {
    config.process.apparmorProfile = profile;
    return patch?.(config);
  };

const asUserNamespace = (config: Config): void => {
  const map = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = map;
  config.linux.gidMappings = map;
};

const mayMount = (config: Config): void => {
  const capabilities = ['CAP_SYS_ADMIN'];
  config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
};

// Covers /process/apparmorProfile
describe.runIf(canLoadProfiles)('a profile of AppArmor', () => {
  test.for<[string, Patch]>([
    ['with noNewPrivileges', ({ process }) => void Object.assign(process, { noNewPrivileges: true })],
    ['without noNewPrivileges', ({ process }) => void Object.assign(process, { noNewPrivileges: false })],
    [
      'for an ordinary user of the container',
      ({ process }) => void Object.assign(process, { user: { uid: 7, gid: 7 } }),
    ],
    ['in a user namespace', asUserNamespace],
    [
      'with a read-only root, and a filter',
      ({ root, linux }) => {
        root.readonly = true;
        linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
      },
    ],
  ])('confines the program %s', async ([, patch], { box }) => {
    using profile = new Profile(everyday);
    expect((await box.probe(showProfile, under(profile.name, patch))).stdout).toBe(profile.current);
  });

  test('keeps root with every file permission and CAP_SYS_ADMIN from what it does not allow', async ({ box }) => {
    using profile = new Profile([...everyday, 'deny /secret rw,', 'deny /proc/sys/kernel/hostname w,']);
    const script =
      'cat /open /secret; echo x > /proc/sys/kernel/hostname; mount -t tmpfs none /mnt && echo mounted; umount /dev/shm && echo unmounted';
    const run = async (name: string) => {
      const bundle = await box.bundle(
        under(name, (config) => {
          config.process.args = ['sh', '-c', script];
          config.linux.readonlyPaths = [];
          mayMount(config);
        }),
      );
      for (const file of ['open', 'secret']) writeFileSync(join(bundle.rootfs, file), `${file}\n`);
      mkdirSync(join(bundle.rootfs, 'mnt'), { recursive: true });
      return box.run(bundle);
    };
    // The same without it: it is the profile that denies, not the container.
    expect(await run('unconfined')).toMatchObject({ stdout: 'open\nsecret\nmounted\nunmounted\n', stderr: '' });
    const { stdout, stderr } = await run(profile.name);
    expect(stdout).toBe('open\n');
    expect(stderr).toContain("can't open '/secret': Permission denied");
    expect(stderr).toContain("can't create /proc/sys/kernel/hostname: Permission denied");
    expect(stderr).toMatch(/^mount: .*[Pp]ermission denied/m);
    expect(stderr).toMatch(/^umount: .*[Pp]ermission denied/m);
  });

  test('is left by no change of the program', async ({ box }) => {
    using profile = new Profile(everyday);
    const script = `cd /proc/self/attr; echo -n changeprofile unconfined > current; echo -n exec unconfined > exec; ${showProfile}`;
    const { stdout, stderr } = await box.probe(script, under(profile.name));
    expect(stdout).toBe(profile.current);
    expect(stderr.match(/write error: Permission denied/g)).toHaveLength(2);
  });

  test('confines the hooks that are programs of the image', async ({ box }) => {
    using profile = new Profile(everyday);
    const { stdout } = await box.probe(
      'cat /tmp/of-hook',
      under(profile.name, (config) => {
        config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
        config.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', `${showProfile} > /tmp/of-hook`] }] };
      }),
    );
    expect(stdout).toBe(profile.current);
  });

  test('the host sees it on the process; the helper of a created container is not under it yet', async ({ box }) => {
    using profile = new Profile([...everyday]);
    const bundle = await box.bundle(
      under(profile.name, (config) => {
        config.process.args = ['sleep', '100'];
      }),
    );
    const id = await box.create(bundle);
    const { pid } = await box.state(id);
    const ofProcess = () => readFileSync(`/proc/${pid}/attr/apparmor/current`, 'utf8');
    expect(ofProcess()).toBe('unconfined\n');
    await box.ok('start', id);
    expect(ofProcess()).toBe(profile.current);
    await box.ok('delete', '--force', id);
  });

  test('what lies over /proc gets no label, and the program is confined all the same (CVE-2019-16884)', async ({
    box,
  }) => {
    using profile = new Profile(everyday);
    const fake = join(box.path, 'fake');
    const attributes = ['attr/exec', 'attr/current', 'attr/apparmor/exec'].flatMap((path) =>
      ['self', 'thread-self'].map((task) => join(fake, task, path)),
    );
    for (const path of attributes) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, '');
    }
    const id = await box.running(
      under(profile.name, (config) => {
        config.mounts = config.mounts.filter(({ destination }) => destination !== '/proc');
        config.mounts.push({ destination: '/proc', type: 'bind', source: fake, options: ['bind'] });
        config.linux.maskedPaths = [];
        config.linux.readonlyPaths = [];
      }),
    );
    const { pid } = await box.state(id);
    expect(readFileSync(`/proc/${pid}/attr/apparmor/current`, 'utf8')).toBe(profile.current);
    for (const path of attributes) expect(readFileSync(path, 'utf8')).toBe('');
    await box.ok('delete', '--force', id);
  });

  test('that is not loaded is an error that says how to load it, and leaves nothing', async ({ box }) => {
    const { code, stderr } = await box.probe('echo ran', under('tsrunc-not-loaded'));
    expect(code).toBe(1);
    expect(stderr).toContain('/process/apparmorProfile');
    expect(stderr).toContain('load it with apparmor_parser');
    expect((await box.ok('list', '--quiet')).stdout).toBe('');
  });
});

describe.runIf(canLoadProfiles)('a runtime that is itself confined', () => {
  // As inside of LXC: its profile denies paths of /sys, and a procfs that is mounted nowhere has its sys/net there for AppArmor.
  const rules = [...everyday, 'mount,', 'umount,', 'pivot_root,', 'change_profile,', 'deny /sys/[^fdck]*{,/**} wklx,'];

  test('sets parameters and labels all the same', async ({ box }) => {
    using outer = new Profile(rules);
    using inner = new Profile(everyday);
    const bundle = await box.bundle(
      under(inner.name, (config) => {
        config.process.args = ['sh', '-c', `cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ${showProfile}`];
        // From a profile to another one there is no way with it; the kernel cannot know that the new one allows no more.
        config.process.noNewPrivileges = false;
        config.linux.sysctl = { 'net.ipv4.ip_unprivileged_port_start': '77' };
      }),
    );
    const enter = `printf 'exec ${outer.name}' > /proc/self/attr/exec; exec "$@"`;
    const run = [runtime, '--root', box.root, 'run', '--bundle', bundle.path, box.id()];
    const outcome = await exec('/bin/sh', ['-c', enter, 'sh', ...run]);
    expect(outcome).toMatchObject({ stderr: '', stdout: `77\n${inner.current}` });
  });
});

describe.runIf(canLoadProfiles)('exec', () => {
  test.for([true, false])(
    "runs under the container's, or its own; noNewPrivileges %s",
    async (noNewPrivileges, { box }) => {
      using profile = new Profile(everyday);
      using other = new Profile(everyday);
      const id = await box.running(
        under(profile.name, ({ process }) => {
          process.noNewPrivileges = noNewPrivileges;
        }),
      );
      const show = showProfile.split(' ');
      expect((await box.ok('exec', id, ...show)).stdout).toBe(profile.current);
      expect((await box.ok('exec', '--apparmor', other.name, id, ...show)).stdout).toBe(other.current);
      const process = JSON.stringify({ cwd: '/', args: show, env: ['PATH=/bin'], apparmorProfile: other.name });
      const file = join(box.path, 'process.json');
      writeFileSync(file, process);
      expect((await box.ok('exec', '--process', file, id)).stdout).toBe(other.current);
      const refused = await box.tsrunc('exec', '--apparmor', 'tsrunc-not-loaded', id, 'true');
      expect(refused).toMatchObject({ code: 255, stderr: expect.stringContaining('load it with apparmor_parser') });
      await box.ok('delete', '--force', id);
    },
  );
});

describe.runIf(canLoadProfiles && withoutCriu === undefined)('what criu restores', () => {
  const profileOf = async (box: Box, { id }: Saved): Promise<string> =>
    readFileSync(`/proc/${(await box.state(id)).pid}/attr/apparmor/current`, 'utf8');

  test('is under the profile of before, or that of --lsm-profile', async ({ box }) => {
    using profile = new Profile(everyday);
    using other = new Profile(everyday);
    const saved = await start(box, counter, under(profile.name));
    for (const [flags, current] of [
      [[], profile.current],
      [['--lsm-profile', `apparmor:${other.name}`], other.current],
    ] as const) {
      const count = await reaches(saved, counted(saved) + 2);
      await save(box, saved);
      await revive(box, saved, ...flags);
      expect(await profileOf(box, saved)).toBe(current);
      await reaches(saved, count + 2);
    }
    await box.ok('delete', '--force', saved.id);
  });

  test('is nothing where the profile of --lsm-profile is not loaded', async ({ box }) => {
    using profile = new Profile(everyday);
    const saved = await start(box, counter, under(profile.name));
    await reaches(saved, 2);
    await save(box, saved);
    const { id, bundle, images } = saved;
    const pidFile = join(box.path, 'pid');
    const paths = ['-b', bundle.path, '--image-path', images, '--pid-file', pidFile];
    const before = counted(saved);
    const { code, stderr } = await box.tsrunc('restore', '-d', ...paths, '--lsm-profile', 'apparmor:tsrunc-none', id);
    expect(code).toBe(1);
    // Either criu notices, or it waits for ever for a first process that cannot end, and is ended.
    const ends = 'criu (failed: errno 0|waited for processes that have ended)';
    expect(stderr).toMatch(new RegExp(`Cannot restore container ${id}: ${ends}\\n`));
    expect([counted(saved), existsSync(pidFile)]).toEqual([before, false]);
    expect(stderr).toContain("can't write lsm profile");
    expect(stderr).toContain('load it with apparmor_parser');
    expect((await box.ok('list', '--quiet')).stdout).toBe('');
  });
});

/**
 * runtime-spec config.md "process.selinuxLabel" and config-linux.md "Mount Label" on a kernel that enforces them:
 * `npm run test:vm -- --mode selinux test/selinux.test.ts`, with the types of scripts/vm/policy.cil. Hosts without SELinux
 * refuse labels (security.test.ts).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { probeHost } from '../src/host/probe.ts';
import { type Box, type Bundle, type Config, expect, type Patch, test } from './support/box.ts';
import { counted, counter, reaches, revive, type Saved, save, start } from './support/checkpoint.ts';
import { withoutCriu } from './support/criu.ts';

const LABEL = 'user_u:process_r:container_t:s0:c1,c2';
const FILES = 'user_u:object_r:container_file_t:s0:c1,c2';

/** selinuxfs takes a context only if the policy in force knows it. */
function policyKnows(label: string): boolean {
  if (!probeHost().lsm.selinux) return false;
  try {
    writeFileSync('/sys/fs/selinux/context', label);
    return true;
  } catch {
    return false; // EINVAL: another policy, or none
  }
}

const hasPolicy = policyKnows(LABEL);
const showLabel = "tr -d '\\0' < /proc/self/attr/current";
const currentOf = (pid: number | undefined): string =>
  readFileSync(`/proc/${pid}/attr/current`, 'utf8').replaceAll('\0', '').trim();
const labelOf = (path: string): string => execFileSync('stat', ['-c', '%C', path], { encoding: 'utf8' }).trim();
const setLabel = (path: string, label: string): void => void execFileSync('chcon', [label, path]);

const labelled =
  (patch?: Patch): Patch =>
  (config) => {
    config.process.selinuxLabel = LABEL;
    return patch?.(config);
  };

const asUserNamespace = (config: Config): void => {
  const map = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = map;
  config.linux.gidMappings = map;
};

// Covers /process/selinuxLabel
describe.runIf(hasPolicy)('the label of a process', () => {
  test.for<[string, Patch]>([
    ['with noNewPrivileges', ({ process }) => void Object.assign(process, { noNewPrivileges: true })],
    ['without noNewPrivileges', ({ process }) => void Object.assign(process, { noNewPrivileges: false })],
    [
      'for an ordinary user of the container',
      ({ process }) => void Object.assign(process, { user: { uid: 7, gid: 7 } }),
    ],
    ['in a user namespace', asUserNamespace],
  ])('is given %s', async ([, patch], { box }) => {
    expect((await box.probe(showLabel, labelled(patch))).stdout).toBe(LABEL);
  });

  const withFiles = async (box: Box, patch: Patch): Promise<Bundle> => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['cat', '/own', '/plain', '/foreign', '/secret'];
      return patch(config);
    });
    const files = {
      own: FILES,
      plain: undefined,
      foreign: FILES.replace('c2', 'c3'),
      secret: 'user_u:object_r:secret_t:s0',
    };
    for (const [name, label] of Object.entries(files)) {
      writeFileSync(join(bundle.rootfs, name), `${name}\n`);
      if (label !== undefined) setLabel(join(bundle.rootfs, name), label);
    }
    return bundle;
  };

  test('keeps root of the container from what the policy denies it', async ({ box }) => {
    const free = await box.run(await withFiles(box, () => undefined));
    expect(free).toMatchObject({ stdout: 'own\nplain\nforeign\nsecret\n', stderr: '' });
    const { stdout, stderr } = await box.run(await withFiles(box, labelled()));
    expect(stdout).toBe('own\nplain\n');
    expect(stderr).toContain("can't open '/foreign': Permission denied");
    expect(stderr).toContain("can't open '/secret': Permission denied");
  });

  test('is that of the session keyring as well', async ({ box }) => {
    const keyrings = async (...flags: string[]) => {
      const bundle = await box.bundle(
        labelled((config) => {
          config.process.args = ['grep', '-c', 'keyring', '/proc/keys'];
          config.linux.maskedPaths = [];
        }),
      );
      return (await box.run(bundle, ...flags)).stdout;
    };
    // The policy lets containers see no keys but their own.
    expect(await keyrings()).toBe('1\n');
    expect(await keyrings('--no-new-keyring')).toBe('0\n');
  });

  test('is that of the hooks that are programs of the image', async ({ box }) => {
    const { stdout } = await box.probe(
      'cat /tmp/of-hook',
      labelled((config) => {
        config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
        config.hooks = { startContainer: [{ path: '/bin/sh', args: ['sh', '-c', `${showLabel} > /tmp/of-hook`] }] };
      }),
    );
    expect(stdout).toBe(LABEL);
  });

  test('is not written to what lies over /proc (CVE-2019-16884)', async ({ box }) => {
    const fake = join(box.path, 'fake');
    const attributes = ['self', 'thread-self'].map((task) => join(fake, task, 'attr/exec'));
    for (const path of attributes) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, '');
    }
    const id = await box.running(
      labelled((config) => {
        config.mounts = config.mounts.filter(({ destination }) => destination !== '/proc');
        config.mounts.push({ destination: '/proc', type: 'bind', source: fake, options: ['bind'] });
        config.linux.maskedPaths = [];
        config.linux.readonlyPaths = [];
      }),
    );
    expect(currentOf((await box.state(id)).pid)).toBe(LABEL);
    for (const path of attributes) expect(readFileSync(path, 'utf8')).toBe('');
    await box.ok('delete', '--force', id);
  });

  test('that the policy does not know is an error, and leaves nothing', async ({ box }) => {
    const { code, stderr } = await box.probe('echo ran', ({ process }) => {
      process.selinuxLabel = 'user_u:process_r:nonsense_t:s0';
    });
    expect(code).toBe(1);
    expect(stderr).toContain('/process/selinuxLabel');
    expect(stderr).toContain('does not know this label');
    expect((await box.ok('list', '--quiet')).stdout).toBe('');
  });

  test("exec gives the container's, or its own", async ({ box }) => {
    const id = await box.running(labelled());
    const own = LABEL.replace('c1,c2', 'c1,c3');
    const show = ['sh', '-c', showLabel];
    expect((await box.ok('exec', id, ...show)).stdout).toBe(LABEL);
    expect((await box.ok('exec', '--process-label', own, id, ...show)).stdout).toBe(own);
    await box.ok('delete', '--force', id);
  });
});

// Covers /linux/mountLabel
describe.runIf(hasPolicy)('the label of mounts', () => {
  test.for<[string, Patch]>([
    ['', () => undefined],
    [' in a user namespace', asUserNamespace],
  ])('is the context of new file systems%s, and nowhere else', async ([, patch], { box }) => {
    const id = await box.running(
      labelled((config) => {
        config.linux.mountLabel = FILES;
        config.linux.maskedPaths = ['/proc/acpi', '/proc/fs'];
        config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] });
        return patch(config);
      }),
    );
    const { pid } = await box.state(id);
    const inside = (path: string): string => labelOf(`/proc/${pid}/root${path}`);
    await box.ok('exec', id, 'touch', '/tmp/made', '/dev/shm/made');
    for (const path of ['/tmp', '/tmp/made', '/dev', '/dev/shm/made', '/dev/pts', '/dev/mqueue', '/proc/fs']) {
      expect(`${path} ${inside(path)}`).toBe(`${path} ${FILES}`);
    }
    for (const path of ['/proc/version', '/sys', '/']) expect(inside(path)).not.toBe(FILES);
    await box.ok('delete', '--force', id);
  });
});

describe.runIf(hasPolicy && withoutCriu === undefined)('what criu restores', () => {
  const other = (label: string): string => label.replace('c1,c2', 'c1,c3');
  const withTmpfs: Patch = (config) => {
    config.linux.mountLabel = FILES;
    config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] });
  };

  const restoreOf = ({ id, bundle, images }: Saved, ...flags: readonly string[]) =>
    ['restore', '-d', '-b', bundle.path, '--image-path', images, ...flags, id] as const;

  // A criu without libselinux, as that of Debian, writes no labels.
  test('has its label, or is not written in the first place', async ({ box }) => {
    const saved = await start(box, counter, labelled());
    await reaches(saved, 2);
    const { code, stderr } = await box.tsrunc('checkpoint', '--image-path', saved.images, saved.id);
    const before = counted(saved);
    if (code === 0) await box.ok(...restoreOf(saved));
    else expect(stderr).toContain(`criu has not written the container's label "${LABEL}"`);
    expect(currentOf((await box.state(saved.id)).pid)).toBe(LABEL);
    await reaches(saved, before + 2);
    await box.ok('delete', '--force', saved.id);
  });

  test.for<[string, Patch, readonly string[], RegExp]>([
    ['its configuration', labelled(), [], /criu has restored the container without its label/],
    [
      '--lsm-profile',
      () => undefined,
      ['--lsm-profile', `selinux:${LABEL}`],
      /selinux LSM specified but|without its label/,
    ],
  ])('never runs without the label of %s', async ([, patch, flags, refusal], { box }) => {
    const saved = await start(box, counter);
    await reaches(saved, 2);
    await save(box, saved);
    const file = join(saved.bundle.path, 'config.json');
    const config: Config = JSON.parse(readFileSync(file, 'utf8'));
    await patch(config);
    writeFileSync(file, JSON.stringify(config));
    const before = counted(saved);
    const { code, stderr } = await box.tsrunc(...restoreOf(saved, ...flags));
    expect(code).toBe(1);
    expect(stderr).toMatch(refusal);
    expect((await box.ok('list', '--quiet')).stdout).toBe('');
    expect(counted(saved)).toBe(before);
  });

  test.for<[string, readonly string[], string]>([
    ['that of before', [], FILES],
    ['--lsm-mount-context', ['--lsm-mount-context', other(FILES)], other(FILES)],
  ])('mounts by the context of %s', async ([, flags, label], { box }) => {
    const saved = await start(box, counter, withTmpfs);
    await reaches(saved, 2);
    await save(box, saved);
    const before = counted(saved);
    await revive(box, saved, ...flags);
    expect(labelOf(`/proc/${(await box.state(saved.id)).pid}/root/tmp`)).toBe(label);
    await reaches(saved, before + 2);
    await box.ok('delete', '--force', saved.id);
  });
});

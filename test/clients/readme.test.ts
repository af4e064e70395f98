/** The engines' sections of README.md, as they are typed there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startContainerd } from '../support/docker.ts';
import { documented } from '../support/document.ts';
import { repository } from '../support/host.ts';
import { eventually, patient } from '../support/process.ts';
import { engineUnavailable, Realm } from '../support/realm.ts';

const unavailable = engineUnavailable('podman', 'dockerd', 'docker');

const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** Whether README.md has this command; what stands for something of the reader's is in capitals there. */
const typed = (command: string): string[] => {
  expect(readme).toContain(`\`${command}\``);
  return command.split(' ');
};

/** The runtime at the path of README.md; /etc and /usr/local/bin as they are, and changed in memory only; the engines' usual directories empty. */
const prepare = (path: string): string => `
mkdir -p /run/etc/upper /run/etc/work /run/lib/upper /run/lib/work /run/bin/upper /run/bin/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib/upper,workdir=/run/lib/work overlay /var/lib
mkdir -p /etc/docker /etc/containers /var/lib/docker /var/lib/containers ${path}/docker ${path}/containers
mount --bind ${path}/docker /var/lib/docker
mount --bind ${path}/containers /var/lib/containers
mount -t overlay -o lowerdir=/usr/local/bin,upperdir=/run/bin/upper,workdir=/run/bin/work overlay /usr/local/bin
install ${join(repository, 'dist/tsrunc')} /usr/local/bin/`;

// A machine without CAP_SYS_RESOURCE cannot raise the limits to podman's defaults.
const limits = ['nproc', 'nofile'].map((name) => `--ulimit=${name}=1000:1000`);

describe.skipIf(unavailable)(`README${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  let realm: Realm;
  let layer: string;
  beforeAll(async () => {
    realm = await Realm.open('readme', { prepare });
    layer = await realm.layer();
  }, patient(60_000));
  afterAll(() => realm?.close(), patient(30_000));

  /** A command with IMAGE and what has to be added to be alone on the host. */
  const run = (words: readonly string[]): Promise<{ readonly stdout: string }> => {
    const place = ['run', '--rm', '--network=none', `--cgroup-parent=${realm.cgroup}`, ...limits];
    const command = words.flatMap((word) => (word === 'run' ? place : word === 'IMAGE' ? ['tsrunc-test'] : [word]));
    return realm.ok([...command, 'sh', '-c', 'echo $$'], { env: { XDG_RUNTIME_DIR: '' } });
  };

  describe('podman', () => {
    beforeAll(async () => {
      await realm.ok(['podman', 'import', '--quiet', layer, 'tsrunc-test'], { env: { XDG_RUNTIME_DIR: '' } });
    }, patient(30_000));

    test('the command', async () => {
      const words = typed('podman --runtime /usr/local/bin/tsrunc --cgroup-manager cgroupfs run IMAGE');
      expect((await run(words)).stdout).toBe('1\n');
    });

    test('the configuration', async () => {
      writeFileSync(
        realm.inside('/etc/containers/containers.conf'),
        documented('README.md', '/etc/containers/containers.conf`:'),
      );
      const template = '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}} {{.Host.CgroupManager}}';
      const { stdout } = await realm.ok(['podman', 'info', '--format', template], { env: { XDG_RUNTIME_DIR: '' } });
      expect(stdout).toBe('tsrunc /usr/local/bin/tsrunc cgroupfs\n');
      expect((await run(['podman', 'run', 'IMAGE'])).stdout).toBe('1\n');
    });
  });

  test('containerd: its table begins the one of docs/kubernetes.md, which the tests of the CRI load', () => {
    const short = documented('README.md', '/etc/containerd/config.toml`:');
    expect(documented('docs/kubernetes.md', '`version = 2`').slice(0, short.length)).toBe(short);
  });

  test('Docker', async () => {
    writeFileSync(realm.inside('/etc/docker/daemon.json'), documented('README.md', '/etc/docker/daemon.json`:'));
    await startContainerd(realm); // dockerd looks for it there
    realm.daemon(['dockerd']);
    const answers = async () => ((await realm.exec(['docker', 'version'])).code === 0 ? true : undefined);
    await eventually('dockerd answers', answers, patient(20_000));
    await realm.ok(['docker', 'import', layer, 'tsrunc-test']);
    expect((await run(typed('docker run --runtime tsrunc IMAGE'))).stdout).toBe('1\n');
  });
});

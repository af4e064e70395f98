/** A dockerd with its own containerd, data, network and socket, whose default runtime is the one under test. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtime } from './host.ts';
import { type ExecOptions, eventually, type Outcome, patient } from './process.ts';
import { type CgroupManager, Realm } from './realm.ts';

export const image = 'tsrunc-test';
export const runtimeName = 'tested';

const environment = { DOCKER_HOST: 'unix:///run/docker/docker.sock', DOCKER_CONFIG: '/run/docker/client' };

const containerdSocket = '/run/containerd/containerd.sock';

const containerdConfiguration = (path: string): string => `version = 2
root = "${path}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${containerdSocket}"
`;

/** Apart from dockerd, which gives its own no more than 15 s to start: too few where the processor is emulated. */
export const startContainerd = async (realm: Realm): Promise<void> => {
  const file = join(realm.path, 'containerd.toml');
  writeFileSync(file, containerdConfiguration(realm.path));
  realm.daemon(['containerd', '--config', file]);
  const listens = () => existsSync(realm.inside(containerdSocket)) || undefined;
  await eventually('containerd listens', listens, patient(20_000));
};

export class Docker {
  readonly realm: Realm;

  private constructor(realm: Realm) {
    this.realm = realm;
    const configuration = {
      'data-root': join(realm.path, 'data'),
      'exec-root': '/run/docker/exec',
      pidfile: '/run/docker/pid',
      hosts: [environment.DOCKER_HOST],
      'cgroup-parent': realm.cgroup,
      'exec-opts': [`native.cgroupdriver=${realm.manager}`],
      runtimes: { [runtimeName]: { path: runtime } },
      'default-runtime': runtimeName,
      'live-restore': true,
      containerd: containerdSocket,
    };
    writeFileSync(join(realm.path, 'daemon.json'), JSON.stringify(configuration));
  }

  /** @throws with the daemon's log when it does not come up in 20 s */
  static async start(manager?: CgroupManager): Promise<Docker> {
    const prepare = () => 'mkdir -p /run/docker';
    const realm = await Realm.open('docker', { prepare, ...(manager && { manager }) });
    const docker = new Docker(realm);
    try {
      await startContainerd(realm);
      await docker.startDaemon();
      await docker.ok('import', await realm.layer(), image);
      return docker;
    } catch (error) {
      await realm.close();
      throw error;
    }
  }

  async startDaemon(): Promise<void> {
    this.realm.daemon(['dockerd', '--config-file', join(this.realm.path, 'daemon.json')]);
    const answers = async () => ((await this.exec(['version'])).code === 0 ? true : undefined);
    await eventually('dockerd answers', answers, patient(20_000)).catch((cause: unknown) => {
      throw new Error(`dockerd does not start:\n${this.realm.log()}`, { cause });
    });
  }

  /** Containers live on (live-restore). */
  async stopDaemon(): Promise<void> {
    await this.realm.ok(['sh', '-c', 'kill $(cat /run/docker/pid)']);
    const ended = () => (existsSync(this.realm.inside('/run/docker/pid')) ? undefined : true);
    await eventually('dockerd has ended', ended, patient(20_000));
  }

  exec(words: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
    return this.realm.exec(['docker', ...words], { ...options, env: environment });
  }

  /** A command of docker that has to succeed; its output without the final newline. */
  async ok(...words: readonly string[]): Promise<string> {
    return (await this.realm.ok(['docker', ...words], { env: environment })).stdout.trimEnd();
  }

  /** A command with a terminal of 30 rows and 90 columns; what it showed. */
  async terminal(...words: readonly string[]): Promise<string> {
    const command = `stty rows 30 cols 90; docker ${words.map((word) => `'${word}'`).join(' ')}`;
    const { stdout } = await this.realm.ok(['script', '-qec', command, '/dev/null'], { env: environment });
    return stdout.replaceAll(/\r|\^@|\0/g, '');
  }

  /** `docker run` without a network unless `flags` say so. */
  run(flags: readonly string[], ...command: readonly string[]): Promise<Outcome> {
    return this.exec(['run', ...withNetwork(flags), image, ...command]);
  }

  /** Run a script in a container that has to succeed; its output without the final newline. */
  probe(script: string, ...flags: readonly string[]): Promise<string> {
    return this.ok('run', '--rm', ...withNetwork(flags), image, 'sh', '-c', script);
  }

  /** A container in the background; its id. */
  detached(flags: readonly string[], ...command: readonly string[]): Promise<string> {
    return this.ok('run', '--detach', ...withNetwork(flags), image, ...command);
  }

  inspect(id: string, template: string): Promise<string> {
    return this.ok('inspect', '--format', template, id);
  }

  async close(): Promise<void> {
    await this.realm.close();
  }
}

const withNetwork = (flags: readonly string[]): string[] =>
  flags.some((flag) => flag.startsWith('--network')) ? [...flags] : ['--network=none', ...flags];

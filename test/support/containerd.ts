/**
 * A private containerd: own mount, network and pid namespaces, own /run (its shims' sockets have fixed names there), own
 * root and state. When its first process is killed, the kernel ends everything in it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository, runtime } from './host.ts';
import { eventually, exec, type Outcome, output } from './process.ts';

export const image = 'docker.io/library/tsrunc-test:latest';

const config = (path: string): string => `version = 2
root = "${path}/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
`;

/** A docker-archive made by hand: one layer with busybox. Returns the path of the tar file. */
const makeImage = async (path: string): Promise<string> => {
  const archive = join(path, 'archive');
  mkdirSync(archive);
  await output(join(repository, 'bundles', 'make-rootfs'), [join(path, 'layer')]);
  await output('tar', ['-C', join(path, 'layer'), '-cf', join(archive, 'layer.tar'), '.']);
  const digest = (await output('sha256sum', [join(archive, 'layer.tar')])).split(' ')[0];
  const description = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(archive, 'config.json'), JSON.stringify(description));
  const manifest = [{ Config: 'config.json', RepoTags: [image], Layers: ['layer.tar'] }];
  writeFileSync(join(archive, 'manifest.json'), JSON.stringify(manifest));
  const tar = join(path, 'image.tar');
  await output('tar', ['-C', archive, '-cf', tar, 'manifest.json', 'config.json', 'layer.tar']);
  return tar;
};

export class Containerd {
  readonly path: string;
  readonly #process: ChildProcess;
  #pid = 0;

  private constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'tsrunc-test-containerd-'));
    chmodSync(this.path, 0o755);
    writeFileSync(join(this.path, 'config.toml'), config(this.path));
    execFileSync('mkfifo', [join(this.path, 'stdin')]);
    const start = `mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && exec containerd -c ${this.path}/config.toml`;
    const log = openSync(join(this.path, 'log'), 'w');
    this.#process = spawn(
      'unshare',
      [
        '--mount',
        '--net',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        '--propagation',
        'private',
        'sh',
        '-c',
        start,
      ],
      { stdio: ['ignore', log, log] },
    );
  }

  /** Start it and import the image. @throws with its log when it does not come up in 20 s */
  static async start(): Promise<Containerd> {
    const daemon = new Containerd();
    try {
      await daemon.#up();
      await daemon.ok('image', 'import', await makeImage(daemon.path));
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** Run ctr beside the daemon. Its stdin stays open: ctr hangs when that ends before the task exists. */
  ctr(...args: readonly string[]): Promise<Outcome> {
    return this.inside('ctr', ...args);
  }

  async ok(...args: readonly string[]): Promise<Outcome> {
    const outcome = await this.ctr(...args);
    if (outcome.code !== 0)
      throw new Error(`ctr ${args.join(' ')}: ${outcome.code}\n${outcome.stdout}${outcome.stderr}\n${this.log()}`);
    return outcome;
  }

  /** `ctr run` with the runtime under test as the stock shim's runc. */
  run(flags: readonly string[], id: string, ...command: readonly string[]): Promise<Outcome> {
    return this.ctr('run', '--runc-binary', runtime, ...flags, image, id, ...command);
  }

  /** Run any command in the daemon's namespaces. */
  inside(command: string, ...args: readonly string[]): Promise<Outcome> {
    const enter = ['-t', String(this.#pid), '-m', '-n', '-p', command, ...args];
    // A FIFO that is open for writing too never ends.
    return exec('sh', ['-c', 'exec nsenter "$@" 0<>"$0"', join(this.path, 'stdin'), ...enter], { timeout: 40_000 });
  }

  log(): string {
    return readFileSync(join(this.path, 'log'), 'utf8').split('\n').slice(-15).join('\n');
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.on('exit', resolve));
    if (this.#process.exitCode === null) {
      this.#process.kill('SIGKILL');
      await gone;
    }
    await eventually('the daemon’s namespace has ended', () => (existsSync(`/proc/${this.#pid}`) ? undefined : true));
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }

  async #up(): Promise<void> {
    await eventually(
      'containerd answers',
      async () => {
        this.#pid ||= childOf(this.#process.pid);
        if (this.#pid === 0 || !existsSync(`/proc/${this.#pid}/root/run/containerd/containerd.sock`)) return undefined;
        return (await this.ctr('version')).code === 0 ? true : undefined;
      },
      20_000,
    ).catch((cause: unknown) => {
      throw new Error(`containerd does not start:\n${this.log()}`, { cause });
    });
  }
}

const childOf = (pid: number | undefined): number => {
  const children = execFileSync('cat', [`/proc/${pid}/task/${pid}/children`], { encoding: 'utf8' });
  return Number(children.trim().split(' ')[0] || 0);
};

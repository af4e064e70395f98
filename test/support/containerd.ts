/**
 * A private containerd: own mount, network and pid namespaces, own /run (its shims' sockets have fixed names there), own
 * root and state. When its first process is killed, the kernel ends everything in it.
 *
 *   const daemon = await Containerd.start();               // for ctr
 *   const daemon = await Containerd.start({ cri: true });  // for Kubernetes' interface as well (cri.ts), with pods on a bridge
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type ContainerdOptions, containerdConfig, pauseImage } from './containerd-config.ts';
import { GrpcClient } from './grpc.ts';
import { repository, runtime } from './host.ts';
import { eventually, exec, type Outcome, output, patient } from './process.ts';
import { encode, type Messages } from './protobuf.ts';
import { type CgroupManager, endMountNamespace, entering, firstInside, isolation, privateMounts } from './realm.ts';

export const image = 'docker.io/library/tsrunc-test:latest';

const network = {
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/16' }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};

/** A docker-archive made by hand, of one layer: what is in `path`/layer. Returns the path of the tar file. */
const archive = async (path: string, name: string, command: readonly string[]): Promise<string> => {
  const layer = join(path, 'layer.tar');
  await output('tar', ['-C', join(path, 'layer'), '-cf', layer, '.']);
  const digest = (await output('sha256sum', [layer])).split(' ')[0];
  const description = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: command },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(path, 'config.json'), JSON.stringify(description));
  const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
  writeFileSync(join(path, 'manifest.json'), JSON.stringify(manifest));
  const tar = join(path, 'image.tar');
  await output('tar', ['-C', path, '-cf', tar, 'manifest.json', 'config.json', 'layer.tar']);
  return tar;
};

/** An image with busybox. */
const makeImage = async (path: string): Promise<string> => {
  mkdirSync(path);
  await output(join(repository, 'bundles', 'make-rootfs'), [join(path, 'layer')]);
  return archive(path, image, ['sh']);
};

/** An image with one static program, which is what a pod's first container runs. */
const makePauseImage = async (path: string): Promise<string> => {
  mkdirSync(join(path, 'layer'), { recursive: true });
  await output('musl-gcc', [
    '-static',
    '-Os',
    '-o',
    join(path, 'layer', 'pause'),
    join(import.meta.dirname, 'pause.c'),
  ]);
  return archive(path, pauseImage, ['/pause']);
};

/** Of containerd's API, what ctr has no command for. */
const taskMessages = {
  UpdateTaskRequest: { container_id: [1, 'string'], resources: [2, 'Any'] },
  Any: { type_url: [1, 'string'], value: [2, 'bytes'] },
} as const satisfies Messages;

export class Containerd {
  readonly path: string;
  readonly #manager: CgroupManager;
  readonly #process: ChildProcess;
  #pid = 0;

  private constructor(options: ContainerdOptions) {
    this.#manager = options.manager ?? 'cgroupfs';
    this.path = mkdtempSync(join(tmpdir(), 'tsrunc-test-containerd-'));
    chmodSync(this.path, 0o755);
    writeFileSync(join(this.path, 'config.toml'), containerdConfig(this.path, options));
    mkdirSync(join(this.path, 'cni'));
    writeFileSync(join(this.path, 'cni', 'pods.conflist'), JSON.stringify(network));
    execFileSync('mkfifo', [join(this.path, 'stdin')]);
    // The network plugins remember what they gave away below /var/lib/cni.
    const privately = `${privateMounts(this.#manager, this.path)}; mount -t tmpfs -o mode=755 tmpfs /var/lib`;
    const start = `set -e; ${privately}; ip link set lo up; exec containerd -c ${this.path}/config.toml`;
    const log = openSync(join(this.path, 'log'), 'w');
    this.#process = spawn(
      'unshare',
      [...isolation(this.#manager), 'sh', '-c', start],
      // It leaves the temporary files of checkpoints behind.
      { stdio: ['ignore', log, log], env: { ...process.env, TMPDIR: this.path } },
    );
  }

  /** Start it and import the images. @throws with its log when it does not come up in 20 s */
  static async start(options: ContainerdOptions = {}): Promise<Containerd> {
    const daemon = new Containerd(options);
    try {
      await daemon.#up();
      const busybox = await makeImage(join(daemon.path, 'busybox'));
      await daemon.ok('image', 'import', busybox);
      if (options.cri) {
        const pause = await makePauseImage(join(daemon.path, 'pause'));
        for (const tar of [busybox, pause]) await daemon.ok('--namespace', 'k8s.io', 'image', 'import', tar);
      }
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

  /** Change the limits of a running container (linux.resources), as Docker does. */
  async update(id: string, resources: object): Promise<void> {
    const client = new GrpcClient(this.socket);
    const value = JSON.stringify(resources);
    const request = {
      container_id: id,
      resources: { type_url: 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources', value },
    };
    try {
      await client.call(
        'containerd.services.tasks.v1.Tasks/Update',
        encode(taskMessages, 'UpdateTaskRequest', request),
        {
          'containerd-namespace': 'default',
        },
      );
    } finally {
      client.close();
    }
  }

  /** Run any command in the daemon's namespaces. */
  inside(command: string, ...args: readonly string[]): Promise<Outcome> {
    const enter = [...entering(this.#manager, this.#pid), command, ...args];
    // A FIFO that is open for writing too never ends.
    return exec('sh', ['-c', 'exec nsenter "$@" 0<>"$0"', join(this.path, 'stdin'), ...enter], { timeout: 40_000 });
  }

  /** A connection to a port of its loopback device. Another process has to make it: no thread of Node can change its namespace. */
  connect(port: number): Duplex {
    const words = [...entering(this.#manager, this.#pid), 'busybox', 'nc', '127.0.0.1', String(port)];
    const relay = spawn('sh', ['-c', 'exec nsenter "$@" <&3 >&3 3>&-', 'sh', ...words], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    return relay.stdio[3] as Duplex; // a socket, as only the descriptors after the standard ones have for both directions
  }

  /** Path of its gRPC socket, as seen from here. */
  get socket(): string {
    return `/proc/${this.#pid}/root/run/containerd/containerd.sock`;
  }

  log(): string {
    return readFileSync(join(this.path, 'log'), 'utf8').split('\n').slice(-15).join('\n');
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.on('exit', resolve));
    if (this.#manager === 'systemd') endMountNamespace(this.#pid);
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
        this.#pid ||= firstInside(this.#manager, this.#process.pid);
        if (this.#pid === 0 || !existsSync(this.socket)) return undefined;
        return (await this.ctr('version')).code === 0 ? true : undefined;
      },
      patient(20_000),
    ).catch((cause: unknown) => {
      throw new Error(`containerd does not start:\n${this.log()}`, { cause });
    });
  }
}

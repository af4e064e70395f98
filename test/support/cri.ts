/**
 * Pods by Kubernetes' container runtime interface, as the kubelet makes them.
 *
 *   const cri = new Cri(daemon);
 *   const pod = await cri.pod();                                     // removed when the test ends
 *   const container = await pod.start('shell', { args: ['sleep', '100'] });
 *   expect(await container.exec('id', '-u')).toMatchObject({ stdout: '0\n' });
 */
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { uniqueId } from './box.ts';
import { type Containerd, image } from './containerd.ts';
import { type CriMessage, containerState, criMessages } from './cri-messages.ts';
import { GrpcClient } from './grpc.ts';
import { cgroupDirectories } from './host.ts';
import { eventually, patient } from './process.ts';
import { decode, encode } from './protobuf.ts';
import { RemoteCommand, type Streams } from './remote-command.ts';

type Names = keyof typeof criMessages;
type Method = Names extends infer N ? (N extends `${infer M}Request` ? M : never) : never;
type Request<M extends Method> = CriMessage<Extract<Names, `${M}Request`>>;
type Response<M extends Method> = CriMessage<Extract<Names, `${M}Response`>>;

export type PodConfig = CriMessage<'PodSandboxConfig'>;
export type ContainerConfig = CriMessage<'ContainerConfig'>;

/** What the kubelet asks for by default (procMount: Default). */
export const defaultPaths = {
  masked_paths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
  readonly_paths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
} as const;

export class Cri {
  readonly daemon: Containerd;
  readonly #client: GrpcClient;

  constructor(daemon: Containerd) {
    this.daemon = daemon;
    this.#client = new GrpcClient(daemon.socket);
  }

  /** @throws GrpcError with what the daemon says */
  async call<M extends Method>(method: M, request: Request<M>): Promise<Response<M>> {
    const service = method === 'ImageStatus' ? 'ImageService' : 'RuntimeService';
    const answer = await this.#client.call(
      `runtime.v1.${service}/${method}`,
      encode(criMessages, `${method}Request`, request),
    );
    return decode(criMessages, `${method}Response`, answer) as Response<M>;
  }

  /** Wait for the network and the images: it hears of imports a moment later. */
  async ready(...images: readonly string[]): Promise<void> {
    await eventually(
      'the runtime interface is ready',
      async () => {
        const { status } = await this.call('Status', {});
        if (status?.conditions?.some((condition) => condition.status !== true)) return undefined;
        const answers = await Promise.all(images.map((name) => this.call('ImageStatus', { image: { image: name } })));
        return answers.every((answer) => answer.image !== undefined) ? true : undefined;
      },
      patient(20_000),
    );
  }

  /** Start a pod's sandbox; `config` replaces parts of a plain one. The pod is not removed by itself. */
  async pod(config: PodConfig = {}, handler = ''): Promise<Pod> {
    const uid = uniqueId();
    const logs = join(this.daemon.path, 'logs', uid);
    mkdirSync(logs, { recursive: true });
    const full: PodConfig = {
      metadata: { name: uid, uid, namespace: 'test', attempt: 0 },
      hostname: 'pod',
      log_directory: logs,
      // Without it the daemon copies the host's resolv.conf, which not every host has.
      dns_config: { servers: ['10.99.0.1'], searches: ['cluster.test'] },
      ...config,
      linux: { cgroup_parent: `/${uid}`, security_context: {}, ...config.linux },
    };
    const { pod_sandbox_id: id } = await this.call('RunPodSandbox', { config: full, runtime_handler: handler });
    return new Pod(this, id ?? '', full);
  }

  close(): void {
    this.#client.close();
  }
}

export class Pod {
  readonly cri: Cri;
  readonly id: string;
  readonly config: PodConfig;
  #containers = 0;

  constructor(cri: Cri, id: string, config: PodConfig) {
    this.cri = cri;
    this.id = id;
    this.config = config;
  }

  /** The cgroup that its containers are in. */
  get cgroup(): string {
    return this.config.linux?.cgroup_parent ?? '';
  }

  get logs(): string {
    return this.config.log_directory ?? '';
  }

  async ip(): Promise<string> {
    const { status } = await this.cri.call('PodSandboxStatus', { pod_sandbox_id: this.id });
    return status?.network?.ip ?? '';
  }

  /** Create a container of the busybox image. */
  async create(name: string, config: ContainerConfig): Promise<PodContainer> {
    this.#containers += 1;
    const log = `${name}-${this.#containers}.log`;
    const { container_id: id } = await this.cri.call('CreateContainer', {
      pod_sandbox_id: this.id,
      config: { metadata: { name, attempt: this.#containers }, image: { image }, log_path: log, ...config },
      sandbox_config: this.config,
    });
    return new PodContainer(this, id ?? '', join(this.logs, log));
  }

  async start(name: string, config: ContainerConfig): Promise<PodContainer> {
    const container = await this.create(name, config);
    await container.start();
    return container;
  }

  /** Start a container that sleeps until it is stopped, with this security context. */
  sleeper(name: string, security: CriMessage<'LinuxContainerSecurityContext'> = {}): Promise<PodContainer> {
    return this.start(name, { args: ['sleep', '1000'], linux: { security_context: security } });
  }

  stop(): Promise<object> {
    return this.cri.call('StopPodSandbox', { pod_sandbox_id: this.id });
  }

  /** Stop and remove it with all its containers, then what the kubelet would remove. @throws when a cgroup is left below its own */
  async remove(): Promise<void> {
    await this.stop();
    await this.cri.call('RemovePodSandbox', { pod_sandbox_id: this.id });
    for (const path of cgroupDirectories(this.cgroup)) rmdirSync(path);
  }
}

export class PodContainer {
  readonly pod: Pod;
  readonly id: string;
  readonly #log: string;

  constructor(pod: Pod, id: string, log: string) {
    this.pod = pod;
    this.id = id;
    this.#log = log;
  }

  start(): Promise<object> {
    return this.pod.cri.call('StartContainer', { container_id: this.id });
  }

  /** @param timeout seconds between SIGTERM and SIGKILL */
  stop(timeout = 0): Promise<object> {
    return this.pod.cri.call('StopContainer', { container_id: this.id, timeout });
  }

  remove(): Promise<object> {
    return this.pod.cri.call('RemoveContainer', { container_id: this.id });
  }

  async exec(...cmd: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const answer = await this.pod.cri.call('ExecSync', { container_id: this.id, cmd, timeout: patient(20_000) / 1000 });
    return { code: answer.exit_code ?? 0, stdout: answer.stdout ?? '', stderr: answer.stderr ?? '' };
  }

  /** Another program in it, with its streams: `kubectl exec`. */
  async remote({ stdin = false, tty = false }: Streams, ...cmd: readonly string[]): Promise<RemoteCommand> {
    const streams = { stdin, tty, stdout: true, stderr: !tty };
    const { url } = await this.pod.cri.call('Exec', { container_id: this.id, cmd, ...streams });
    return this.#open(url, streams);
  }

  /** The streams of its own program: `kubectl attach`. */
  async attach({ stdin = false, tty = false }: Streams): Promise<RemoteCommand> {
    const streams = { stdin, tty, stdout: true, stderr: !tty };
    const { url } = await this.pod.cri.call('Attach', { container_id: this.id, ...streams });
    return this.#open(url, streams);
  }

  #open(url: string | undefined, streams: Streams): Promise<RemoteCommand> {
    const { daemon } = this.pod.cri;
    return RemoteCommand.open(url ?? '', (port) => daemon.connect(port), streams);
  }

  async status(): Promise<CriMessage<'ContainerStatus'>> {
    const { status } = await this.pod.cri.call('ContainerStatus', { container_id: this.id });
    return status ?? {};
  }

  /** Wait until its program has ended. */
  ended(): Promise<CriMessage<'ContainerStatus'>> {
    return eventually(
      `${this.id} has ended`,
      async () => {
        const status = await this.status();
        return status.state === containerState.exited ? status : undefined;
      },
      patient(20_000),
    );
  }

  /** Its log as the kubelet reads it: lines of a time, the stream, F (a full line) or P, the text. */
  log(): string[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\S+ /, ''));
  }

  get logPath(): string {
    return this.#log;
  }

  /** Directories of its cgroup on the host, one per hierarchy. */
  cgroups(): string[] {
    return cgroupDirectories(join(this.pod.cgroup, this.id));
  }

  /** A file of its cgroup, trimmed: the first name that this host has. */
  cgroupFile(...names: readonly string[]): string {
    for (const directory of this.cgroups()) {
      for (const name of names) {
        try {
          return readFileSync(join(directory, name), 'utf8').trim();
        } catch {
          // not in this hierarchy, or not of this version
        }
      }
    }
    throw new Error(`no ${names.join(' or ')} in ${this.cgroups().join(', ')}`);
  }
}

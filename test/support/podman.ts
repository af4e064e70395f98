/** A podman with storage, state, configuration and network of its own, and the runtime under test. */
import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runtime } from './host.ts';
import { gid, subordinate, uid } from './ordinary.ts';
import { type ExecOptions, eventually, type Outcome, patient } from './process.ts';
import { type CgroupManager, Realm } from './realm.ts';

export const image = 'localhost/tsrunc-test';

/**
 * Without limits of its own: a machine without CAP_SYS_RESOURCE cannot raise any. static_dir stays unset: podman 4.3
 * spends 20 s per command on one elsewhere.
 */
export const configuration = (
  { executable, graph }: Pick<Identity, 'executable' | 'graph'>,
  manager: CgroupManager,
): string => `
[containers]
default_ulimits = []
[network]
network_config_dir = "${dirname(graph)}/networks"
[engine]
cgroup_manager = "${manager}"
events_logger = "file"
runtime = "tested"
[engine.runtimes]
tested = ["${executable}"]
`;

export const storage = (graph: string, run: string): string => `
[storage]
driver = "overlay"
graphroot = "${graph}"
runroot = "${run}"
`;

/** Shell commands for an account that exists inside only, and that can reach the runtime wherever it was built. */
const makeAccount = (path: string): string => `
cp /etc/passwd /etc/group ${path}/
echo 'ordinary:x:${uid}:${gid}::${path}/home:/bin/sh' >> ${path}/passwd
echo 'ordinary:x:${gid}:' >> ${path}/group
echo 'ordinary:${subordinate.first}:${subordinate.count}' > ${path}/subid
mount --bind ${path}/passwd /etc/passwd
mount --bind ${path}/group /etc/group
mount --bind ${path}/subid /etc/subuid
mount --bind ${path}/subid /etc/subgid
mkdir -p /run/executable /run/user/${uid} ${path}/home
mount --bind ${dirname(runtime)} /run/executable
chown ${uid}:${gid} /run/user/${uid} ${path}/home
chmod 700 /run/user/${uid}`;

interface Identity {
  /** How the runtime is called inside. */
  readonly executable: string;
  readonly graph: string;
  readonly runroot: string;
  /** What becomes the user. */
  readonly prefix: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Flags that put a container into the realm's cgroup. */
  readonly placement: readonly string[];
}

const root = ({ path, cgroup }: Realm): Identity => ({
  executable: runtime,
  graph: join(path, 'graph'),
  runroot: '/run/containers/storage',
  prefix: [],
  // podman 5.8 leaves mount points of its own there.
  env: { XDG_RUNTIME_DIR: '', TMPDIR: path },
  placement: [`--cgroup-parent=${cgroup}`],
});

const ordinary = ({ path }: Realm): Identity => ({
  executable: join('/run/executable', basename(runtime)),
  graph: join(path, 'home/graph'),
  runroot: `/run/user/${uid}/containers`,
  prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
  env: {
    XDG_RUNTIME_DIR: `/run/user/${uid}`,
    HOME: join(path, 'home'),
    USER: 'ordinary',
    LOGNAME: 'ordinary',
    TMPDIR: join(path, 'home'),
  },
  placement: [],
});

export interface PodmanOptions {
  readonly rootless?: boolean;
  readonly manager?: CgroupManager;
}

export class Podman {
  readonly realm: Realm;
  readonly #identity: Identity;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(realm: Realm, identity: Identity) {
    this.realm = realm;
    this.#identity = identity;
    const [containers, stores] = [join(realm.path, 'containers.conf'), join(realm.path, 'storage.conf')];
    writeFileSync(containers, configuration(identity, realm.manager));
    writeFileSync(stores, storage(identity.graph, identity.runroot));
    this.#env = {
      CONTAINERS_CONF: containers,
      CONTAINERS_STORAGE_CONF: stores,
      PODMAN_IGNORE_CGROUPSV1_WARNING: 'yes',
      ...identity.env,
    };
  }

  static async start({ rootless = false, manager }: PodmanOptions = {}): Promise<Podman> {
    const options = { ...(rootless && { prepare: makeAccount }), ...(manager && { manager }) };
    const realm = await Realm.open('podman', options);
    const podman = new Podman(realm, (rootless ? ordinary : root)(realm));
    try {
      await podman.ok('import', '--quiet', await realm.layer(), image);
      return podman;
    } catch (error) {
      await realm.close();
      throw error;
    }
  }

  exec(words: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
    return this.realm.exec([...this.#identity.prefix, 'podman', ...words], { ...options, env: this.#env });
  }

  /**
   * One after the other: many at once get in each other's way in podman itself (containers/podman#11594), as its clean-up of a
   * container that has just ended does with its removal. Those of --rm may go meanwhile.
   */
  async removeAll(): Promise<void> {
    const ids = (await this.ok('ps', '--all', '--quiet')).split('\n').filter(Boolean);
    const remove = (id: string) => this.exec(['rm', '--force', '--ignore', '--time', '0', id]);
    for (const id of ids)
      await eventually(`podman removes ${id}`, async () => (await remove(id)).code === 0 || undefined, patient(20_000));
  }

  /** A command of podman that has to succeed; its output without the final newline. */
  async ok(...words: readonly string[]): Promise<string> {
    return (await this.realm.ok([...this.#identity.prefix, 'podman', ...words], { env: this.#env })).stdout.trimEnd();
  }

  /** A command of the runtime itself, as the same user. */
  async runtime(...words: readonly string[]): Promise<string> {
    const { prefix, executable, env } = this.#identity;
    return (await this.realm.ok([...prefix, executable, ...words], { env })).stdout;
  }

  /** A command with a terminal of 30 rows and 90 columns; what it showed. */
  async terminal(...words: readonly string[]): Promise<string> {
    const command = `stty rows 30 cols 90; podman ${words.map((word) => `'${word}'`).join(' ')}`;
    const { stdout } = await this.realm.ok([...this.#identity.prefix, 'script', '-qec', command, '/dev/null'], {
      env: this.#env,
    });
    return stdout.replaceAll(/\r|\^@|\0/g, '');
  }

  /** `podman run` without a network unless `flags` say so. */
  run(flags: readonly string[], ...command: readonly string[]): Promise<Outcome> {
    return this.exec(['run', ...this.#place(flags), image, ...command]);
  }

  /** Run a script in a container that has to succeed; its output without the final newline. */
  probe(script: string, ...flags: readonly string[]): Promise<string> {
    return this.ok('run', '--rm', ...this.#place(flags), image, 'sh', '-c', script);
  }

  /** A container in the background; its id. */
  detached(flags: readonly string[], ...command: readonly string[]): Promise<string> {
    return this.ok('run', '--detach', ...this.#place(flags), image, ...command);
  }

  #place(flags: readonly string[]): string[] {
    const network = flags.some((flag) => /^--(network|pod)/.test(flag)) ? [] : ['--network=none'];
    const placement = flags.some((flag) => flag.startsWith('--pod')) ? [] : this.#identity.placement;
    return [...placement, ...network, ...flags];
  }

  /** `podman inspect` by a Go template. */
  inspect(id: string, template: string): Promise<string> {
    return this.ok('inspect', '--format', template, id);
  }

  async close(): Promise<void> {
    await this.realm.close();
  }
}

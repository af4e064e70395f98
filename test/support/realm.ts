/**
 * A private world for a container engine: own mount, network and pid namespaces, an own /run and a cgroup of its own. When
 * the test process ends, however it ends, the first process of the world does, and the kernel ends everything in it.
 *
 * With the host's systemd as manager of the cgroups it has a slice in place of the cgroup, and shares the host's process ids, which
 * systemd knows, and its sockets.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { criuPrefix } from './criu.ts';
import { layEngines } from './engines.ts';
import { cgroupDirectories, hasCommand, isRoot, repository } from './host.ts';
import { type ExecOptions, eventually, exec, type Outcome, output, patient } from './process.ts';

/** Why an engine that needs these programs cannot be tested here; undefined where it can. */
export const engineUnavailable = (...programs: readonly string[]): string | undefined => {
  const missing = [...programs, 'nsenter', 'unshare', 'ip'].filter((name) => !hasCommand(name));
  if (!isRoot) return 'needs root';
  return missing.length > 0 ? `${missing.join(', ')}: not installed` : undefined;
};

/** The criu that works, Debian's programs before others of the same name (engine and client have to fit), Node last for bin/tsrunc. */
const searchPath = `${criuPrefix}/usr/sbin:/usr/bin:/sbin:/bin:${process.env.PATH ?? ''}`;

export type CgroupManager = 'cgroupfs' | 'systemd';

/** With systemd its sockets, and those of the message bus, are in the private /run as well. */
const privateRun = (manager: CgroupManager, directory: string): readonly string[] => {
  const own = 'mount -t tmpfs -o mode=755 tmpfs /run';
  if (manager === 'cgroupfs') return [own];
  const shared = ['systemd', 'dbus'].map(
    (name) => `mkdir /run/${name}; mount --rbind ${directory}/${name} /run/${name}`,
  );
  return [`mount --rbind /run ${directory}`, own, ...shared, `umount --lazy ${directory}`];
};

/**
 * Shell commands that make a private mount namespace the world of an engine: a /run of its own, and the engines that the tests
 * are to use.
 * @param path directory of the engine
 */
export const privateMounts = (manager: CgroupManager, path: string): string => {
  const directory = join(path, 'run');
  mkdirSync(directory);
  return [...layEngines, ...privateRun(manager, directory)].join('; ');
};

/** Flags of unshare for the private namespaces. */
export const isolation = (manager: CgroupManager): readonly string[] => [
  ...['--mount', '--net', '--propagation=private'],
  ...(manager === 'cgroupfs' ? ['--pid', '--fork', '--kill-child', '--mount-proc'] : []),
];

/** The process in the namespaces of an unshare that has these flags. */
export const firstInside = (manager: CgroupManager, unshare: number | undefined): number => {
  if (manager === 'systemd' || unshare === undefined) return unshare ?? 0;
  const children = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8');
  return Number(children.trim().split(' ')[0] || 0);
};

/** Flags of nsenter for the same. */
export const entering = (manager: CgroupManager, pid: number): readonly string[] => [
  ...['-t', String(pid), '-m', '-n'],
  ...(manager === 'cgroupfs' ? ['-p'] : []),
];

/** Without a pid namespace nobody ends the daemons of a daemon, but they share its mount namespace, which is nobody else's. */
export const endMountNamespace = (pid: number): void => {
  const namespaceOf = (process: number | string): string | undefined => {
    try {
      return readlinkSync(`/proc/${process}/ns/mnt`);
    } catch {
      return undefined; // it has ended
    }
  };
  const wanted = namespaceOf(pid);
  if (wanted === undefined || wanted === namespaceOf('self')) return;
  const members = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespaceOf(name) === wanted);
  for (const member of members) {
    try {
      process.kill(Number(member), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
};

export interface RealmOptions {
  /** Shell commands that are run first, inside, for the private directory. */
  readonly prepare?: (path: string) => string;
  readonly manager?: CgroupManager;
}

/** A tar file with a root file system of busybox, to be imported as an image. */
export const layerIn = async (directory: string): Promise<string> => {
  const [tar, root] = [join(directory, 'layer.tar'), join(directory, 'layer')];
  mkdirSync(root);
  await output(join(repository, 'bundles', 'make-rootfs'), [root]);
  await output('tar', ['-C', root, '-cf', tar, '.']);
  return tar;
};

export class Realm {
  /** Private directory, searchable by every user. */
  readonly path: string;
  /** The cgroup for all containers: an absolute path below each hierarchy, or with systemd the name of a slice. */
  readonly cgroup: string;
  readonly manager: CgroupManager;
  readonly #first: ChildProcess;
  #pid = 0;

  private constructor(path: string, { prepare = () => ':', manager = 'cgroupfs' }: RealmOptions) {
    this.path = path;
    this.manager = manager;
    // A dash in the name of a slice stands for a slice above.
    this.cgroup = manager === 'systemd' ? `${basename(path).replaceAll('-', '')}.slice` : `/${basename(path)}`;
    // The shell reaps whatever loses its parent; cat ends when the test process does.
    const script = `set -e; ${privateMounts(manager, path)}; ip link set lo up\n${prepare(path)}\n: > ${path}/ready; cat`;
    const log = openSync(join(path, 'log'), 'a');
    this.#first = spawn('unshare', [...isolation(manager), 'sh', '-c', script], { stdio: ['pipe', log, log] });
  }

  /**
   * @param name of the engine, for the names of directory and cgroup
   * @throws with what the shell said, when it fails
   */
  static async open(name: string, options: RealmOptions = {}): Promise<Realm> {
    const path = mkdtempSync(join(tmpdir(), `tsrunc-test-${name}-`));
    chmodSync(path, 0o755);
    const realm = new Realm(path, options);
    try {
      await realm.#opened();
      return realm;
    } catch (cause) {
      const log = realm.log();
      await realm.close();
      throw new Error(`the private namespaces cannot be made:\n${log}`, { cause });
    }
  }

  async #opened(): Promise<void> {
    await eventually('it is ready', () => {
      if (this.#first.exitCode !== null) throw new Error(`unshare: exit ${this.#first.exitCode}`);
      return existsSync(join(this.path, 'ready')) || undefined;
    });
    this.#pid = firstInside(this.manager, this.#first.pid);
  }

  /** Run a program inside. */
  exec(words: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
    const env = { PATH: searchPath, ...options.env };
    return exec('nsenter', [...this.#enter(), ...words], { timeout: 40_000, ...options, env });
  }

  /** As exec(), but a failure fails the test with what the program said. */
  async ok(words: readonly string[], options?: ExecOptions): Promise<Outcome> {
    const outcome = await this.exec(words, options);
    if (outcome.code === 0) return outcome;
    const end = outcome.code ?? outcome.signal;
    throw new Error(`${words.join(' ')}: ${end}\n${outcome.stderr}${outcome.stdout}\n${this.log()}`);
  }

  /** Start a daemon inside; it ends with the realm. */
  daemon(words: readonly string[], env: Readonly<Record<string, string>> = {}): void {
    const log = openSync(join(this.path, 'log'), 'a');
    const options = { env: { ...process.env, PATH: searchPath, ...env }, stdio: ['ignore', log, log] as const };
    spawn('nsenter', [...this.#enter(), ...words], { ...options, stdio: [...options.stdio] });
  }

  #enter(): string[] {
    return [...entering(this.manager, this.#pid), '--'];
  }

  /** What processes inside see at this absolute path. */
  inside(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** The paths of the cgroups below the realm's own, in every hierarchy. */
  cgroups(): string[] {
    return cgroupDirectories(basename(this.path)).flatMap((directory) =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name)),
    );
  }

  /** As layerIn() the private directory. */
  layer(): Promise<string> {
    return layerIn(this.path);
  }

  /** The end of what the daemons said. */
  log(): string {
    return readFileSync(join(this.path, 'log'), 'utf8').split('\n').slice(-20).join('\n');
  }

  /** End everything and remove it, cgroups that the engine made included. */
  async close(): Promise<void> {
    if (this.manager === 'systemd') {
      endMountNamespace(this.#pid);
      execFileSync('systemctl', ['stop', this.cgroup]);
    }
    const ended = this.#first.exitCode === null && this.#first.signalCode === null ? once(this.#first, 'exit') : [];
    this.#first.kill('SIGKILL');
    await ended;
    const gone = () => (existsSync(`/proc/${this.#pid}`) ? undefined : true);
    if (this.#pid !== 0) await eventually('the namespaces have ended', gone, patient(10_000));
    for (const directory of cgroupDirectories(basename(this.path))) await removeCgroup(directory);
    execFileSync('rm', ['-rf', this.path]);
  }
}

/** Its processes have been killed, and leave it in a moment. */
const removeCgroup = async (directory: string): Promise<void> => {
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await removeCgroup(join(directory, entry.name));
  await eventually(`${directory} can be removed`, () => {
    try {
      rmdirSync(directory);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      return undefined;
    }
  });
};

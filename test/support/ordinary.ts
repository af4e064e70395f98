/**
 * An ordinary user of the host, made up for one test: a uid that nobody has, with a home and a runtime directory below the
 * box, and an account that exists in a mount namespace of the test's own only (private copies of /etc/passwd, subuid, subgid).
 * Where the tests do not run as root it is whoever runs them, with the account and the subordinate ids that are there.
 */
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Box, Bundle, Config, Outcome } from './box.ts';
import { uniqueId } from './box.ts';
import { hasCommand, isRoot, runtime } from './host.ts';
import { type ExecOptions, exec, output } from './process.ts';

export const uid = isRoot ? 54_321 : userInfo().uid;
export const gid = isRoot ? 54_322 : userInfo().gid;

/** The caller's line in /etc/subuid; the one in /etc/subgid is the same as adduser makes them. */
const ownRange = (): { first: number; count: number } | undefined => {
  const [first, count] =
    readFileSync('/etc/subuid', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .find(([name]) => name === userInfo().username)
      ?.slice(1)
      .map(Number) ?? [];
  return first === undefined || count === undefined ? undefined : { first, count };
};

const range = isRoot ? { first: 300_000, count: 1000 } : ownRange();
/** What the account has in /etc/subuid and /etc/subgid where a test gives it any. */
export const subordinate = range ?? { first: 0, count: 0 };

const needed = ['newuidmap', 'newgidmap', ...(isRoot ? ['unshare', 'setpriv'] : [])];

/** Why these tests cannot run here; undefined where they can. */
export const unavailable =
  range === undefined
    ? 'this user has no subordinate ids'
    : needed.every(hasCommand)
      ? undefined
      : `one of ${needed.join(', ')} is not installed`;

/** But for `env` and `subordinate`, only root can make them: such tests are for root. */
export interface Circumstances {
  /** The account has subordinate ids (no). */
  readonly subordinate?: boolean;
  /** The account exists in /etc/passwd (yes). */
  readonly known?: boolean;
  /** Supplementary groups (none). */
  readonly groups?: readonly number[];
  /** Shell commands for root, run first, in the private mount namespace. */
  readonly prepare?: string;
  /** Variables of the runtime alone; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const account = `ordinary:x:${uid}:${gid}::/:/bin/sh\n`;

export class Ordinary {
  readonly home: string;
  /** XDG_RUNTIME_DIR. */
  readonly runtimeDirectory: string;
  readonly #box: Box;
  readonly #ids = new Map<string, Circumstances>();
  #executable: string | undefined;

  constructor(box: Box) {
    this.#box = box;
    this.home = this.#own('home');
    this.runtimeDirectory = this.#own('home/run');
  }

  #own(name: string): string {
    const path = join(this.#box.path, name);
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, uid, gid);
    return path;
  }

  /** A bundle that belongs to the user, as box.bundle(). */
  async bundle(patch?: (config: Config) => unknown): Promise<Bundle> {
    const bundle = await this.#box.bundle(patch);
    await output('chown', ['-hR', `${uid}:${gid}`, bundle.path]);
    return bundle;
  }

  /** Run a program as the user. */
  async exec(words: readonly string[], how: Circumstances = {}, options: ExecOptions = {}): Promise<Outcome> {
    const { groups = [], prepare = ':' } = how;
    if (!isRoot) return exec('env', [...this.#environment(how), ...words], options);
    const identity = [`--reuid=${uid}`, `--regid=${gid}`];
    const supplementary = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`;
    const script = `${this.#mountAccount(how)}\n${prepare}\nexec "$@"`;
    const command = ['setpriv', ...identity, supplementary, 'env', ...this.#environment(how), ...words];
    return exec('unshare', ['--mount', 'sh', '-ec', script, 'sh', ...command], options);
  }

  /** Run the runtime as the user, without --root. */
  async tsrunc(words: readonly string[], how?: Circumstances, options?: ExecOptions): Promise<Outcome> {
    this.#executable ??= await this.#reachable();
    return this.exec([this.#executable, ...words], how, options);
  }

  /** As tsrunc(), but a failure fails the test with what it said. */
  async ok(words: readonly string[], how?: Circumstances, options?: ExecOptions): Promise<Outcome> {
    const outcome = await this.tsrunc(words, how, options);
    if (outcome.code !== 0) throw new Error(`${words.join(' ')}: ${outcome.code}\n${outcome.stderr}${outcome.stdout}`);
    return outcome;
  }

  /** Unique id whose container, in the user's own state directory, is deleted by force at the end. */
  id(how: Circumstances = {}): string {
    const id = uniqueId();
    this.#ids.set(id, how);
    return id;
  }

  run(bundle: Bundle, how?: Circumstances, options?: ExecOptions): Promise<Outcome> {
    return this.tsrunc(['run', '--bundle', bundle.path, uniqueId()], how, options);
  }

  /** Delete what a failed test has left. */
  async close(): Promise<void> {
    for (const [id, how] of this.#ids) await this.ok(['delete', '--force', id], how);
    this.#ids.clear();
  }

  /** Run a script in a new container that maps uid 0 to the user alone. */
  async probe(script: string, patch?: (config: Config) => unknown, how?: Circumstances): Promise<Outcome> {
    const bundle = await this.bundle((config) => {
      rootless(config);
      config.process.args = ['/bin/sh', '-c', script];
      return patch?.(config);
    });
    return this.run(bundle, how);
  }

  #environment({ env = {} }: Circumstances): string[] {
    const own = { HOME: this.home, XDG_RUNTIME_DIR: this.runtimeDirectory, USER: 'ordinary', ...env };
    const pairs = Object.entries(own);
    const removed = pairs.flatMap(([name, value]) => (value === undefined ? ['-u', name] : []));
    return [...removed, ...pairs.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))];
  }

  #mountAccount({ subordinate: has = false, known = true }: Circumstances): string {
    const name = uniqueId();
    const bind = (file: string, text: string): string => {
      const path = join(this.#box.path, `${name}-${basename(file)}`);
      writeFileSync(path, text);
      return `mount --bind ${path} ${file}`;
    };
    const ids = has ? `${known ? 'ordinary' : uid}:${subordinate.first}:${subordinate.count}\n` : '';
    return [
      bind('/etc/passwd', readFileSync('/etc/passwd', 'utf8') + (known ? account : '')),
      bind('/etc/subuid', ids),
      bind('/etc/subgid', ids),
    ].join('\n');
  }

  /** The runtime may have been built where the user has no access (/root). */
  async #reachable(): Promise<string> {
    if ((await this.exec(['test', '-x', runtime])).code === 0) return runtime;
    const copies = this.#own('home/dist');
    for (const file of [runtime, join(dirname(runtime), 'tsrunc.node')]) {
      const copy = join(copies, basename(file));
      copyFileSync(file, copy);
      chmodSync(copy, 0o755);
    }
    return join(copies, basename(runtime));
  }
}

/** What an ordinary user's container differs in: a user namespace, and the host's network with the host's /sys. */
export const rootless = (config: Config): void => {
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }];
};

/** The mappings that newuidmap and newgidmap can make for the account. */
export const withSubordinateIds = (config: Config): void => {
  const { first: hostID, count: size } = subordinate;
  config.linux.uidMappings?.push({ containerID: 1, hostID, size });
  config.linux.gidMappings?.push({ containerID: 1, hostID, size });
};

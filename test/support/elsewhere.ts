/** A process of the host that lives in namespaces of its own, for containers to join. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { NamespaceType } from '../../src/config/spec.ts';
import { namespaceFile, namespaceOf } from './namespaces.ts';
import { eventually } from './process.ts';

export class Elsewhere {
  readonly pid: number;
  readonly #unshare: ChildProcess;

  private constructor(unshare: ChildProcess, pid: number) {
    this.#unshare = unshare;
    this.pid = pid;
  }

  /** `options`: further ones of unshare(1). A user namespace maps 65536 ids from 100000 on. */
  static make(types: readonly NamespaceType[], ...options: readonly string[]): Promise<Elsewhere> {
    return Elsewhere.#start(types, options);
  }

  /** In a user namespace where setgroups(2) is denied, as those of ordinary users are. */
  static makeWithoutGroups(...types: readonly NamespaceType[]): Promise<Elsewhere> {
    return Elsewhere.#start(['user', ...types], [], true);
  }

  static async #start(types: readonly NamespaceType[], options: readonly string[], denied = false): Promise<Elsewhere> {
    const flags = types.map((type) => `--${type === 'network' ? 'net' : type}`);
    const unshare = spawn('unshare', ['--fork', '--kill-child', ...flags, ...options, 'sleep', '300'], {
      stdio: 'ignore',
    });
    const pid = await eventually('the process is in its namespaces', () => childOf(unshare.pid, types));
    if (denied) writeFileSync(`/proc/${pid}/setgroups`, 'deny');
    if (types.includes('user')) {
      for (const kind of ['uid', 'gid']) writeFileSync(`/proc/${pid}/${kind}_map`, '0 100000 65536\n');
    }
    return new Elsewhere(unshare, pid);
  }

  /** Path of its namespace of this type. */
  path(type: NamespaceType): string {
    return namespaceFile(this.pid, type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#unshare.on('exit', resolve));
    process.kill(this.pid, 'SIGKILL');
    await ended;
  }
}

/** The first child of `unshare`, once it is where it should be. */
function childOf(unshare: number | undefined, types: readonly NamespaceType[]): number | undefined {
  const child = Number(readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').split(' ')[0]);
  const isThere = child > 0 && types.every((type) => namespaceOf(child, type) !== namespaceOf('self', type));
  return isThere ? child : undefined;
}

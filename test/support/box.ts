/**
 * What integration tests need: a private place for bundles and containers that is emptied afterwards, whatever happens.
 *
 *   import { expect, test } from './support/box.ts';
 *
 *   test('the hostname is the one of the config', async ({ box }) => {
 *     const { stdout } = await box.probe('hostname', (config) => {
 *       config.hostname = 'elsewhere';
 *     });
 *     expect(stdout).toBe('elsewhere\n');
 *   });
 *
 *   test('create, start, delete', async ({ box }) => {
 *     const bundle = await box.bundle((config) => {
 *       config.process.args = ['sleep', '100'];
 *     });
 *     const id = await box.create(bundle);          // must succeed; box.tsrunc(...) does not judge
 *     expect(await box.state(id)).toMatchObject({ status: 'created' });
 *     await box.ok('start', id);
 *     expect(await box.tsrunc('delete', id)).toMatchObject({ code: 1 });
 *   });                                             // what is left is deleted by force
 *
 * The runtime is $TSRUNC, else dist/tsrunc; every box has a --root of its own. Files run in forked workers, two at a
 * time: ids are unique, fixed names (cgroups, sockets) are not for tests.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from 'vitest';
import type { State } from '../../src/config/spec.ts';
import { type Bundle, type Patch, writeBundle } from './bundle.ts';
import { runtime } from './host.ts';
import { type ExecOptions, eventually, exec, type Outcome } from './process.ts';

export { expect } from 'vitest';
export type { Bundle, Config, Patch } from './bundle.ts';
export type { ExecOptions, Outcome } from './process.ts';
export { alive, cpuTime, eventually, exec, output, patient } from './process.ts';

let counter = 0;

/** A container id that no other test, worker or run of the tests uses; the residue check looks for "tsrunc" in names. */
export const uniqueId = (): string => {
  counter += 1;
  return `tsrunc-test-${process.pid}-${counter}`;
};

export class Box {
  /** Private directory, searchable by every user (containers in user namespaces). */
  readonly path: string;
  /** The --root of every call. */
  readonly root: string;
  readonly #ids = new Set<string>();

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'tsrunc-test-'));
    chmodSync(this.path, 0o755);
    this.root = join(this.path, 'state');
  }

  /** Unique id whose container is deleted by force at the end. */
  id(): string {
    const id = uniqueId();
    this.#ids.add(id);
    return id;
  }

  /** A bundle with busybox in its root file system; see baseConfig in bundle.ts for what `patch` starts from. */
  bundle(patch?: Patch, options?: { rootfs: boolean }): Promise<Bundle> {
    return writeBundle(join(this.path, `bundle-${uniqueId()}`), patch, options);
  }

  /** Run the runtime with --root and these arguments. Options of `exec` may come last. */
  tsrunc(...args: readonly (string | ExecOptions)[]): Promise<Outcome> {
    const words = args.filter((arg) => typeof arg === 'string');
    const options = args.find((arg) => typeof arg === 'object');
    return exec(runtime, ['--root', this.root, ...words], options);
  }

  /** As tsrunc(), but a failure of the runtime fails the test with what it said. */
  async ok(...args: readonly (string | ExecOptions)[]): Promise<Outcome> {
    const outcome = await this.tsrunc(...args);
    if (outcome.code !== 0) {
      const command = args.filter((arg) => typeof arg === 'string').join(' ');
      throw new Error(`tsrunc ${command}: exit ${outcome.code ?? outcome.signal}\n${outcome.stderr}${outcome.stdout}`);
    }
    return outcome;
  }

  /** Create a container (must succeed); returns its id. `flags`: further flags of create. */
  async create(bundle: Bundle, ...flags: readonly string[]): Promise<string> {
    const id = this.id();
    await this.ok('create', '--bundle', bundle.path, ...flags, id);
    return id;
  }

  /** A container that was started and whose program sleeps; returns its id. `flags`: further flags of run. */
  async running(patch?: Patch, ...flags: readonly string[]): Promise<string> {
    const bundle = await this.bundle((config) => {
      config.process.args = ['sleep', '100'];
      return patch?.(config);
    });
    const id = this.id();
    await this.ok('run', '--detach', '--bundle', bundle.path, ...flags, id);
    return id;
  }

  /** Run a container in the foreground. `flags`: further flags of run; options of exec may come last. */
  run(bundle: Bundle, ...flags: readonly (string | ExecOptions)[]): Promise<Outcome> {
    const words = flags.filter((flag) => typeof flag === 'string');
    const options = flags.filter((flag) => typeof flag === 'object');
    return this.tsrunc('run', '--bundle', bundle.path, ...words, this.id(), ...options);
  }

  /** Run a shell script inside a new container and bring its outcome back. */
  async probe(script: string, patch?: Patch, options: ExecOptions = {}): Promise<Outcome> {
    const bundle = await this.bundle((config) => {
      config.process.args = ['/bin/sh', '-c', script];
      return patch?.(config);
    });
    return this.run(bundle, options);
  }

  /** What `state` says; the test fails when the container is unknown. */
  async state(id: string): Promise<State> {
    return JSON.parse((await this.ok('state', id)).stdout);
  }

  /** Wait until the container has this status. */
  async reached(id: string, status: State['status']): Promise<State> {
    return eventually(`${id} is ${status}`, async () => {
      const state = await this.state(id);
      return state.status === status ? state : undefined;
    });
  }

  /** Delete what is left. @throws when a delete fails or a mount stays: the runtime left something behind. */
  async close(): Promise<void> {
    const failures: string[] = [];
    for (const id of this.#ids) {
      const { code, stderr } = await this.tsrunc('delete', '--force', id);
      if (code !== 0) failures.push(`delete --force ${id}: ${stderr}`);
    }
    failures.push(...detachMountsBelow(this.path).map((mountpoint) => `mount left at ${mountpoint}`));
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
    if (failures.length > 0) throw new Error(failures.join('\n'));
  }
}

/** Removing a directory with a leaked bind mount in it would remove what is mounted there: detach first. */
const detachMountsBelow = (path: string): string[] => {
  const mountpoints = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mountpoint) => mountpoint.startsWith(`${path}/`));
  for (const mountpoint of mountpoints.toReversed()) execFileSync('umount', ['-l', mountpoint]);
  return mountpoints;
};

/** vitest's test with the fixture `box`. */
export const test = base.extend<{ box: Box }>({
  box: async ({ task: _task }, use) => {
    const box = new Box();
    await use(box);
    await box.close();
  },
});

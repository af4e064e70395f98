/** Cgroup v2: one directory, with the controllers that its parents enable for it. */
import { closeSync, constants, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Resources } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { Locate, Target } from './apply.ts';
import { delegate } from './delegate.ts';
import type { CgroupDriver, CgroupPlacement, Change, DeviceProgramLoader, UpdateRequest } from './driver.ts';
import { cgroupFailed, onCgroup, placeOf } from './failure.ts';
import { openProcesses, readControl, readControlIfThere, readKey, removeIfIdle, writeControl } from './files.ts';
import { killFrozen } from './kill.ts';
import { isDenied, type Leniency, strict } from './leniency.ts';
import type * as Limits from './limits.ts';
import { makeDirectories, refuseInUse, removeDirectories } from './make.ts';
import { commonParent } from './paths.ts';
import { processesOf } from './processes.ts';
import { type CgroupPlace, type CgroupRecord, directoryOf } from './record.ts';
import { Forgone, type Obstacle, type Unapplied } from './unapplied.ts';
import { until } from './wait.ts';

const SIGKILL = 9;
const freezeMs = 2000;
const endMs = 2000;

export class CgroupV2 implements CgroupDriver {
  readonly precedes = true;
  readonly skipped: string[] = [];
  readonly warnings: string[] = [];
  readonly #leniency: Leniency;
  readonly #forgone: Forgone;
  readonly #record: CgroupRecord;
  readonly #loader: DeviceProgramLoader | undefined;
  readonly #owner: number | undefined;
  readonly #place: CgroupPlace;
  readonly #directory: string;
  /** What keeps an ordinary user from having the cgroup. */
  #obstacle: Obstacle | undefined;
  /** Why a controller is not there, by its name. */
  readonly #refusals = new Map<string, string>();

  /**
   * @param owner id of the user who may make cgroups below it; undefined: only the runtime's
   * @throws TsruncError STATE_UNREADABLE when the record has no place
   */
  constructor(record: CgroupRecord, leniency: Leniency = strict, loader?: DeviceProgramLoader, owner?: number) {
    const [place] = record.places;
    if (place === undefined) throw new TsruncError('STATE_UNREADABLE', 'The recorded cgroup has no place');
    this.#record = record;
    this.#leniency = leniency;
    this.#forgone = new Forgone(leniency);
    this.#loader = loader;
    this.#owner = owner;
    this.#place = place;
    this.#directory = directoryOf(place);
  }

  get #exists(): boolean {
    return this.#obstacle === undefined;
  }

  get record(): CgroupRecord | undefined {
    return this.#exists ? this.#record : undefined;
  }

  get placement(): CgroupPlacement {
    const { mountpoint, path } = this.#place;
    return this.#exists ? { kind: 'v2', mountpoint, path } : { kind: 'none' };
  }

  get unapplied(): readonly Unapplied[] {
    return this.#forgone.fields;
  }

  get absence(): string | undefined {
    return this.#exists ? undefined : 'none was delegated to its user';
  }

  create(): void {
    this.adopt();
    if (this.#exists && !this.#record.directories.includes(this.#directory))
      refuseInUse(this.#directory, this.pids(), this.frozen());
  }

  /** As create(), for a cgroup that somebody else made for this container. */
  adopt(): void {
    const made: string[] = [];
    try {
      makeDirectories(this.#place, (directory, isNew) => {
        if (isNew) made.push(directory);
        this.#enableFor(directory);
      });
      becomeEnterable(this.#directory);
      this.#checkAccess();
    } catch (error) {
      const failure = cgroupFailed('make', this.#directory, error);
      if (!this.#leniency.rights || !isDenied(error)) throw failure;
      this.skipped.push(failure.message);
      for (const directory of made.toReversed()) removeIfIdle(directory);
      this.#abandon();
    }
    if (this.#exists && this.#owner !== undefined) this.#giveTo(this.#owner);
  }

  /**
   * For an ordinary user having a cgroup is not enough: who moves between two of them needs the right to write to the
   * cgroup.procs of the innermost one that holds both (cgroup-v2.rst "Delegation Containment").
   * @throws the system call's error
   */
  #checkAccess(): void {
    const { origin } = this.#leniency;
    if (origin === undefined) return;
    const { mountpoint, path } = this.#place;
    const common = directoryOf({ ...this.#place, path: commonParent(origin, path) });
    for (const directory of new Set([common, mountpoint + path])) closeSync(openProcesses(directory));
  }

  #abandon(): void {
    this.#obstacle = { kind: 'cgroup', path: this.#directory };
    this.#forgone.path(this.#obstacle);
  }

  /** Nobody asked for it in so many words: without the right to do it the container has its cgroup all the same. */
  #giveTo(owner: number): void {
    try {
      delegate(this.#directory, owner);
    } catch (error) {
      const failure = cgroupFailed('delegate', this.#directory, error);
      if (!isDenied(error)) throw failure;
      this.skipped.push(failure.message);
    }
  }

  /**
   * Before a level is used, its parent must hand down the controllers: all that it has, as the container's own child cgroups
   * may want any of them.
   */
  #enableFor(directory: string): void {
    const parent = `${directory}/..`;
    const enabled = names(readControl(`${parent}/cgroup.subtree_control`));
    const missing = names(readControl(`${parent}/cgroup.controllers`)).filter((name) => !enabled.includes(name));
    if (missing.length === 0) return;
    const refused = refusalOf(() =>
      writeControl(`${parent}/cgroup.subtree_control`, missing.map((name) => `+${name}`).join(' ')),
    );
    // All or nothing: one controller that cannot be enabled would keep the others away.
    if (refused === undefined) return;
    for (const name of missing) {
      const reason = refusalOf(() => writeControl(`${parent}/cgroup.subtree_control`, `+${name}`));
      if (reason !== undefined)
        this.#refusals.set(name, `${dirname(directory)} cannot enable it for its children (${reason})`);
    }
  }

  async apply(resources: Resources): Promise<void> {
    const limits = await import('./limits.ts');
    if (this.#obstacle === undefined) this.#applyHere(limits, resources);
    else this.#forgone.everything(limits, resources, 'v2', this.#obstacle);
  }

  #applyHere(limits: typeof Limits, resources: Resources): void {
    limits.applyWrites(limits.limitWrites(resources, 'v2'), { ...this.#target, forgo: this.#forgone.take });
    this.#restrictDevices(limits, resources);
  }

  async update(request: UpdateRequest): Promise<readonly Change[]> {
    const { applyOrRestore, updateWrites } = await import('./limits.ts');
    return applyOrRestore(updateWrites(request, 'v2'), this.#target);
  }

  get #target(): Target {
    return { locate: this.#locate, warn: (sentence) => this.warnings.push(sentence) };
  }

  readonly #locate: Locate = (controller) => {
    // Core files ("cgroup.max.depth") belong to no controller.
    if (controller === 'cgroup' || names(readControl(`${this.#directory}/cgroup.controllers`)).includes(controller)) {
      return { directory: this.#directory };
    }
    return {
      missing: `the ${controller} controller is not available: ${this.#refusals.get(controller) ?? `${this.#directory} was not given it`}`,
      obstacle: { kind: 'controller', name: controller, path: this.#directory },
    };
  };

  #restrictDevices(limits: typeof Limits, resources: Resources): void {
    const rules = limits.deviceRules(resources);
    if (limits.allowsAll(rules)) return;
    try {
      this.#loadProgram(limits.deviceProgram(rules));
    } catch (error) {
      if (!this.#leniency.devices) throw error;
      this.skipped.push(`Device rules are not enforced: ${error instanceof Error ? error.message : String(error)}`);
      this.#forgone.deviceRules(limits, resources);
    }
  }

  #loadProgram(instructions: Uint8Array): void {
    const from = placeOf('/linux/resources/devices');
    if (this.#loader === undefined)
      throw new TsruncError('UNSUPPORTED', 'Device rules on cgroup v2 need the native addon', from);
    const fd = this.openDirectory();
    try {
      this.#loader.attachDeviceProgram(fd, instructions);
    } catch (cause) {
      const hint = 'It needs CAP_BPF or CAP_SYS_ADMIN, and a kernel with CONFIG_CGROUP_BPF.';
      throw new TsruncError(
        'CGROUP_FAILED',
        `Cannot attach the device rules to ${this.#directory}: ${errnoName(cause) ?? String(cause)}`,
        { cause, hint, ...from },
      );
    } finally {
      closeSync(fd);
    }
  }

  directory(hierarchy: string): never {
    throw new TsruncError('CGROUP_FAILED', `Cgroup v2 has no hierarchy "${hierarchy}"`);
  }

  openTasks(hierarchy: string): never {
    return this.directory(hierarchy);
  }

  /** It is born there, or systemd has moved it. */
  ensureInside(): void {}

  openDirectory(): number {
    return this.#exists ? openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY) : -1;
  }

  pids(): number[] {
    return processesOf(this.#directory);
  }

  oomKills(): number {
    return readKey(`${this.#directory}/memory.events`, 'oom_kill') ?? 0;
  }

  frozen(): boolean {
    return readKey(this.#events, 'frozen') === 1;
  }

  async freeze(on: boolean): Promise<void> {
    const directory = this.#directory;
    if (!on) return onCgroup('thaw', directory, async () => this.thaw());
    if (await onCgroup('freeze', directory, () => this.#press(`${directory}/cgroup.freeze`))) return;
    throw new TsruncError('CGROUP_FAILED', `unable to freeze: the processes of ${this.#directory} do not stop`, {
      hint: 'One of them hangs in the kernel; they all run on.',
    });
  }

  /** @returns false where freezing gets stuck: all run on then */
  async #press(file: string): Promise<boolean> {
    writeControl(file, '1');
    const isDone = await until(() => this.frozen(), freezeMs, this.#events);
    if (!isDone) writeControl(file, '0');
    return isDone;
  }

  /** Here SIGKILL ends frozen processes: those that the container froze itself need nothing. */
  thaw(): void {
    const file = `${this.#directory}/cgroup.freeze`;
    if (readControlIfThere(file) === '1') writeControl(file, '0');
  }

  async kill(signal: number): Promise<void> {
    // cgroup.kill (Linux 5.14) reaches every process, also those that fork at this moment, frozen or not.
    const file = `${this.#directory}/cgroup.kill`;
    if (
      signal !== SIGKILL ||
      readKey(this.#events, 'populated') === undefined ||
      refusalOf(() => writeControl(file, '1')) !== undefined
    ) {
      return killFrozen(this, signal);
    }
    await until(() => readKey(this.#events, 'populated') !== 1, endMs, this.#events);
  }

  async remove(): Promise<void> {
    if (this.#exists) await removeDirectories(this.#record.directories, [this.#directory]);
  }

  get #events(): string {
    return `${this.#directory}/cgroup.events`;
  }
}

/**
 * Below a threaded cgroup a new one is "domain invalid": no process may enter before it is made threaded too
 * (cgroup-v2.rst "Threads").
 */
function becomeEnterable(directory: string): void {
  if (readControlIfThere(`${directory}/cgroup.type`) === 'domain invalid')
    writeControl(`${directory}/cgroup.type`, 'threaded');
}

const names = (text: string): string[] => text.split(' ').filter(Boolean);

function refusalOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    const name = errnoName(error);
    if (name === undefined) throw error;
    return name;
  }
}

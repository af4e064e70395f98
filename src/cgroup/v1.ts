/** Cgroup v1 (and hybrid): one directory in each hierarchy, named ones such as name=systemd included. */

import { closeSync, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Resources } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { Locate, Target } from './apply.ts';
import type { CgroupDriver, CgroupPlacement, Change, UpdateRequest } from './driver.ts';
import { cgroupFailed, onCgroup } from './failure.ts';
import {
  openTasks,
  readControl,
  readControlIfThere,
  readKey,
  removeIfIdle,
  writeControl,
  writeControlIfThere,
} from './files.ts';
import { killFrozen } from './kill.ts';
import { isDenied, type Leniency, strict } from './leniency.ts';
import type * as Limits from './limits.ts';
import { makeDirectories, refuseInUse, removeDirectories } from './make.ts';
import { ancestry } from './paths.ts';
import { processesOf } from './processes.ts';
import { type CgroupPlace, type CgroupRecord, directoryOf } from './record.ts';
import { visitTree } from './tree.ts';
import { Forgone, type Unapplied } from './unapplied.ts';
import { until } from './wait.ts';

const freezeMs = 2000;
/** How often the cgroups of a new container may vanish before that is an error. */
const attempts = 10;

export class CgroupV1 implements CgroupDriver {
  readonly precedes = false;
  readonly skipped: string[] = [];
  readonly warnings: string[] = [];
  readonly #leniency: Leniency;
  readonly #forgone: Forgone;
  #record: CgroupRecord;
  /** What apply() did. */
  #limit = (): void => {};

  constructor(record: CgroupRecord, leniency: Leniency = strict) {
    this.#record = record;
    this.#leniency = leniency;
    this.#forgone = new Forgone(leniency);
  }

  get record(): CgroupRecord | undefined {
    return this.absence === undefined ? this.#record : undefined;
  }

  get #places(): readonly CgroupPlace[] {
    return this.#record.places;
  }

  get placement(): CgroupPlacement {
    return this.#places.length === 0 ? { kind: 'none' } : { kind: 'v1', hierarchies: this.#places };
  }

  get unapplied(): readonly Unapplied[] {
    return this.#forgone.fields;
  }

  get absence(): string | undefined {
    return this.#places.length === 0 ? 'none was delegated to its user' : undefined;
  }

  create(): void {
    this.adopt();
    if (this.#places.length === 0) return;
    const main = this.#main();
    if (!this.#record.directories.includes(main)) refuseInUse(main, this.pids(), this.frozen());
  }

  /** As create(), for cgroups that somebody else made, in part, for this container. */
  adopt(): void {
    for (const place of this.#places) this.#make(place);
  }

  #make(place: CgroupPlace): void {
    const made: string[] = [];
    const hasCpuset = place.controllers.includes('cpuset');
    try {
      makeDirectories(place, (directory, isNew) => {
        if (isNew) made.push(directory);
        if (hasCpuset) inheritCpuset(directory, isNew);
      });
      if (this.#leniency.rights) checkEnterable(directoryOf(place));
      this.#own(made);
    } catch (error) {
      const failure = cgroupFailed('make', directoryOf(place), error);
      if (!this.#leniency.rights || !isDenied(error)) throw failure;
      this.skipped.push(failure.message);
      for (const directory of made.toReversed()) removeIfIdle(directory);
      this.#drop(place);
    }
  }

  /** What was there when the record was made, and is ours by now. */
  #own(made: readonly string[]): void {
    const { directories } = this.#record;
    const more = made.filter((directory) => !directories.includes(directory));
    if (more.length > 0) this.#record = { ...this.#record, directories: [...directories, ...more] };
  }

  /** A hierarchy that the user may not use, or only in part. */
  #drop(place: CgroupPlace): void {
    const { places, directories, withheld = [] } = this.#record;
    const levels = ancestry(place);
    this.#record = {
      ...this.#record,
      places: places.filter((each) => each !== place),
      directories: directories.filter((each) => !levels.includes(each)),
      withheld: [...withheld, place],
    };
    this.#forgone.path({ kind: 'cgroup', path: directoryOf(place) });
  }

  async apply(resources: Resources): Promise<void> {
    const limits = await import('./limits.ts');
    this.#limit = () => this.#write(limits, resources);
    this.#persist(this.#limit);
  }

  /** What `work` returns; when somebody removes the cgroups meanwhile, they are made again for another attempt. */
  #persist<T>(work: (isAgain: boolean) => T): T {
    for (let attempt = 1; ; attempt++) {
      try {
        return work(attempt > 1);
      } catch (error) {
        const isThere = this.#places.every((place) => existsSync(directoryOf(place)));
        if (isThere || attempt === attempts) throw error;
        this.adopt();
      }
    }
  }

  #write(limits: typeof Limits, resources: Resources): void {
    this.warnings.length = 0; // of an attempt before
    const forgo = this.#forgone.take;
    if (forgo !== undefined)
      for (const from of limits.unifiedFields(resources)) forgo({ from }, { kind: 'other', reason: limits.v2Only });
    const wanted = limits.attainable(resources, 'v1', this.#leniency);
    limits.applyWrites(limits.limitWrites(wanted, 'v1'), { ...this.#target, forgo });
    this.#restrictDevices(limits, resources);
  }

  async update(request: UpdateRequest): Promise<readonly Change[]> {
    const { applyOrRestore, updateWrites } = await import('./limits.ts');
    return applyOrRestore(updateWrites(request, 'v1'), this.#target);
  }

  #restrictDevices(limits: typeof Limits, resources: Resources): void {
    try {
      limits.applyWrites(limits.accessWrites(resources, 'v1'), this.#target);
    } catch (error) {
      if (!this.#leniency.devices || !(error instanceof TsruncError)) throw error;
      this.skipped.push(error.message);
      this.#forgone.deviceRules(limits, resources);
    }
  }

  get #target(): Target {
    return { locate: this.#locate, warn: (sentence) => this.warnings.push(sentence) };
  }

  readonly #locate: Locate = (controller) => {
    const place = this.#find(controller);
    if (place !== undefined) return { directory: directoryOf(place) };
    const withheld = this.#record.withheld?.find(({ controllers }) => controllers.includes(controller));
    if (withheld === undefined) {
      const missing = `no cgroup hierarchy with the ${controller} controller is mounted`;
      return { missing, obstacle: { kind: 'other', reason: missing } };
    }
    const path = directoryOf(withheld);
    return { missing: `the cgroup ${path} is not delegated to its user`, obstacle: { kind: 'cgroup', path } };
  };

  #find(hierarchy: string): CgroupPlace | undefined {
    return this.#places.find(({ controllers }) => controllers.includes(hierarchy) || controllers.join() === hierarchy);
  }

  directory(hierarchy: string): string {
    const place = this.#find(hierarchy);
    if (place !== undefined) return directoryOf(place);
    throw new TsruncError('CGROUP_FAILED', `The container has no cgroup in the hierarchy "${hierarchy}"`);
  }

  openTasks(hierarchy: string): number {
    const directory = this.directory(hierarchy);
    return this.#persist((isAgain) => {
      if (isAgain) this.#limit();
      return openTasks(directory);
    });
  }

  ensureInside(pid: number): void {
    this.#persist((isAgain) => {
      if (isAgain) this.#limit();
      for (const directory of this.#places.map(directoryOf)) if (!holds(directory, pid)) place(directory, pid);
    });
  }

  openDirectory(): number {
    return -1;
  }

  /** One hierarchy is enough to find the processes: the freezer's, because killing relies on it. */
  #main(): string {
    const place = this.#find('freezer') ?? this.#find('devices') ?? this.#places[0];
    if (place === undefined) throw new TsruncError('CGROUP_FAILED', 'The container has no cgroup');
    return directoryOf(place);
  }

  pids(): number[] {
    return this.#places.length === 0 ? [] : processesOf(this.#main());
  }

  oomKills(): number {
    const place = this.#find('memory');
    return (place && readKey(`${directoryOf(place)}/memory.oom_control`, 'oom_kill')) ?? 0;
  }

  #freezer(): string | undefined {
    const place = this.#find('freezer');
    return place && `${directoryOf(place)}/freezer.state`;
  }

  frozen(): boolean {
    const file = this.#freezer();
    return file !== undefined && readControlIfThere(file) === 'FROZEN';
  }

  async freeze(on: boolean): Promise<void> {
    const file = this.#freezer();
    if (file === undefined || readControlIfThere(file) === undefined) {
      // Nothing there is frozen: without the hierarchy, or after the cgroup's end.
      if (!on) return;
      throw new TsruncError(
        'UNSUPPORTED',
        'The container cannot be paused: it has no cgroup of the freezer controller',
      );
    }
    if (await onCgroup(on ? 'freeze' : 'thaw', dirname(file), () => press(file, on))) return;
    throw new TsruncError('CGROUP_FAILED', `unable to freeze: the processes of ${file} do not stop`, {
      hint: 'One of them hangs in the kernel; they all run on.',
    });
  }

  /** The container's own as well: who may write to its cgroup may freeze one below. */
  thaw(): void {
    const place = this.#find('freezer');
    if (place === undefined) return;
    visitTree(directoryOf(place), { enter: (path) => thawIfFrozen(`${path}/freezer.state`) });
  }

  kill(signal: number): Promise<void> {
    return killFrozen(this, signal);
  }

  remove(): Promise<void> {
    return removeDirectories(this.#record.directories, this.#places.map(directoryOf));
  }
}

const holds = (directory: string, pid: number): boolean =>
  readControl(`${directory}/cgroup.procs`).split('\n').includes(String(pid));

/** @throws TsruncError CGROUP_FAILED */
function place(directory: string, pid: number): void {
  try {
    writeControl(`${directory}/cgroup.procs`, String(pid));
  } catch (error) {
    throw cgroupFailed('enter', directory, error);
  }
}

/** @returns false where freezing gets stuck: all run on then */
async function press(file: string, on: boolean): Promise<boolean> {
  const isDone = on && (await until(() => pressFreezer(file), freezeMs));
  if (!isDone) writeControl(file, 'THAWED');
  return isDone || !on;
}

/**
 * v1 says neither when freezing has ended nor that it got stuck on a process which was forking; reading the state makes the
 * kernel look again, and writing it again makes it try again.
 */
function pressFreezer(file: string): boolean {
  writeControl(file, 'FROZEN');
  return readControl(file) === 'FROZEN';
}

/** Where nothing is frozen there is nothing to write, which a read-only mount would refuse. */
function thawIfFrozen(file: string): void {
  if (readControlIfThere(file) !== 'THAWED') writeControlIfThere(file, 'THAWED');
}

/** A cgroup that was there may be somebody else's. @throws the system call's error where this user may move no process into it */
function checkEnterable(directory: string): void {
  closeSync(openTasks(directory));
}

/** A new cpuset is empty on v1, and no process can enter an empty one: every level takes what its parent has. */
function inheritCpuset(directory: string, isNew: boolean): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (!isNew && readControl(`${directory}/${file}`) !== '') continue;
    writeControl(`${directory}/${file}`, readControl(`${directory}/../${file}`));
  }
}

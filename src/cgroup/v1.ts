/** Cgroup v1 (and hybrid): one directory in each hierarchy, named ones such as name=systemd included. */

import type { Resources } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import { applyWrites, type Locate, type Target } from './apply.ts';
import { accessWrites, limitWrites } from './controllers/compile.ts';
import { updateWrites } from './controllers/update.ts';
import type { CgroupDriver, CgroupPlacement, Change, UpdateRequest } from './driver.ts';
import { cgroupFailed } from './failure.ts';
import { readControl, readControlIfThere, readKey, writeControl, writeControlIfThere } from './files.ts';
import { killFrozen } from './kill.ts';
import { isDenied, type Leniency, strict } from './leniency.ts';
import { makeDirectories, refuseInUse, removeDirectories } from './make.ts';
import { processesOf } from './processes.ts';
import { type CgroupPlace, type CgroupRecord, directoryOf } from './record.ts';
import { visitTree } from './tree.ts';
import { applyOrRestore } from './update.ts';
import { until } from './wait.ts';

const freezeMs = 2000;

export class CgroupV1 implements CgroupDriver {
  readonly record: CgroupRecord;
  readonly precedes = false;
  readonly skipped: string[] = [];
  readonly warnings: string[] = [];
  readonly #leniency: Leniency;
  #places: readonly CgroupPlace[];

  constructor(record: CgroupRecord, leniency: Leniency = strict) {
    this.record = record;
    this.#leniency = leniency;
    this.#places = record.places;
  }

  get placement(): CgroupPlacement {
    return this.#places.length === 0 ? { kind: 'none' } : { kind: 'v1', hierarchies: this.#places };
  }

  create(): void {
    this.adopt();
    if (this.#places.length === 0) return;
    const main = this.#main();
    if (!this.record.directories.includes(main)) refuseInUse(main, this.pids(), this.frozen());
  }

  /** As create(), for cgroups that somebody else made, in part, for this container. */
  adopt(): void {
    this.#places = this.#places.filter((place) => this.#make(place));
  }

  #make(place: CgroupPlace): boolean {
    try {
      makeDirectories(place, place.controllers.includes('cpuset') ? inheritCpuset : () => undefined);
      return true;
    } catch (error) {
      if (!this.#leniency.directories || !isDenied(error)) throw cgroupFailed('make', directoryOf(place), error);
      this.skipped.push(cgroupFailed('make', directoryOf(place), error).message);
      return false;
    }
  }

  apply(resources: Resources): void {
    applyWrites(limitWrites(resources, 'v1'), this.#target);
    this.#restrictDevices(resources);
  }

  async update(request: UpdateRequest): Promise<readonly Change[]> {
    return applyOrRestore(updateWrites(request, 'v1'), this.#target);
  }

  #restrictDevices(resources: Resources): void {
    try {
      applyWrites(accessWrites(resources, 'v1'), this.#target);
    } catch (error) {
      if (!this.#leniency.devices || !(error instanceof TsruncError)) throw error;
      this.skipped.push(error.message);
    }
  }

  get #target(): Target {
    return { locate: this.#locate, warn: (sentence) => this.warnings.push(sentence) };
  }

  readonly #locate: Locate = (controller) => {
    const place = this.#find(controller);
    if (place !== undefined) return { directory: directoryOf(place) };
    return {
      missing: this.record.places.some(({ controllers }) => controllers.includes(controller))
        ? 'container could not join or create cgroup'
        : `no cgroup hierarchy with the ${controller} controller is mounted`,
    };
  };

  #find(hierarchy: string): CgroupPlace | undefined {
    return this.#places.find(({ controllers }) => controllers.includes(hierarchy) || controllers.join() === hierarchy);
  }

  directory(hierarchy: string): string {
    const place = this.#find(hierarchy);
    if (place !== undefined) return directoryOf(place);
    throw new TsruncError('CGROUP_FAILED', `The container has no cgroup in the hierarchy "${hierarchy}"`);
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
    const done = on ? await until(() => pressFreezer(file), freezeMs) : pressThaw(file);
    if (done) return;
    writeControl(file, 'THAWED');
    throw new TsruncError('CGROUP_FAILED', `unable to freeze: the processes of ${file} do not stop`, {
      hint: 'One of them hangs in the kernel; they all run on.',
    });
  }

  /** The container's own as well: who may write to its cgroup may freeze one below. */
  thaw(): void {
    const place = this.#find('freezer');
    if (place === undefined) return;
    visitTree(directoryOf(place), { enter: (path) => writeControlIfThere(`${path}/freezer.state`, 'THAWED') });
  }

  kill(signal: number): Promise<void> {
    return killFrozen(this, signal);
  }

  remove(): Promise<void> {
    return removeDirectories(this.record.directories, this.record.places.map(directoryOf));
  }
}

/**
 * v1 says neither when freezing has ended nor that it got stuck on a process which was forking; reading the state makes the
 * kernel look again, and writing it again makes it try again.
 */
function pressFreezer(file: string): boolean {
  writeControl(file, 'FROZEN');
  return readControl(file) === 'FROZEN';
}

function pressThaw(file: string): true {
  writeControl(file, 'THAWED');
  return true;
}

/** A new cpuset is empty on v1, and no process can enter an empty one: every level takes what its parent has. */
function inheritCpuset(directory: string, isNew: boolean): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (!isNew && readControl(`${directory}/${file}`) !== '') continue;
    writeControl(`${directory}/${file}`, readControl(`${directory}/../${file}`));
  }
}

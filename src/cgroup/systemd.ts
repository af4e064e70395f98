/**
 * A container in a transient scope of systemd, which keeps it from being treated as nobody's. systemd makes the cgroup and moves the
 * first process there; limits are its properties, and are then written to the files as well, by the driver of the layout: systemd
 * knows only some of them, and rounds. What talks to systemd is loaded only when that happens.
 */
import type { Resources, Spec } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import { delegatedTo } from './delegate.ts';
import type { CgroupDriver, CgroupPlacement, Change, DeviceProgramLoader, UpdateRequest } from './driver.ts';
import { readControlIfThere, writeControl, writeControlIfThere } from './files.ts';
import { type Leniency, strict } from './leniency.ts';
import { missingDirectories } from './make.ts';
import { type CgroupPlace, type CgroupRecord, directoryOf, type SystemdUnit } from './record.ts';
import type { Systemd } from './systemd/manager.ts';
import type { Unapplied } from './unapplied.ts';
import { CgroupV1 } from './v1.ts';
import { CgroupV2 } from './v2.ts';

/** What only a new container has. */
export interface NewScope {
  readonly id: string;
  readonly spec: Spec;
  /** The hierarchies, with an empty path: systemd says later where the scope lies. */
  readonly hierarchies: readonly CgroupPlace[];
  readonly leniency: Leniency;
  readonly loader: DeviceProgramLoader | undefined;
}

type Files = CgroupV1 | CgroupV2;

export class SystemdCgroup implements CgroupDriver {
  /** systemd has no scope without a process. */
  readonly precedes = false;
  readonly #unit: SystemdUnit;
  readonly #new: NewScope | undefined;
  #record: CgroupRecord;
  /** Nothing before the scope has started. */
  #files: Files | undefined;
  /** Before that there is no scope to be ended. */
  #isAskedFor: boolean;

  constructor(record: CgroupRecord, unit: SystemdUnit, made?: NewScope) {
    this.#record = record;
    this.#unit = unit;
    this.#new = made;
    this.#isAskedFor = made === undefined;
    if (record.places.length > 0) this.#files = filesOf(record);
  }

  /** Before create() it names the unit alone, which is enough to end it. */
  get record(): CgroupRecord {
    return this.#record;
  }

  get placement(): CgroupPlacement {
    return this.#files?.placement ?? { kind: 'none' };
  }

  get skipped(): readonly string[] {
    return this.#files?.skipped ?? [];
  }

  get unapplied(): readonly Unapplied[] {
    return this.#files?.unapplied ?? [];
  }

  /** A scope always has one. */
  get absence(): undefined {
    return undefined;
  }

  get warnings(): readonly string[] {
    return this.#files?.warnings ?? [];
  }

  async create(pid = 0): Promise<void> {
    const made = this.#new;
    if (made === undefined) throw new TsruncError('SYSTEM', `The scope ${this.#unit.name} cannot be made twice`);
    await this.#withSystemd(async (systemd) => {
      const { correctScope, startScope } = await import('./systemd/scope.ts');
      const start = { unit: this.#unit, layout: this.#record.layout, pid, ...made };
      this.#isAskedFor = true;
      const files = this.#adopt(await startScope(systemd, start), made);
      await correctScope(systemd, start, (file) => currentIn(files, file));
    });
  }

  #adopt(path: string, made: NewScope): Files {
    const places = made.hierarchies.map((place) => ({ ...place, path }));
    // What systemd did not make is ours to remove; on v2 only what it leaves behind.
    const directories = [...places.flatMap(missingDirectories), ...places.map(directoryOf)];
    this.#record = { ...this.#record, places, directories: [...new Set(directories)] };
    const files = filesOf(this.#record, made);
    this.#files = files;
    files.adopt();
    // Less, where the user's systemd has only some hierarchies of cgroup v1.
    this.#record = files.record ?? this.#record;
    return files;
  }

  async apply(resources: Resources): Promise<void> {
    const files = this.#there();
    wake(files, resources);
    await files.apply(resources);
  }

  /**
   * The files first: what the kernel refuses, or we, does not reach systemd then, which would have written it its own way and let
   * the kernel kill.
   */
  async update(request: UpdateRequest): Promise<readonly Change[]> {
    const files = this.#there();
    const { layout } = this.#record;
    return await this.#withSystemd(async (systemd) => {
      const [{ updateScope }, { orSetBack }] = await Promise.all([import('./systemd/scope.ts'), import('./limits.ts')]);
      const changes = await files.update(request);
      const current = (file: string) => currentIn(files, file);
      const rewrite = (file: string): void => {
        const path = pathOf(files, file);
        for (const change of changes) if (change.path === path) writeControl(change.path, change.after);
      };
      await orSetBack(changes, () =>
        updateScope(systemd, { unit: this.#unit.name, layout, request, current, rewrite }),
      );
      return changes;
    });
  }

  #there(): Files {
    if (this.#files !== undefined) return this.#files;
    throw new TsruncError('CGROUP_FAILED', `The scope ${this.#unit.name} was never completed`);
  }

  directory(hierarchy: string): string {
    return this.#there().directory(hierarchy);
  }

  openTasks(hierarchy: string): number {
    return this.#there().openTasks(hierarchy);
  }

  ensureInside(pid: number): void {
    this.#there().ensureInside(pid);
  }

  openDirectory(): number {
    return this.#files?.openDirectory() ?? -1;
  }

  pids(): number[] {
    return this.#files?.pids() ?? [];
  }

  oomKills(): number {
    return this.#files?.oomKills() ?? 0;
  }

  frozen(): boolean {
    return this.#files?.frozen() ?? false;
  }

  /** By the file: systemd's own freezing exists only since version 246, and a scope can be frozen under it. */
  async freeze(on: boolean): Promise<void> {
    if (on) return await this.#there().freeze(true);
    await this.#files?.freeze(false);
  }

  thaw(): void {
    this.#files?.thaw();
  }

  async kill(signal: number): Promise<void> {
    await this.#unlessAnothers(async (systemd, isOurs) => {
      if (this.#files !== undefined) await this.#files.kill(signal);
      else if (isOurs) await systemd.kill(this.#unit.name, signal);
    });
  }

  /** The scope ends by itself when its last process has; stopping it waits for that, and frees its name. */
  async remove(): Promise<void> {
    await this.#unlessAnothers(async (systemd, isOurs) => {
      if (isOurs) await systemd.stop(this.#unit.name);
      if (isOurs) await systemd.resetFailed(this.#unit.name);
      await this.#files?.remove();
    });
  }

  /** A scope that has ended gives its name, and the path of its cgroup, to whoever asks next. */
  async #unlessAnothers(work: (systemd: Systemd, isOurs: boolean) => Promise<void>): Promise<void> {
    if (!this.#isAskedFor) return;
    await this.#withSystemd(async (systemd) => {
      const { ownerOf } = await import('./systemd/scope.ts');
      const owner = await ownerOf(systemd, this.#unit);
      if (owner !== 'another') await work(systemd, owner === 'us');
    });
  }

  async #withSystemd<T>(work: (systemd: Systemd) => Promise<T>): Promise<T> {
    const { Systemd } = await import('./systemd/manager.ts');
    const systemd = await Systemd.open(this.#unit.manager);
    try {
      return await work(systemd);
    } finally {
      systemd.close();
    }
  }
}

function filesOf(record: CgroupRecord, made?: NewScope): Files {
  const leniency = made?.leniency ?? strict;
  if (record.layout !== 'v2') return new CgroupV1(record, leniency);
  return new CgroupV2(record, leniency, made?.loader, made === undefined ? undefined : delegatedTo(made.spec));
}

/** An idle cgroup takes no weight (EINVAL), and systemd has made it idle already. */
function wake(files: Files, { cpu, unified }: Resources): void {
  if (cpu?.idle !== 1 && unified?.['cpu.idle'] !== '1') return;
  const path = pathOf(files, 'cpu.idle');
  if (path !== undefined) writeControlIfThere(path, '0');
}

/** undefined where there is no such cgroup. */
function pathOf({ placement }: Files, file: string): string | undefined {
  const controller = file.slice(0, file.indexOf('.'));
  if (placement.kind === 'v2') return `${directoryOf({ ...placement, controllers: [] })}/${file}`;
  const places = placement.kind === 'v1' ? placement.hierarchies : [];
  const place = places.find(({ controllers }) => controllers.includes(controller));
  return place && `${directoryOf(place)}/${file}`;
}

function currentIn(files: Files, file: string): string | undefined {
  const path = pathOf(files, file);
  return path === undefined ? undefined : readControlIfThere(path);
}

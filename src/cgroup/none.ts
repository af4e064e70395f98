/** No cgroup for the container: switched off by --cgroup-manager disabled, or none to be had. */
import type { Resources } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { CgroupDriver, Change, UpdateRequest } from './driver.ts';
import { placeOf } from './failure.ts';
import { type Leniency, strict } from './leniency.ts';
import type * as Limits from './limits.ts';
import { Forgone, type Unapplied } from './unapplied.ts';

/** Nobody will apply them, so what one layout alone has is none's mistake; v1 has all but `unified`, which is never one. */
const widest = 'v1';

export class NoCgroup implements CgroupDriver {
  readonly record = undefined;
  readonly placement = { kind: 'none' } as const;
  readonly precedes = false;
  readonly skipped: readonly string[];
  readonly warnings = [];
  readonly absence: string;
  readonly #leniency: Leniency;
  readonly #forgone: Forgone;

  /** @param reason why, as the second half of a sentence */
  constructor(reason: string, leniency: Leniency = strict) {
    this.absence = reason;
    this.#leniency = leniency;
    this.#forgone = new Forgone(leniency);
    this.skipped = [`The container has no cgroup: ${reason}`];
  }

  get unapplied(): readonly Unapplied[] {
    return this.#forgone.fields;
  }

  create(): void {}

  /** Device rules are left out, as they say what every container's say; limits only for an ordinary user. @throws TsruncError UNSUPPORTED */
  async apply(resources: Resources): Promise<void> {
    const limits = await import('./limits.ts');
    if (this.#leniency.rights) this.#forgo(limits, resources);
    else this.#refuse(limits, resources);
  }

  #refuse({ askedLimits }: typeof Limits, resources: Resources): void {
    const [from] = askedLimits(resources, widest);
    if (from === undefined) return;
    throw new TsruncError('UNSUPPORTED', `The container cannot be limited: ${this.absence}`, placeOf(from));
  }

  #forgo(limits: typeof Limits, resources: Resources): void {
    const obstacle = { kind: 'other', reason: this.absence } as const;
    this.#forgone.path(obstacle);
    this.#forgone.everything(limits, resources, widest, obstacle);
  }

  async update({ asked }: UpdateRequest): Promise<readonly Change[]> {
    this.#refuse(await import('./limits.ts'), asked);
    return [];
  }

  directory(hierarchy: string): never {
    throw new TsruncError(
      'CGROUP_FAILED',
      `The container has no cgroup in the hierarchy "${hierarchy}": ${this.absence}`,
    );
  }

  openTasks(hierarchy: string): never {
    return this.directory(hierarchy);
  }

  ensureInside(): void {}

  openDirectory(): number {
    return -1;
  }

  pids(): number[] {
    return [];
  }

  oomKills(): number {
    return 0;
  }

  frozen(): boolean {
    return false;
  }

  async freeze(on: boolean): Promise<void> {
    if (on) throw new TsruncError('UNSUPPORTED', `The container cannot be paused: ${this.absence}`);
  }

  thaw(): void {}

  async kill(): Promise<void> {}

  async remove(): Promise<void> {}
}

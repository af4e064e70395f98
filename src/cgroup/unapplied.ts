/** What an ordinary user's container lacks for want of rights: which fields, and what stands in their way. */
import type { Resources } from '../config/spec.ts';
import type { Layout, Write } from './controllers/write.ts';
import type { Leniency } from './leniency.ts';
import type * as Limits from './limits.ts';

export type Obstacle =
  /** A cgroup, or a file of one, that the user may not make or write. */
  | { readonly kind: 'cgroup'; readonly path: string }
  /** A controller that the user's cgroup was not given. */
  | { readonly kind: 'controller'; readonly name: string; readonly path: string }
  /** Anything else, as the second half of a sentence. */
  | { readonly kind: 'other'; readonly reason: string };

export interface Unapplied {
  /** JSON pointer of the field. */
  readonly from: string;
  readonly obstacle: Obstacle;
}

export type Forgo = (write: Pick<Write, 'from' | 'also'>, obstacle: Obstacle) => void;

/** Collects them while a driver makes a cgroup. */
export class Forgone {
  readonly #fields = new Map<string, Unapplied>();
  readonly #leniency: Leniency;

  constructor(leniency: Leniency) {
    this.#leniency = leniency;
  }

  get fields(): readonly Unapplied[] {
    return [...this.#fields.values()];
  }

  /** For a write that the user has no right to; undefined where that is an error. */
  get take(): Forgo | undefined {
    if (!this.#leniency.rights) return undefined;
    return ({ from, also }, obstacle) => {
      this.add(from, obstacle);
      if (also !== undefined) this.add(also, obstacle);
    };
  }

  add(from: string, obstacle: Obstacle): void {
    if (!this.#fields.has(from)) this.#fields.set(from, { from, obstacle });
  }

  /** The cgroup itself: nobody's loss where no certain one was asked for. */
  path(obstacle: Obstacle): void {
    if (this.#leniency.namedPath) this.add('/linux/cgroupsPath', obstacle);
  }

  /** All that the resources ask for. @throws TsruncError CONFIG_INVALID, UNSUPPORTED for what the layout never has */
  everything(limits: typeof Limits, resources: Resources, layout: Layout, obstacle: Obstacle): void {
    for (const from of limits.askedLimits(resources, layout)) this.add(from, obstacle);
    this.deviceRules(limits, resources);
  }

  /**
   * Device rules that would have taken something away. An ordinary user's container can make no device nodes, and opens those of
   * the host with the user's own rights, so the lack of the usual list (deny all, allow some) changes nothing.
   */
  deviceRules({ restrictingRules }: typeof Limits, resources: Resources): void {
    if (!this.#leniency.rights) return;
    for (const { from } of restrictingRules(resources))
      this.add(from, { kind: 'other', reason: 'only root can enforce rules for devices' });
  }
}

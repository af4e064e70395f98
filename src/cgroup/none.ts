/** No cgroup for the container: switched off by --cgroup-manager disabled, or none to be had. */
import type { Resources } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import { firstLimit } from './controllers/compile.ts';
import type { CgroupDriver, Change, UpdateRequest } from './driver.ts';
import { placeOf } from './failure.ts';

export class NoCgroup implements CgroupDriver {
  readonly record = undefined;
  readonly placement = { kind: 'none' } as const;
  readonly precedes = false;
  readonly skipped: readonly string[];
  readonly warnings = [];
  readonly #reason: string;

  /** @param reason why, as the second half of a sentence */
  constructor(reason: string) {
    this.#reason = reason;
    this.skipped = [`The container has no cgroup: ${reason}`];
  }

  create(): void {}

  /** Device rules are left out, as they say what every container's say; limits are not. @throws TsruncError UNSUPPORTED */
  apply(resources: Resources): void {
    const from = firstLimit(resources);
    if (from === undefined) return;
    throw new TsruncError('UNSUPPORTED', `The container cannot be limited: ${this.#reason}`, placeOf(from));
  }

  async update({ asked }: UpdateRequest): Promise<readonly Change[]> {
    this.apply(asked);
    return [];
  }

  directory(hierarchy: string): string {
    throw new TsruncError(
      'CGROUP_FAILED',
      `The container has no cgroup in the hierarchy "${hierarchy}": ${this.#reason}`,
    );
  }

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
    if (on) throw new TsruncError('UNSUPPORTED', `The container cannot be paused: ${this.#reason}`);
  }

  thaw(): void {}

  async kill(): Promise<void> {}

  async remove(): Promise<void> {}
}

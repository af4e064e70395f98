import { NoCgroup } from '../cgroup/none.ts';
import { watchOom } from '../cgroup/oom.ts';
import { cgroupStats, type Source } from '../cgroup/stats/stats.ts';
import type { Stats } from '../cgroup/stats/types.ts';
import { TsruncError } from '../errors.ts';
import { loadNative } from '../native/load.ts';
import { resctrlAt } from '../rdt/resctrl.ts';
import { rdtStats } from '../rdt/stats.ts';
import type { ContainerRecord } from '../store/record.ts';
import { Beat, Bell } from './bell.ts';
import type { EventsOptions, TargetOptions } from './options.ts';
import { openProcess } from './process.ts';
import { cgroupOf } from './processes.ts';
import { statusOf } from './status.ts';

/** What happens to a container, as `events` prints it. */
export type ContainerEvent =
  | { readonly type: 'stats'; readonly id: string; readonly data: Stats }
  /** It ran out of memory. */
  | { readonly type: 'oom'; readonly id: string };

/**
 * What a container uses now.
 * @throws TsruncError CONTAINER_UNKNOWN; CONTAINER_WRONG_STATE when it has stopped
 */
export const stats = (target: Pick<TargetOptions, 'store' | 'id'>): Stats => statsOf(aliveRecord(target));

/**
 * Statistics after each interval, and each time that the container runs out of memory; ends when the container does.
 * @throws TsruncError as stats()
 */
export async function* events({ store, id, intervalMs, signal }: EventsOptions): AsyncGenerator<ContainerEvent> {
  const record = aliveRecord({ store, id });
  const native = loadNative();
  const init = openProcess(native, record);
  if (init === undefined) return;
  const bell = new Bell();
  const beat = new Beat(native, init.pidfd, intervalMs, bell);
  const oom = watchOom(sourceOf(record), native, bell.ring);
  signal?.addEventListener('abort', bell.ring);
  try {
    while (signal?.aborted !== true) {
      await bell.heard();
      // First, because running out of memory may be the end.
      if (oom.take()) yield { type: 'oom', id };
      if (beat.state === 'ended') return;
      if (beat.state === 'waiting') continue;
      yield { type: 'stats', id, data: statsOf(record) };
      beat.next();
    }
  } finally {
    signal?.removeEventListener('abort', bell.ring);
    oom.close();
    beat.stop(() => init[Symbol.dispose]());
  }
}

function aliveRecord({ store, id }: Pick<TargetOptions, 'store' | 'id'>): ContainerRecord {
  const directory = store.open(id);
  try {
    const record = directory.read();
    const status = statusOf(directory, record);
    if (status !== 'stopped' && status !== 'creating') return record;
    throw new TsruncError('CONTAINER_WRONG_STATE', `container with id ${id} is not running`);
  } finally {
    directory.close();
  }
}

const sourceOf = (record: ContainerRecord): Source => cgroupOf(record) ?? new NoCgroup('it has none');

const statsOf = (record: ContainerRecord): Stats => ({
  ...cgroupStats(sourceOf(record)),
  intel_rdt: record.rdt === undefined ? {} : rdtStats(record.rdt, resctrlAt(record.rdt.mountpoint)),
  network_interfaces: null,
});

import type { State } from '../config/spec.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { ContainerState, ContainerStatus, TargetOptions } from './options.ts';
import { statusOf } from './status.ts';

/**
 * The state of one container.
 * @throws TsruncError CONTAINER_UNKNOWN, STATE_UNREADABLE
 */
export function state({ store, id }: Pick<TargetOptions, 'store' | 'id'>): ContainerState {
  const directory = store.open(id);
  try {
    const record = directory.read();
    return describe(record, statusOf(directory, record));
  } finally {
    directory.close();
  }
}

/** `pid` is 0 once the process has ended (runtime.md "State": REQUIRED only for created and running). */
export function describe(record: ContainerRecord, status: ContainerStatus): ContainerState {
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === 'stopped' ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    annotations: record.annotations,
    owner: record.owner,
  };
}

/** The state that a hook reads on its stdin (runtime-spec state; without runc's additions). */
export function hookState(record: ContainerRecord, status: ContainerStatus, pid: number): State {
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    status: status === 'paused' ? 'running' : status,
    pid,
    bundle: record.bundle,
    ...(record.annotations === undefined ? {} : { annotations: record.annotations }),
  };
}

/** The same as text with the pid cut out: inside a pid namespace only the helper knows it. */
export function hookStateAroundPid(
  record: ContainerRecord,
  status: ContainerStatus,
): { prefix: string; suffix: string } {
  const { pid: _, ...rest } = hookState(record, status, 0);
  return { prefix: '{"pid":', suffix: `,${JSON.stringify(rest).slice(1)}` };
}

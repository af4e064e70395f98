import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { openCgroup } from '../cgroup/choose.ts';
import type { CgroupDriver } from '../cgroup/driver.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { processStatus } from '../host/process.ts';
import { loadNative } from '../native/load.ts';
import type { ContainerRecord } from '../store/record.ts';
import { type ContainerDir, START_SOCKET } from '../store/store.ts';
import type { TargetOptions } from './options.ts';
import { openProcess } from './process.ts';

/**
 * The processes of a container as this pid namespace knows them, in the order of their numbers; none when it has stopped.
 * @throws TsruncError CONTAINER_UNKNOWN; UNSUPPORTED where nothing tells them from those of others
 */
export function processes({ store, id }: Pick<TargetOptions, 'store' | 'id'>): number[] {
  const directory = store.open(id);
  try {
    return processesOf(directory.read()).sort((one, other) => one - other);
  } finally {
    directory.close();
  }
}

/** Its cgroup lists them, or, without one, the pid namespace that was made for it. */
export function processesOf(record: ContainerRecord): number[] {
  const cgroup = cgroupOf(record);
  if (cgroup !== undefined) return cgroup.pids();
  using init = openProcess(loadNative(), record);
  if (init === undefined) return [];
  if (record.ownPidNamespace) return inPidNamespace(namespaceOf(record.pid));
  throw new TsruncError('UNSUPPORTED', `The processes of container ${record.id} are not known`, {
    hint: 'It has neither a cgroup nor a pid namespace of its own.',
  });
}

/**
 * Whether nothing tells which processes are the container's but its first one: it has neither a cgroup nor a pid namespace of
 * its own. False as long as there can be no others, which is until its program runs. To be asked before the first one is killed.
 */
export const hidesOthers = (directory: ContainerDir, record: ContainerRecord): boolean =>
  record.phase === 'created' &&
  !record.ownPidNamespace &&
  !existsSync(directory.file(START_SOCKET)) &&
  cgroupOf(record) === undefined;

/** What then is to be said. */
export const othersMayRun = ({ id }: ContainerRecord): string =>
  `Of the processes of container ${id} only the first is known, and others may go on running: it has neither a cgroup nor a pid namespace of its own`;

/** The container's cgroup, if it has one and nobody has moved it elsewhere. */
export function cgroupOf(record: ContainerRecord): CgroupDriver | undefined {
  if (record.cgroup === undefined) return undefined;
  const cgroup = openCgroup(record.cgroup);
  // In this order: one that ends leaves its cgroup first.
  const isIn = cgroup.pids().includes(record.pid);
  return isIn || processStatus(record.pid, record.startTime) !== 'running' ? cgroup : undefined;
}

const inPidNamespace = (namespace: string | undefined): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => namespace !== undefined && namespaceOf(pid) === namespace);

/** Undefined for a process that has ended, or that this user may not look at. */
export function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(errnoName(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * The container's cgroup in the hands of its user, who may then make cgroups below it and move processes between them, as
 * systemd in a container does (config-linux.md "Cgroup ownership"). Limits stay the runtime's: the kernel lists which files are safe.
 */
import { chownSync } from 'node:fs';
import { posix } from 'node:path';
import type { IdMapping, Spec } from '../config/spec.ts';
import { errnoName } from '../host/errno.ts';
import { readControlIfThere } from './files.ts';

/** Where the kernel has no list of its own (before Linux 4.15). */
const always = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'];
const KEEP = -1;

/**
 * Whom the cgroup is for, as an id of the host: the program's user, if it has a cgroup namespace of its own and may write to its
 * cgroup file system.
 * @returns undefined where the cgroup stays the runtime's
 */
export function delegatedTo({ process, mounts, linux }: Spec): number | undefined {
  const isOwn = (type: string) =>
    linux?.namespaces?.some((one) => one.type === type && (one.path ?? '') === '') === true;
  const isWritable = mounts?.some(
    ({ source, destination, options }) =>
      source === 'cgroup' && posix.resolve('/', destination) === '/sys/fs/cgroup' && options?.includes('ro') !== true,
  );
  if (!isOwn('cgroup') || isWritable !== true) return undefined;
  const uid = process?.user?.uid ?? 0;
  return linux?.namespaces?.some(({ type }) => type === 'user') === true ? hostId(linux.uidMappings ?? [], uid) : uid;
}

function hostId(mappings: readonly IdMapping[], id: number): number | undefined {
  const found = mappings.find(({ containerID, size }) => id >= containerID && id - containerID < size);
  return found === undefined ? undefined : found.hostID + (id - found.containerID);
}

/** @throws the system call's error */
export function delegate(directory: string, uid: number): void {
  if (uid === process.geteuid?.()) return;
  const files = readControlIfThere('/sys/kernel/cgroup/delegate')?.split('\n').filter(Boolean) ?? always;
  chownSync(directory, uid, KEEP);
  for (const file of files) chownIfThere(`${directory}/${file}`, uid);
}

/** Not every cgroup has every file: the controllers decide. */
function chownIfThere(file: string, uid: number): void {
  try {
    chownSync(file, uid, KEEP);
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') throw error;
  }
}

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { parseMountinfo } from '../host/parse.ts';

/**
 * The resctrl file system of the kernel (Documentation/filesystems/resctrl.rst): a group of tasks is a directory, which the
 * kernel fills with files when it is made, and whose tasks fall back to the group above when it is removed.
 */
export interface Resctrl {
  /** Where it is mounted. */
  readonly mountpoint: string;
  exists(path: string): boolean;
  /** Names in a directory. */
  list(path: string): readonly string[];
  /** mkdir(2). */
  make(path: string): void;
  /** rmdir(2); a group is removed with its files. */
  remove(path: string): void;
  read(path: string): string;
  write(path: string, text: string): void;
}

/** The file system by its mountpoint. */
export const resctrlAt = (mountpoint: string): Resctrl => ({
  mountpoint,
  exists: existsSync,
  list: (path) => readdirSync(path),
  make: (path) => mkdirSync(path),
  remove: rmdirSync,
  read: (path) => readFileSync(path, 'utf8'),
  write: writeFileSync,
});

/**
 * The mounted resctrl of this mount namespace.
 * @throws TsruncError UNSUPPORTED where there is none: then the runtime MUST generate an error (config-linux.md "IntelRdt")
 */
export function openResctrl(): Resctrl {
  const [mount] = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'), 'resctrl');
  if (mount !== undefined) return resctrlAt(mount.mountpoint);
  const known = readFileSync('/proc/filesystems', 'utf8').split(/\s+/).includes('resctrl');
  throw new TsruncError('UNSUPPORTED', 'Intel RDT is not available: no resctrl file system is mounted', {
    place: { file: 'config.json', pointer: '/linux/intelRdt' },
    hint: known
      ? 'Mount it: mount -t resctrl resctrl /sys/fs/resctrl'
      : 'The kernel has it only on CPUs that have RDT, QoS or MPAM, and where it was built in (CONFIG_X86_CPU_RESCTRL).',
  });
}

/** @throws TsruncError SYSTEM; `action` completes "Cannot" */
export function makeGroup(resctrl: Resctrl, path: string, action: string): void {
  try {
    resctrl.make(path);
  } catch (cause) {
    throw resctrlFailure(resctrl, `${action} ${path}`, cause, '');
  }
}

/** @param field below /linux/intelRdt, "/memBwSchema". @throws TsruncError SYSTEM */
export function writeGroup(resctrl: Resctrl, path: string, text: string, field = ''): void {
  try {
    resctrl.write(path, text);
  } catch (cause) {
    throw resctrlFailure(resctrl, `write ${JSON.stringify(text.trimEnd())} to ${path}`, cause, field);
  }
}

/** No error when it is gone. @throws TsruncError SYSTEM */
export function removeGroup(resctrl: Resctrl, path: string): void {
  try {
    resctrl.remove(path);
  } catch (cause) {
    if (errnoName(cause) !== 'ENOENT') throw resctrlFailure(resctrl, `remove ${path}`, cause, '');
  }
}

/** The error of a failed write or mkdir; the kernel says in words what it did not like. */
function resctrlFailure(resctrl: Resctrl, action: string, cause: unknown, field: string): TsruncError {
  const words = lastStatus(resctrl);
  const because = words === '' ? errnoName(cause) : `${errnoName(cause)} (${words})`;
  const full = errnoName(cause) === 'ENOSPC';
  return new TsruncError('SYSTEM', `Cannot ${action}: ${because}`, {
    cause,
    place: { file: 'config.json', pointer: `/linux/intelRdt${field}` },
    ...(full ? { hint: 'The hardware has no class of service or monitor left: remove groups that nobody needs.' } : {}),
  });
}

function lastStatus(resctrl: Resctrl): string {
  const path = join(resctrl.mountpoint, 'info', 'last_cmd_status');
  if (!resctrl.exists(path)) return '';
  const text = resctrl.read(path).trim();
  return text === 'ok' ? '' : text;
}

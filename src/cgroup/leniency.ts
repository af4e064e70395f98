/** What an ordinary user's cgroups may lack without an error. */
import { errnoName } from '../host/errno.ts';

export interface Leniency {
  /** What the user has no right to is left out, and listed (CgroupDriver.unapplied): the caller is no root. */
  readonly rights: boolean;
  /** Device rules: such a user can neither set them nor make device nodes. */
  readonly devices: boolean;
  /** A certain path was asked for, so that its lack is listed as well. */
  readonly namedPath?: boolean;
  /** On cgroup v2, of an ordinary user: the runtime's own cgroup, where its children begin. */
  readonly origin?: string;
}

export const strict: Leniency = { rights: false, devices: false };

/** Whether a system call failed for lack of rights. */
export function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(errnoName(error) ?? '');
}

/** A file that the user may not open for writing; what write(2) is denied is a matter of the value ("cpuset.cpus", say). */
export function isWithheld(error: unknown): boolean {
  return isDenied(error) && (error as NodeJS.ErrnoException).syscall === 'open';
}

/** What an unprivileged user's cgroups may lack without an error, because nothing was asked of them. */
import { errnoName } from '../host/errno.ts';

export interface Leniency {
  /** Directories that may not be made: the user is not privileged and asked for no path. */
  readonly directories: boolean;
  /** Device rules: such a user can neither set them nor make device nodes. */
  readonly devices: boolean;
}

export const strict: Leniency = { directories: false, devices: false };

/** Whether a system call failed for lack of rights. */
export function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(errnoName(error) ?? '');
}

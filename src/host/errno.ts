/** Symbolic name of a failed system call ("ENOENT"), undefined for any other error. */
export function errnoName(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether a file could not be written because there is no room for it. */
export const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(errnoName(error) ?? '');

/** What to do about a file that this user may not read: a field for the details of an error. */
export const hintToRead = (error: unknown): { readonly hint?: string } =>
  errnoName(error) === 'EACCES'
    ? { hint: 'This user may not read it: see its mode, and those of the folders above.' }
    : {};

/** Symbolic name of a failed system call ("ENOENT"), undefined for any other error. */
export function errnoName(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

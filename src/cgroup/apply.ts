/** Makes the writes that the controllers asked for. */
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { Write } from './controllers/write.ts';
import { placeOf, writeFailed } from './failure.ts';
import { readControlIfThere, writeControl } from './files.ts';

/** Where a controller's files are, or why there are none. */
export type Locate = (controller: string) => { readonly directory: string } | { readonly missing: string };

/**
 * Write everything in order, then once more what the kernel refused because of values that came later.
 * @throws TsruncError CGROUP_FAILED at the first refusal; UNSUPPORTED when a controller is missing
 */
export function applyWrites(writes: readonly Write[], locate: Locate): void {
  const again = writes.filter((write) => !applyWrite(write, locate, write.retry === true));
  for (const write of again) applyWrite(write, locate, false);
}

/** @returns false when it should be tried again */
function applyWrite(write: Write, locate: Locate, mayRetry: boolean): boolean {
  const found = locate(write.controller);
  if ('missing' in found) {
    if (write.ifMissing === 'skip') return true;
    throw new TsruncError(
      'UNSUPPORTED',
      `Cannot set ${write.file} to "${write.value}": ${found.missing}`,
      placeOf(write.from),
    );
  }
  if (write.usage !== undefined) refuseBelowUsage(write, `${found.directory}/${write.usage}`);
  const path = `${found.directory}/${write.file}`;
  try {
    writeControl(path, write.value);
  } catch (error) {
    if (mayRetry && errnoName(error) === 'EINVAL') return false;
    if (write.ifMissing === 'skip' && errnoName(error) === 'ENOENT') return true;
    throw writeFailed(write, path, error);
  }
  return true;
}

function refuseBelowUsage(write: Write, usageFile: string): void {
  const usage = Number(readControlIfThere(usageFile) ?? 0);
  if (usage <= Number(write.value)) return;
  throw new TsruncError('CGROUP_FAILED', `Cannot set ${write.file} to ${write.value}: ${usage} bytes are in use`, {
    ...placeOf(write.from),
    hint: 'Processes would be killed. Free memory first, take a higher limit, or leave checkBeforeUpdate out.',
  });
}

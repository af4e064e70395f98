/** Debian's runc beside the runtime under test. */
import { rmdirSync } from 'node:fs';
import { eventually, exec } from './box.ts';
import { cgroupDirectories } from './host.ts';

/**
 * Delete a container of runc. On a hybrid host release 1.1 now and then leaves its cgroup in the hierarchy of v2, which the
 * kernel still holds busy when runc tries once.
 */
export async function deleteWithRunc(root: string, id: string): Promise<void> {
  await exec('runc', ['--root', root, 'delete', '--force', id]);
  await eventually('its cgroups are gone', () => cgroupDirectories(id).every(isRemoved) || undefined);
}

function isRemoved(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return false;
    if (code === 'ENOENT') return true;
    throw error;
  }
}

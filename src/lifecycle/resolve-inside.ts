import { readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoName } from '../host/errno.ts';

/** As many as the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40;

/**
 * What an absolute path of a container's configuration is inside, without symbolic links, to find it in the list of its
 * mounts. Only compared, never opened: the container may change it at any moment.
 */
export function resolveInside(pid: number, path: string): string {
  const rest = path.split('/').filter(Boolean);
  let links = 0;
  let done = '/';
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = posix.join(done, name);
    const text = links < MOST_LINKS ? linkAt(`/proc/${pid}/root${next}`) : undefined;
    if (text === undefined) done = next;
    else {
      links += 1;
      rest.unshift(...text.split('/').filter(Boolean));
      if (text.startsWith('/')) done = '/';
    }
  }
  return done;
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    // No link, or nothing at all.
    if (['EINVAL', 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errnoName(error) ?? '')) return undefined;
    throw error;
  }
}

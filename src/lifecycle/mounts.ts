import { readFileSync } from 'node:fs';
import { unescapeOctal } from '../host/parse.ts';
import type { Native } from '../native/native.ts';

/**
 * Detach what is mounted below a container's root in our own mount namespace, the last mounted first: a container without a
 * mount namespace of its own leaves its mounts to the host. Mounts of a root that is itself a mountpoint stay.
 */
export function detachMountsBelow(native: Native, rootfs: string): void {
  const mountpoints = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
    .filter((mountpoint) => mountpoint.startsWith(`${rootfs}/`));
  for (const mountpoint of mountpoints.reverse()) native.detachMount(mountpoint);
}

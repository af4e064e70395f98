/** Which cgroup layout this host has, decided from its mounts and our memberships; pure. */
import type { CgroupFacts, CgroupHierarchy } from './facts.ts';
import type { CgroupMembership, MountEntry } from './parse.ts';

/** The two things that the text files cannot tell. */
export interface CgroupProbe {
  /** "major:minor" of what is visible at a path now; undefined when nothing is. */
  readonly deviceOf: (path: string) => string | undefined;
  /** Content of cgroup.controllers at a cgroup v2 mount. */
  readonly controllersAt: (mountpoint: string) => string;
}

/**
 * v2 where only cgroup2 is mounted; v1 where hierarchies with controllers are, hybrid where cgroup2 is mounted beside them.
 * A mount that another one covers does not count: it is in mountinfo, but its path leads elsewhere. Plain loops: this runs
 * once, cold, before every container.
 */
export function cgroupFacts(
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  probe: CgroupProbe,
): CgroupFacts {
  let unified: { readonly mount: MountEntry; readonly ownPath: string } | undefined;
  const hierarchies = new Map<string, CgroupHierarchy>();
  for (const mount of mounts) {
    const membership = membershipIn(mount, memberships);
    if (membership === undefined || probe.deviceOf(mount.mountpoint) !== mount.device) continue;
    const { controllers, path } = membership;
    if (mount.fstype === 'cgroup2') {
      if (isBetter(mount.root, unified?.mount.root, path)) unified = { mount, ownPath: path };
      continue;
    }
    const key = controllers.join();
    const { mountpoint, root } = mount;
    if (isBetter(root, hierarchies.get(key)?.root, path))
      hierarchies.set(key, { controllers, mountpoint, root, ownPath: path });
  }
  const found = [...hierarchies.values()];
  if (unified !== undefined && !found.some(hasControllers)) {
    const { mountpoint, root } = unified.mount;
    const controllers = probe.controllersAt(mountpoint).split(' ').filter(Boolean);
    return { layout: 'v2', mountpoint, ownPath: withinMount(root, unified.ownPath), controllers };
  }
  if (found.length === 0) return { layout: 'none' };
  return { layout: unified === undefined ? 'v1' : 'hybrid', hierarchies: found };
}

/** One controller tells: each belongs to one hierarchy only. */
function membershipIn(mount: MountEntry, memberships: readonly CgroupMembership[]): CgroupMembership | undefined {
  for (const membership of memberships) {
    const [first] = membership.controllers;
    const fits = first === undefined ? mount.fstype === 'cgroup2' : mount.superOptions.includes(first);
    if (fits) return membership;
  }
  return undefined;
}

/** Of several mounts of one hierarchy: the first that shows our own cgroup, else the first. */
function isBetter(root: string, present: string | undefined, ownPath: string): boolean {
  return present === undefined || (!isWithin(present, ownPath) && isWithin(root, ownPath));
}

function hasControllers({ controllers }: CgroupHierarchy): boolean {
  return controllers[0]?.startsWith('name=') === false;
}

function isWithin(root: string, path: string): boolean {
  return root === '/' || path === root || path.startsWith(`${root}/`);
}

/**
 * A path of the hierarchy as it is seen below a mount that shows only `root` of it (a container without a cgroup namespace
 * sees the host's paths in /proc/self/cgroup, but only its own part in the mount). '/' when it lies outside.
 */
export function withinMount(root: string, path: string): string {
  // "/.." is the kernel's way to say: outside of your cgroup namespace.
  if (path === '/..' || path.startsWith('/../') || !isWithin(root, path)) return '/';
  return root === '/' ? path : path.slice(root.length) || '/';
}

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
 * A mount that another one covers does not count: it is in mountinfo, but its path leads elsewhere.
 */
export function cgroupFacts(
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  probe: CgroupProbe,
): CgroupFacts {
  const visible = mounts.filter((mount) => probe.deviceOf(mount.mountpoint) === mount.device);
  const unified = visible.filter((mount) => mount.fstype === 'cgroup2');
  const hierarchies = memberships
    .filter(({ controllers }) => controllers.length > 0)
    .flatMap((membership) => hierarchyOf(membership, visible) ?? []);
  const order = (hierarchy: CgroupHierarchy): number =>
    visible.findIndex((mount) => mount.mountpoint === hierarchy.mountpoint);
  hierarchies.sort((a, b) => order(a) - order(b));

  const ownPath = memberships.find(({ controllers }) => controllers.length === 0)?.path ?? '/';
  const best = bestMount(unified, ownPath);
  const controlled = hierarchies.some(({ controllers }) => controllers.some((name) => !name.startsWith('name=')));
  if (best !== undefined && !controlled) {
    const controllers = probe.controllersAt(best.mountpoint).split(' ').filter(Boolean);
    return { layout: 'v2', mountpoint: best.mountpoint, ownPath: withinMount(best.root, ownPath), controllers };
  }
  if (hierarchies.length === 0) return { layout: 'none' };
  return { layout: best === undefined ? 'v1' : 'hybrid', hierarchies };
}

function hierarchyOf(
  { controllers, path }: CgroupMembership,
  visible: readonly MountEntry[],
): CgroupHierarchy | undefined {
  const mounted = visible.filter(
    ({ fstype, superOptions }) => fstype === 'cgroup' && controllers.every((name) => superOptions.includes(name)),
  );
  const mount = bestMount(mounted, path);
  return mount && { controllers, mountpoint: mount.mountpoint, root: mount.root, ownPath: path };
}

/** Of several mounts of one hierarchy: the first that shows our own cgroup, else the first. */
function bestMount(mounts: readonly MountEntry[], ownPath: string): MountEntry | undefined {
  return mounts.find(({ root }) => isWithin(root, ownPath)) ?? mounts[0];
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

/** Where a container's cgroup lies within a hierarchy; pure. */

import { withinMount } from '../host/cgroup.ts';
import type { CgroupFacts, CgroupHierarchy } from '../host/facts.ts';
import type { CgroupPlace } from './record.ts';

/** linux.cgroupsPath (undefined or '' where it is not set) and the container's id. */
export interface PathRequest {
  readonly cgroupsPath: string | undefined;
  readonly id: string;
}

/** Remove ".", ".." and empty components. ".." at the top goes nowhere: a path cannot climb out of the hierarchy. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/**
 * config-linux.md "Cgroups Path": an absolute path is below the root of each hierarchy; a relative one is ours to place: below
 * the runtime's own cgroup, as runc does. The id stands in for a missing path.
 */
export function placeInV1(hierarchy: CgroupHierarchy, request: PathRequest): CgroupPlace {
  const { controllers, mountpoint, root } = hierarchy;
  return { controllers, mountpoint, path: resolve(withinMount(root, hierarchy.ownPath), request) };
}

/**
 * On v2 a relative path is placed beside our own cgroup instead of below it: ours has processes, and a cgroup with
 * processes cannot enable controllers for its children (cgroup-v2.rst "No Internal Process Constraint").
 */
export function placeInV2(facts: Extract<CgroupFacts, { layout: 'v2' }>, request: PathRequest): CgroupPlace {
  const parent = cleanPath(`${facts.ownPath}/..`);
  return { controllers: [], mountpoint: facts.mountpoint, path: resolve(parent, request) };
}

function resolve(base: string, { cgroupsPath, id }: PathRequest): string {
  const wanted = cgroupsPath || id;
  // Cleaned before it is joined, so that ".." cannot leave the base either.
  return wanted.startsWith('/') ? cleanPath(wanted) : cleanPath(base + cleanPath(wanted));
}

/** The innermost directory that holds both: "/a/b" of "/a/b/c" and "/a/b/d/e". */
export function commonParent(one: string, other: string): string {
  const parts = other.split('/');
  const levels = one.split('/');
  const differs = levels.findIndex((name, index) => name !== parts[index]);
  return levels.slice(0, differs < 0 ? undefined : differs).join('/') || '/';
}

/** All directories from below the mountpoint down to the place, the outermost first. */
export function ancestry({ mountpoint, path }: CgroupPlace): string[] {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => `${mountpoint}/${parts.slice(0, index + 1).join('/')}`);
}

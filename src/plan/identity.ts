import type { IdMapping, Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Op } from './ops.ts';

/** The id that builds the container: root where that is mapped, otherwise any id that is (an unmapped one owns nothing). */
function builder(mappings: readonly IdMapping[] = []): number {
  const first = mappings[0];
  const mapsRoot = mappings.some(({ containerID }) => containerID === 0);
  return first === undefined || mapsRoot ? 0 : first.containerID;
}

/** setgroups(2) works where we are: it takes root, and our own user namespace may deny it (user_namespaces(7)). */
export const mayClearGroups = ({ user }: HostFacts): boolean => user.euid === 0 && user.setgroupsDenied !== true;

/**
 * The caller's supplementary groups are not the container's. Root drops them before it enters a user namespace, which may deny
 * it; an ordinary user can only afterwards, and where newgidmap has mapped more than the user's own group.
 */
export const groupsOutside = (host: HostFacts): readonly Op[] =>
  mayClearGroups(host) ? [{ op: 'dropGroups', whereAllowed: 0, from: '' }] : [];
export const groupsInside = (): readonly Op[] => [{ op: 'dropGroups', whereAllowed: 1, from: '' }];

/**
 * After entering a user namespace the ids are still those of the runtime, which the namespace does not map. Without a map of
 * its own (joined) uid 0 is the owner of what the namespace is for.
 */
export const identityInside = ({ linux }: Spec): readonly Op[] => [
  {
    op: 'assumeIdentity',
    uid: builder(linux?.uidMappings),
    gid: builder(linux?.gidMappings),
    from: '/linux/uidMappings',
  },
];

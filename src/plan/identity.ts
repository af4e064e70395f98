import type { IdMapping, Spec } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Op } from './ops.ts';

/** The id that builds the container: root where that is mapped, otherwise any id that is (an unmapped one owns nothing). */
function builder(mappings: readonly IdMapping[] = []): number {
  const first = mappings[0];
  const mapsRoot = mappings.some(({ containerID }) => containerID === 0);
  return first === undefined || mapsRoot ? 0 : first.containerID;
}

/** setgroups(2) works: an ordinary user's namespace usually denies it (user_namespaces(7)), as our own may. */
export const mayClearGroups = ({ user }: HostFacts): boolean => user.euid === 0 && user.setgroupsDenied !== true;

/**
 * After entering a user namespace the ids are still those of the runtime, which the namespace does not map. Without a map of
 * its own (joined) uid 0 is the owner of what the namespace is for.
 */
export const identityInside = ({ linux }: Spec, host: HostFacts): readonly Op[] => [
  {
    op: 'assumeIdentity',
    uid: builder(linux?.uidMappings),
    gid: builder(linux?.gidMappings),
    clearGroups: mayClearGroups(host) ? 1 : 0,
    from: '/linux/uidMappings',
  },
];

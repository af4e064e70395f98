import type { IdMapping } from '../../config/spec.ts';
import { refuse } from '../context.ts';
import { namespaceOrigin } from '../namespaces.ts';
import type { FdRequest, IdMap } from '../plan.ts';
import type { Entry } from './entry.ts';

/** The user namespace whose mapping a mount takes, and how. */
export interface Idmap {
  readonly request: FdRequest & { readonly kind: 'userNamespace' };
  readonly recursive: boolean;
}

/**
 * Mappings alone ask for an idmapped mount as well as the option does (config.md "Mounts"); the option without mappings means
 * those of the container.
 */
export function idmapOf(entry: Entry): Idmap | undefined {
  const { mount, options, pointer, context } = entry;
  const own = (mount.uidMappings?.length ?? 0) > 0;
  if (!own && options.idmap === 'no') return undefined;
  const maps = own ? mount : (context.spec.linux ?? {});
  if (!own && namespaceOrigin(context.spec, 'user') !== 'new') {
    refuse(
      'CONFIG_INVALID',
      pointer,
      `The mount at "${mount.destination}" is to be idmapped, but neither it nor a new user namespace has mappings`,
      'Give the mount uidMappings and gidMappings.',
    );
  }
  const request = {
    name: `idmap:${pointer}`,
    from: own ? `${pointer}/uidMappings` : '/linux/uidMappings',
    kind: 'userNamespace',
    uidMap: toIdMaps(maps.uidMappings),
    gidMap: toIdMaps(maps.gidMappings),
  } as const;
  return { request, recursive: options.idmap === 'recursive' };
}

const toIdMaps = (mappings: readonly IdMapping[] = []): readonly IdMap[] =>
  mappings.map(({ containerID, hostID, size }) => ({ containerId: containerID, hostId: hostID, size }));

/** The one place that decides which driver a container gets. */
import type { Spec } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { CgroupFacts, HostFacts } from '../host/facts.ts';
import { delegatedTo } from './delegate.ts';
import type { CgroupDriver, DeviceProgramLoader } from './driver.ts';
import type { Leniency } from './leniency.ts';
import { missingDirectories } from './make.ts';
import { NoCgroup } from './none.ts';
import { type PathRequest, placeInV1, placeInV2 } from './paths.ts';
import type { CgroupPlace, CgroupRecord, SystemdUnit } from './record.ts';
import { scopeName } from './systemd/names.ts';
import { type NewScope, SystemdCgroup } from './systemd.ts';
import { CgroupV1 } from './v1.ts';
import { CgroupV2 } from './v2.ts';

export interface CgroupRequest {
  readonly spec: Spec;
  readonly id: string;
  readonly facts: Pick<HostFacts, 'cgroup' | 'user'>;
  readonly global: {
    readonly cgroupManager: 'cgroupfs' | 'systemd' | 'disabled';
    /** auto: when not privileged. */
    readonly rootless: 'auto' | 'true' | 'false';
    /** Where the containers' states are: tells our scopes from others of the same name. */
    readonly root: string;
  };
  /** The native addon; without it device rules on cgroup v2 are refused. */
  readonly loader?: DeviceProgramLoader;
}

/**
 * The driver of a new container. Nothing is made yet.
 * @throws TsruncError CONFIG_INVALID for a cgroupsPath that systemd cannot have; HOST_UNSUITABLE when no cgroup file system is mounted and the user is privileged
 */
export function chooseCgroup({ spec, id, facts, global, loader }: CgroupRequest): CgroupDriver {
  if (global.cgroupManager === 'disabled') return new NoCgroup('cgroups are switched off (--cgroup-manager disabled)');
  const request: PathRequest = { cgroupsPath: spec.linux?.cgroupsPath, id };
  const rootless = global.rootless === 'true' || (global.rootless === 'auto' && !facts.user.privileged);
  const scoped = global.cgroupManager === 'systemd';
  const leniency: Leniency = {
    rights: rootless,
    devices: rootless || facts.user.inUserNamespace,
    // systemd puts the scope where the path says, or refuses to make it.
    namedPath: !scoped && Boolean(request.cgroupsPath),
    ...(!facts.user.privileged && !scoped && facts.cgroup.layout === 'v2' ? { origin: facts.cgroup.ownPath } : {}),
  };
  if (facts.cgroup.layout === 'none') return noneMounted(leniency);
  if (scoped)
    return newScope({ spec, id, hierarchies: hierarchiesOf(facts.cgroup), leniency, loader }, facts.cgroup, {
      manager: rootless ? 'user' : 'system',
      mark: `file:${encodeURI(`${global.root}/${id}`)}`,
    });
  switch (facts.cgroup.layout) {
    case 'v2':
      return new CgroupV2(record('v2', [placeInV2(facts.cgroup, request)]), leniency, loader, delegatedTo(spec));
    default:
      return new CgroupV1(
        record(
          'v1',
          facts.cgroup.hierarchies.map((hierarchy) => placeInV1(hierarchy, request)),
        ),
        leniency,
      );
  }
}

/** The driver of an existing container. */
export function openCgroup(found: CgroupRecord): CgroupDriver {
  if (found.unit !== undefined) return new SystemdCgroup(found, found.unit);
  return found.layout === 'v2' ? new CgroupV2(found) : new CgroupV1(found);
}

function record(layout: CgroupRecord['layout'], places: readonly CgroupPlace[]): CgroupRecord {
  return { driver: 'cgroupfs', layout, places, directories: places.flatMap(missingDirectories) };
}

function newScope(made: NewScope, { layout }: CgroupFacts, where: Pick<SystemdUnit, 'manager' | 'mark'>): CgroupDriver {
  const request = { cgroupsPath: made.spec.linux?.cgroupsPath, id: made.id, manager: where.manager };
  const unit: SystemdUnit = { ...scopeName(request), ...where };
  const kind = layout === 'v2' ? 'v2' : 'v1';
  return new SystemdCgroup({ driver: 'systemd', unit, layout: kind, places: [], directories: [] }, unit, made);
}

/** systemd says later where in them the scope lies. */
function hierarchiesOf(facts: Exclude<CgroupFacts, { layout: 'none' }>): CgroupPlace[] {
  if (facts.layout === 'v2') return [{ controllers: [], mountpoint: facts.mountpoint, path: '' }];
  return facts.hierarchies.map(({ controllers, mountpoint }) => ({ controllers, mountpoint, path: '' }));
}

function noneMounted(leniency: Leniency): CgroupDriver {
  const reason = 'no cgroup file system is mounted';
  if (leniency.rights) return new NoCgroup(reason, leniency);
  throw new TsruncError('HOST_UNSUITABLE', `Cannot make a cgroup for the container: ${reason}`, {
    hint: 'Mount cgroup2 at /sys/fs/cgroup, or run without (--cgroup-manager disabled).',
  });
}

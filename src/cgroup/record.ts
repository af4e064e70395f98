/** What state.json keeps of a container's cgroups: enough to find, freeze, kill and remove them later. */
import type { Fields } from '../store/fields.ts';

/** The container's cgroup in one hierarchy; its directory is mountpoint + path. */
export interface CgroupPlace {
  /** ["cpu","cpuacct"]; empty on cgroup v2, where one hierarchy has all. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** Below the mountpoint, with a leading slash; '/' is the mountpoint itself. */
  readonly path: string;
}

/** A transient scope of systemd. */
export interface SystemdUnit {
  /** "tsrunc-1234.scope" */
  readonly name: string;
  readonly slice: string;
  /** Whose systemd has it. */
  readonly manager: 'system' | 'user';
  /** Its "Documentation", file:<state directory>: units of this name that lack it are somebody else's. */
  readonly mark: string;
}

export interface CgroupRecord {
  readonly driver: 'cgroupfs' | 'systemd';
  /** With the driver systemd. Its places are known only once the unit has started. */
  readonly unit?: SystemdUnit;
  readonly layout: 'v1' | 'v2';
  readonly places: readonly CgroupPlace[];
  /** Places in further hierarchies of cgroup v1, which an ordinary user could not make. */
  readonly withheld?: readonly CgroupPlace[];
  /** Directories that the runtime made, parents before children; only these are removed. */
  readonly directories: readonly string[];
}

/** Absolute directory of a place. */
export function directoryOf({ mountpoint, path }: CgroupPlace): string {
  return path === '/' ? mountpoint : mountpoint + path;
}

/** @throws Error that names the wrong field */
export function parseCgroupRecord(fields: Fields): CgroupRecord {
  const places = fields.list('places', parsePlace);
  const withheld = fields.all().withheld === undefined ? undefined : fields.list('withheld', parsePlace);
  const directories = fields.textList('directories');
  const stray = directories.find((path) => !places.some(({ mountpoint }) => path.startsWith(`${mountpoint}/`)));
  if (stray !== undefined) throw new Error(`cgroup.directories holds "${stray}", which is in none of the hierarchies`);
  const driver = fields.choice('driver', ['cgroupfs', 'systemd']);
  const unit = fields.optional('unit', (found) => ({
    name: found.text('name'),
    slice: found.text('slice'),
    manager: found.choice('manager', ['system', 'user']),
    mark: found.text('mark'),
  }));
  if ((driver === 'systemd') !== (unit !== undefined)) throw new Error(`cgroup.unit does not fit the driver ${driver}`);
  return {
    driver,
    ...(unit === undefined ? {} : { unit }),
    layout: fields.choice('layout', ['v1', 'v2']),
    places,
    ...(withheld === undefined ? {} : { withheld }),
    directories,
  };
}

const parsePlace = (place: Fields): CgroupPlace => ({
  controllers: place.textList('controllers'),
  mountpoint: place.text('mountpoint'),
  path: place.text('path'),
});

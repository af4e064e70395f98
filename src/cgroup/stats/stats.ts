/** Reads the statistics of a container's cgroup. */
import { readdirSync } from 'node:fs';
import { errnoName } from '../../host/errno.ts';
import type { CgroupDriver } from '../driver.ts';
import { orUndefined, readControl } from '../files.ts';
import { directoryOf } from '../record.ts';
import { readStats } from './reader.ts';
import type { Read } from './text.ts';
import type { CgroupStats } from './types.ts';
import { statsV1 } from './v1.ts';
import { statsV2 } from './v2.ts';

/** The part of a driver that says where the files are. */
export type Source = Pick<CgroupDriver, 'placement'>;

export function cgroupStats(source: Source): CgroupStats {
  const read: Read = (controller, file) => {
    const directory = controllerDirectory(source, controller);
    return directory === undefined ? undefined : readUnlessMissing(`${directory}/${file}`);
  };
  return readStats(source.placement.kind === 'v2' ? statsV2 : statsV1, read, hugePageSizes());
}

/** The directory that has the files of a controller; undefined when the container has none in its hierarchy. */
export function controllerDirectory({ placement }: Source, controller: string): string | undefined {
  if (placement.kind === 'none') return undefined;
  if (placement.kind === 'v2') return directoryOf({ ...placement, controllers: [] });
  const place = placement.hierarchies.find(({ controllers }) => controllers.includes(controller));
  return place && directoryOf(place);
}

/** EOPNOTSUPP: pressure of a kernel with psi=0. */
const readUnlessMissing = (path: string): string | undefined =>
  orUndefined(['ENOENT', 'ENODEV', 'EOPNOTSUPP'], () => readControl(path));

/** "2MB" of the directory hugepages-2048kB: the sizes in the names of control files, sorted as Go writes its maps. */
function hugePageSizes(): string[] {
  try {
    const names = readdirSync('/sys/kernel/mm/hugepages');
    return names.map((name) => sizeName(Number(/\d+/.exec(name)?.[0] ?? 0))).toSorted();
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return [];
    throw error;
  }
}

function sizeName(kilobytes: number): string {
  if (kilobytes >= 1 << 20) return `${kilobytes >> 20}GB`;
  return kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`;
}

/** Reads the statistics of a container's cgroup. */
import { readdirSync } from 'node:fs';
import { errnoName } from '../../host/errno.ts';
import { orUndefined, readControl } from '../files.ts';
import type { Read } from './text.ts';
import type { CgroupStats } from './types.ts';
import { statsV1 } from './v1.ts';
import { statsV2 } from './v2.ts';

/** What a container's cgroup must tell of itself. */
export interface Source {
  readonly layout: 'v1' | 'v2' | 'none';
  /** The directory that has the files of a controller. */
  controllerDirectory(controller: string): string | undefined;
}

export function cgroupStats(source: Source): CgroupStats {
  const read: Read = (controller, file) => {
    const directory = source.controllerDirectory(controller);
    return directory === undefined ? undefined : readUnlessMissing(`${directory}/${file}`);
  };
  return (source.layout === 'v2' ? statsV2 : statsV1)(read, hugePageSizes());
}

/** EOPNOTSUPP: pressure of a kernel with psi=0. */
const readUnlessMissing = (path: string): string | undefined =>
  orUndefined(['ENOENT', 'ENODEV', 'EOPNOTSUPP'], () => readControl(path));

/** "2MB" of the directory hugepages-2048kB: the sizes in the names of control files. */
function hugePageSizes(): string[] {
  try {
    return readdirSync('/sys/kernel/mm/hugepages').map((name) => sizeName(Number(/\d+/.exec(name)?.[0] ?? 0)));
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return [];
    throw error;
  }
}

function sizeName(kilobytes: number): string {
  if (kilobytes >= 1 << 20) return `${kilobytes >> 20}GB`;
  return kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`;
}

import { filled, type Read, single } from './text.ts';
import type { BlkioStats, CgroupStats, CpuStats, CpusetStats, HugetlbStats, MemoryStats } from './types.ts';

/** What v1 and v2 keep in different files. */
export interface StatsReader {
  readonly cpu: (read: Read) => CpuStats;
  readonly cpuset: (read: Read) => CpusetStats;
  readonly memory: (read: Read) => MemoryStats;
  readonly blkio: (read: Read) => BlkioStats;
  /** Of one size of pages ("2MB"): an entry, or none where the host has no such files. */
  readonly hugetlb: (read: Read, size: string) => readonly (readonly [size: string, stats: HugetlbStats])[];
}

/** @param pageSizes sizes of huge pages that the host has, "2MB" */
export const readStats = (reader: StatsReader, read: Read, pageSizes: readonly string[]): CgroupStats => ({
  cpu: reader.cpu(read),
  cpuset: reader.cpuset(read),
  memory: reader.memory(read),
  pids: filled({ current: single(read('pids', 'pids.current')), limit: pidsLimit(read) }),
  blkio: reader.blkio(read),
  hugetlb: Object.fromEntries(pageSizes.flatMap((size) => reader.hugetlb(read, size))),
});

/** "max" is 0 with runc. */
function pidsLimit(read: Read): number {
  const text = read('pids', 'pids.max');
  return text === 'max' ? 0 : single(text);
}

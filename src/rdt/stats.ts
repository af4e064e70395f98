import { join } from 'node:path';
import { filled } from '../cgroup/stats/text.ts';
import type { RdtStats } from '../cgroup/stats/types.ts';
import type { RdtRecord } from './record.ts';
import type { Resctrl } from './resctrl.ts';

/** What resctrl tells of a container's groups: what the hardware has, what it may use, and what it has used. */
export function rdtStats({ group, monitor }: RdtRecord, resctrl: Resctrl): RdtStats {
  const read = (...path: readonly string[]): string | undefined => {
    const file = join(...(path as [string, ...string[]]));
    return resctrl.exists(file) ? resctrl.read(file).trim() : undefined;
  };
  const number = (...path: readonly string[]): number => Number(read(...path) ?? 0);
  const info = (resource: string, file: string): number => number(resctrl.mountpoint, 'info', resource, file);
  const [root, own] = [read(resctrl.mountpoint, 'schemata'), read(group, 'schemata')];
  const domains = monitored(resctrl, join(monitor || group, 'mon_data'));
  return filled({
    l3_cache_info: unlessEmpty({
      cbm_mask: read(resctrl.mountpoint, 'info', 'L3', 'cbm_mask'),
      min_cbm_bits: info('L3', 'min_cbm_bits'),
      num_closids: info('L3', 'num_closids'),
    }),
    l3_cache_schema_root: lineOf('L3', root),
    l3_cache_schema: lineOf('L3', own),
    mem_bw_info: unlessEmpty({
      bandwidth_gran: info('MB', 'bandwidth_gran'),
      delay_linear: info('MB', 'delay_linear'),
      min_bandwidth: info('MB', 'min_bandwidth'),
      num_closids: info('MB', 'num_closids'),
    }),
    mem_bw_schema_root: lineOf('MB', root),
    mem_bw_schema: lineOf('MB', own),
    mbm_stats: domains
      .filter((domain) => resctrl.exists(join(domain, 'mbm_total_bytes')))
      .map((domain) =>
        filled({
          mbm_total_bytes: number(domain, 'mbm_total_bytes'),
          mbm_local_bytes: number(domain, 'mbm_local_bytes'),
        }),
      ),
    cmt_stats: domains
      .filter((domain) => resctrl.exists(join(domain, 'llc_occupancy')))
      .map((domain) => filled({ llc_occupancy: number(domain, 'llc_occupancy') })),
  });
}

/** One directory for each L3 cache: mon_L3_00, mon_L3_01. */
const monitored = (resctrl: Resctrl, monData: string): string[] =>
  resctrl.exists(monData)
    ? resctrl
        .list(monData)
        .toSorted()
        .map((name) => join(monData, name))
    : [];

function unlessEmpty<T extends object>(fields: T): ReturnType<typeof filled<T>> | undefined {
  const kept = filled(fields);
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/** "L3:0=7f;1=7f", without the spaces that line up the resources. */
const lineOf = (resource: string, schemata: string | undefined): string | undefined =>
  schemata
    ?.split('\n')
    .map((line) => line.trim())
    .find((line) => line.startsWith(`${resource}:`));

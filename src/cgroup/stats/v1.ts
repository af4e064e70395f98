/** Statistics of a cgroup v1, from its files; pure. */
import type { StatsReader } from './reader.ts';
import { filled, flatKeyed, numbers, type Read, ranges, single, sorted, words } from './text.ts';
import type { BlkioEntry, BlkioStats, CpuStats, CpusetStats, HugetlbStats, MemoryStats } from './types.ts';

/** cpuacct.stat counts in USER_HZ, which is 100 in the interface of every architecture. */
const nsPerTick = 10_000_000;

export const statsV1: StatsReader = { cpu, cpuset, memory, blkio, hugetlb };

function cpu(read: Read): CpuStats {
  const ticks = flatKeyed(read('cpuacct', 'cpuacct.stat'));
  const throttled = flatKeyed(read('cpu', 'cpu.stat'));
  // "cpu user system", then a line for each CPU.
  const [, ...byCpu] = words(read('cpuacct', 'cpuacct.usage_all') ?? '');
  return {
    usage: {
      ...filled({
        total: single(read('cpuacct', 'cpuacct.usage')),
        percpu: numbers(read('cpuacct', 'cpuacct.usage_percpu')),
        percpu_kernel: byCpu.map(([, , system]) => Number(system)),
        percpu_user: byCpu.map(([, user]) => Number(user)),
      }),
      kernel: (ticks.system ?? 0) * nsPerTick,
      user: (ticks.user ?? 0) * nsPerTick,
    },
    throttling: filled({
      periods: throttled.nr_periods,
      throttledPeriods: throttled.nr_throttled,
      throttledTime: throttled.throttled_time,
    }),
  };
}

function cpuset(read: Read): CpusetStats {
  const value = (name: string): number => single(read('cpuset', `cpuset.${name}`));
  return {
    ...filled({ cpus: ranges(read('cpuset', 'cpuset.cpus')) }),
    cpu_exclusive: value('cpu_exclusive'),
    ...filled({ mems: ranges(read('cpuset', 'cpuset.mems')) }),
    mem_hardwall: value('mem_hardwall'),
    mem_exclusive: value('mem_exclusive'),
    memory_migrate: value('memory_migrate'),
    memory_spread_page: value('memory_spread_page'),
    memory_spread_slab: value('memory_spread_slab'),
    memory_pressure: value('memory_pressure'),
    sched_load_balance: value('sched_load_balance'),
    sched_relax_domain_level: value('sched_relax_domain_level'),
  };
}

function memory(read: Read): MemoryStats {
  const raw = flatKeyed(read('memory', 'memory.stat'));
  const entry = (kind: '' | 'memsw.' | 'kmem.' | 'kmem.tcp.') => {
    const value = (name: string): number => single(read('memory', `memory.${kind}${name}`));
    return {
      limit: value('limit_in_bytes'),
      ...filled({ usage: value('usage_in_bytes'), max: value('max_usage_in_bytes') }),
      failcnt: value('failcnt'),
    };
  };
  return {
    ...filled({ cache: raw.cache }),
    usage: entry(''),
    swap: entry('memsw.'),
    kernel: entry('kmem.'),
    kernelTCP: entry('kmem.tcp.'),
    ...filled({ raw: sorted(raw) }),
  };
}

const blkioFiles: Readonly<Record<Exclude<keyof BlkioStats, 'psi'>, string>> = {
  ioServiceBytesRecursive: 'io_service_bytes_recursive',
  ioServicedRecursive: 'io_serviced_recursive',
  ioQueueRecursive: 'io_queued_recursive',
  ioServiceTimeRecursive: 'io_service_time_recursive',
  ioWaitTimeRecursive: 'io_wait_time_recursive',
  ioMergedRecursive: 'io_merged_recursive',
  ioTimeRecursive: 'time_recursive',
  sectorsRecursive: 'sectors_recursive',
};

/** BFQ counts what went through it; the throttle layer counts all, so it speaks where BFQ is silent. */
function blkio(read: Read): BlkioStats {
  const entries = (file: string): readonly BlkioEntry[] => {
    const bfq = blkioEntries(read('blkio', `blkio.bfq.${file}`));
    return bfq.length > 0 ? bfq : blkioEntries(read('blkio', `blkio.throttle.${file}`));
  };
  return filled(Object.fromEntries(Object.entries(blkioFiles).map(([name, file]) => [name, entries(file)])));
}

/** "8:0 Read 4096", "8:0 17"; the sum over all devices ("Total 4096") is left out. */
export const blkioEntries = (text = ''): BlkioEntry[] =>
  words(text).flatMap(([device = '', ...rest]) => {
    const [major, minor] = device.split(':', 2);
    if (minor === undefined) return [];
    const [op, value] = rest.length > 1 ? rest : ['', rest[0]];
    return [filled({ major: Number(major), minor: Number(minor), op, value: Number(value) })];
  });

function hugetlb(read: Read, size: string): [string, HugetlbStats][] {
  const value = (name: string): string | undefined =>
    read('hugetlb', `hugetlb.${size}.rsvd.${name}`) ?? read('hugetlb', `hugetlb.${size}.${name}`);
  const usage = value('usage_in_bytes');
  if (usage === undefined) return [];
  const max = single(value('max_usage_in_bytes'));
  return [[size, { ...filled({ usage: single(usage), max }), failcnt: single(value('failcnt')) }]];
}

/** Statistics of a cgroup v2, from its files, under the names that v1 had; pure. */
import type { StatsReader } from './reader.ts';
import { filled, flatKeyed, pressure, type Read, ranges, single, sorted, words } from './text.ts';
import type { BlkioEntry, BlkioStats, CpuStats, CpusetStats, HugetlbStats, MemoryStats } from './types.ts';

const nsPerUs = 1000;

export const statsV2: StatsReader = { cpu, cpuset, memory, blkio, hugetlb };

function cpu(read: Read): CpuStats {
  const stat = flatKeyed(read('cpu', 'cpu.stat'));
  const ns = (name: string): number => (stat[name] ?? 0) * nsPerUs;
  return {
    usage: { ...filled({ total: ns('usage_usec') }), kernel: ns('system_usec'), user: ns('user_usec') },
    throttling: filled({
      periods: stat.nr_periods,
      throttledPeriods: stat.nr_throttled,
      throttledTime: ns('throttled_usec'),
    }),
    ...filled({ psi: pressure(read('cpu', 'cpu.pressure')) }),
  };
}

/** v2 has none of the flags. */
function cpuset(read: Read): CpusetStats {
  return {
    ...filled({ cpus: ranges(read('cpuset', 'cpuset.cpus.effective')) }),
    cpu_exclusive: 0,
    ...filled({ mems: ranges(read('cpuset', 'cpuset.mems.effective')) }),
    mem_hardwall: 0,
    mem_exclusive: 0,
    memory_migrate: 0,
    memory_spread_page: 0,
    memory_spread_slab: 0,
    memory_pressure: 0,
    sched_load_balance: 0,
    sched_relax_domain_level: 0,
  };
}

const noEntry = { limit: 0, failcnt: 0 };

function memory(read: Read): MemoryStats {
  const raw = flatKeyed(read('memory', 'memory.stat'));
  const value = (file: string): number => single(read('memory', file));
  const [usage, limit] = [value('memory.current'), value('memory.max')];
  // How often the limit was hit is what v1 calls failcnt.
  const failcnt = flatKeyed(read('memory', 'memory.events')).max ?? 0;
  const swapUsage = value('memory.swap.current') + usage;
  const swapFailcnt = flatKeyed(read('memory', 'memory.swap.events')).max ?? 0;
  return {
    ...filled({ cache: raw.file }),
    usage: { limit, ...filled({ usage, max: value('memory.peak') }), failcnt },
    swap: { limit: value('memory.swap.max') + limit, ...filled({ usage: swapUsage }), failcnt: swapFailcnt },
    kernel: noEntry,
    kernelTCP: noEntry,
    ...filled({ raw: sorted(raw), psi: pressure(read('memory', 'memory.pressure')) }),
  };
}

/** Keys of io.stat, and where v1 had them. */
const ioKeys: Readonly<
  Record<string, readonly [table: 'ioServiceBytesRecursive' | 'ioServicedRecursive', op: string]>
> = {
  rbytes: ['ioServiceBytesRecursive', 'Read'],
  wbytes: ['ioServiceBytesRecursive', 'Write'],
  dbytes: ['ioServiceBytesRecursive', 'Discard'],
  rios: ['ioServicedRecursive', 'Read'],
  wios: ['ioServicedRecursive', 'Write'],
  dios: ['ioServicedRecursive', 'Discard'],
};

/** "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" */
function blkio(read: Read): BlkioStats {
  const tables: Record<'ioServiceBytesRecursive' | 'ioServicedRecursive', BlkioEntry[]> = {
    ioServiceBytesRecursive: [],
    ioServicedRecursive: [],
  };
  for (const [device = '', ...pairs] of words(read('io', 'io.stat') ?? '')) {
    const [major = 0, minor = 0] = device.split(':').map(Number);
    for (const pair of pairs) {
      const [key = '', value] = pair.split('=', 2);
      const [table, op] = ioKeys[key] ?? [];
      if (table !== undefined) tables[table].push(filled({ major, minor, op, value: Number(value) }));
    }
  }
  return filled({ ...tables, psi: pressure(read('io', 'io.pressure')) });
}

function hugetlb(read: Read, size: string): [string, HugetlbStats][] {
  const reserved = read('hugetlb', `hugetlb.${size}.rsvd.current`);
  const usage = reserved ?? read('hugetlb', `hugetlb.${size}.current`);
  if (usage === undefined) return [];
  const failcnt = flatKeyed(read('hugetlb', `hugetlb.${size}.events`)).max ?? 0;
  return [[size, { ...filled({ usage: single(usage) }), failcnt }]];
}

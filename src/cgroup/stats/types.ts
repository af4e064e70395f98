/**
 * What `events` tells of a container, with the names and the order of runc's JSON, which monitoring programs read. Fields
 * with a question mark are left out when they are zero or empty. Times are nanoseconds, sizes bytes; a number of 2^64 or
 * more stands for "no limit" on cgroup v2.
 */
export interface Stats {
  readonly cpu: CpuStats;
  readonly cpuset: CpusetStats;
  readonly memory: MemoryStats;
  readonly pids: { readonly current?: number; readonly limit?: number };
  readonly blkio: BlkioStats;
  /** By size of the pages, "2MB". */
  readonly hugetlb: Readonly<Record<string, HugetlbStats>>;
  readonly intel_rdt: RdtStats;
  /** runc tells of interfaces that it has made itself, which a runtime of bundles never does. */
  readonly network_interfaces: null;
}

/** The part that comes from the cgroup. */
export type CgroupStats = Omit<Stats, 'intel_rdt' | 'network_interfaces'>;

/** Pressure stall information: the part of the time in per cent, and the sum in microseconds. */
export interface Pressure {
  readonly some: PressureData;
  readonly full: PressureData;
}

export interface PressureData {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: number;
}

export interface CpuStats {
  readonly usage: {
    readonly total?: number;
    readonly percpu?: readonly number[];
    readonly percpu_kernel?: readonly number[];
    readonly percpu_user?: readonly number[];
    readonly kernel: number;
    readonly user: number;
  };
  readonly throttling: {
    readonly periods?: number;
    readonly throttledPeriods?: number;
    readonly throttledTime?: number;
  };
  readonly psi?: Pressure;
}

export interface CpusetStats {
  readonly cpus?: readonly number[];
  readonly cpu_exclusive: number;
  readonly mems?: readonly number[];
  readonly mem_hardwall: number;
  readonly mem_exclusive: number;
  readonly memory_migrate: number;
  readonly memory_spread_page: number;
  readonly memory_spread_slab: number;
  readonly memory_pressure: number;
  readonly sched_load_balance: number;
  readonly sched_relax_domain_level: number;
}

export interface MemoryEntry {
  readonly limit: number;
  readonly usage?: number;
  readonly max?: number;
  readonly failcnt: number;
}

export interface MemoryStats {
  readonly cache?: number;
  readonly usage: MemoryEntry;
  /** Memory and swap together, also on v2. */
  readonly swap: MemoryEntry;
  readonly kernel: MemoryEntry;
  readonly kernelTCP: MemoryEntry;
  /** memory.stat, sorted by name. */
  readonly raw?: Readonly<Record<string, number>>;
  readonly psi?: Pressure;
}

export interface BlkioEntry {
  readonly major?: number;
  readonly minor?: number;
  /** "Read", "Write", "Total" ... */
  readonly op?: string;
  readonly value?: number;
}

export interface BlkioStats {
  readonly ioServiceBytesRecursive?: readonly BlkioEntry[];
  readonly ioServicedRecursive?: readonly BlkioEntry[];
  readonly ioQueueRecursive?: readonly BlkioEntry[];
  readonly ioServiceTimeRecursive?: readonly BlkioEntry[];
  readonly ioWaitTimeRecursive?: readonly BlkioEntry[];
  readonly ioMergedRecursive?: readonly BlkioEntry[];
  readonly ioTimeRecursive?: readonly BlkioEntry[];
  readonly sectorsRecursive?: readonly BlkioEntry[];
  readonly psi?: Pressure;
}

export interface HugetlbStats {
  readonly usage?: number;
  readonly max?: number;
  readonly failcnt: number;
}

export interface RdtStats {
  readonly l3_cache_info?: {
    readonly cbm_mask?: string;
    readonly min_cbm_bits?: number;
    readonly num_closids?: number;
  };
  readonly l3_cache_schema_root?: string;
  readonly l3_cache_schema?: string;
  readonly mem_bw_info?: {
    readonly bandwidth_gran?: number;
    readonly delay_linear?: number;
    readonly min_bandwidth?: number;
    readonly num_closids?: number;
  };
  readonly mem_bw_schema_root?: string;
  readonly mem_bw_schema?: string;
  readonly mbm_stats?: readonly { readonly mbm_total_bytes?: number; readonly mbm_local_bytes?: number }[];
  readonly cmt_stats?: readonly { readonly llc_occupancy?: number }[];
}

/** linux.resources.cpu but for cpus and mems (config-linux.md "CPU"); times in microseconds. */
import type { Cpu } from '../../config/spec.ts';
import { type Controller, digits, invalid, isSet, pointer, unsupported, type Write, write } from './write.ts';

export const cpu: Controller = ({ cpu: wanted }, layout) => {
  if (!wanted) return [];
  return layout === 'v1' ? cpuV1(wanted) : cpuV2(wanted);
};

const fewestShares = 2;
const mostShares = 262_144;
const at = (field: keyof Cpu): string => pointer('cpu', field);

const to = (file: string, field: keyof Cpu, value: number | string): Write =>
  write('cpu', file, typeof value === 'number' ? digits(value) : value, at(field));

/**
 * cpu.weight of v2 for cpu.shares of v1. A parabola in logarithms through three points: 2 shares are the least weight (1),
 * 1024 the default (100), 262144 the most (10000), so that neighbours of the default keep their proportions better than on a line.
 */
export function weightOfShares(shares: number): number {
  if (shares <= fewestShares) return 1;
  if (shares >= mostShares) return 10_000;
  const log = Math.log2(shares);
  const exponent = (log * log + 125 * log) / 612 - 7 / 34;
  // Rounded up, but not for the last bit of the floating-point error: 1024 shares are 100, not 101.
  return Math.ceil(10 ** exponent - 1e-9);
}

function cpuV1({ shares, quota, period, burst, idle, realtimePeriod, realtimeRuntime }: Cpu): Write[] {
  const writes: Write[] = [];
  if (isSet(shares)) writes.push(sharesV1(shares));
  // Each of the three is checked against the others that stand there now.
  if (isSet(period)) writes.push({ ...to('cpu.cfs_period_us', 'period', period), retry: true });
  if (isSet(quota)) writes.push({ ...to('cpu.cfs_quota_us', 'quota', quota), retry: true });
  if (burst !== undefined) writes.push({ ...to('cpu.cfs_burst_us', 'burst', burst), retry: true });
  if (isSet(realtimePeriod)) writes.push({ ...to('cpu.rt_period_us', 'realtimePeriod', realtimePeriod), retry: true });
  if (isSet(realtimeRuntime)) writes.push(to('cpu.rt_runtime_us', 'realtimeRuntime', realtimeRuntime));
  return withIdle(writes, idle);
}

/** The kernel would silently take the nearest possible value. */
function sharesV1(shares: number): Write {
  if (shares < fewestShares)
    throw invalid(at('shares'), `the minimum allowed cpu-shares is ${fewestShares}, not ${shares}`);
  if (shares > mostShares)
    throw invalid(at('shares'), `the maximum allowed cpu-shares is ${mostShares}, not ${shares}`);
  return to('cpu.shares', 'shares', shares);
}

function cpuV2({ shares, quota, period, burst, idle, realtimePeriod, realtimeRuntime }: Cpu): Write[] {
  const only = 'cgroup v2 does not divide real-time run time';
  if (isSet(realtimePeriod)) throw unsupported(at('realtimePeriod'), only);
  if (isSet(realtimeRuntime)) throw unsupported(at('realtimeRuntime'), only);
  const writes: Write[] = [];
  if (isSet(shares)) writes.push(to('cpu.weight', 'shares', weightOfShares(shares)));
  const limit = isSet(quota) && quota > 0 ? digits(quota) : 'max';
  if (isSet(quota) || isSet(period)) {
    const value = isSet(period) ? `${limit} ${digits(period)}` : limit;
    const asked = to('cpu.max', isSet(quota) ? 'quota' : 'period', value);
    writes.push({ ...asked, ...(isSet(quota) && isSet(period) ? { also: at('period') } : {}), retry: true });
  }
  if (burst !== undefined) writes.push({ ...to('cpu.max.burst', 'burst', burst), retry: true });
  return withIdle(writes, idle);
}

/**
 * An idle cgroup has no weight: the kernel refuses one (EINVAL), so idleness ends before and begins after it is written; and
 * when idleness ends, the kernel gives the default.
 */
function withIdle(writes: readonly Write[], idle: number | undefined): Write[] {
  if (idle === undefined) return [...writes];
  const asked = to('cpu.idle', 'idle', idle);
  if (idle !== 0) return [...writes, asked];
  const weighted = writes.map((each) => (each.from === at('shares') ? { ...each, also: at('idle') } : each));
  return [{ ...asked, ifMissing: 'skip' }, ...weighted];
}

import { describe, expect, test } from 'vitest';
import { statsJson } from './json.ts';
import { readStats } from './reader.ts';
import { numbers, pressure, type Read, ranges, single } from './text.ts';
import { blkioEntries, statsV1 } from './v1.ts';
import { statsV2 } from './v2.ts';

/** Files by "controller/file". */
const reader =
  (files: Readonly<Record<string, string>>): Read =>
  (controller, file) =>
    files[`${controller}/${file}`];

const noCpuset = {
  cpu_exclusive: 0,
  mem_hardwall: 0,
  mem_exclusive: 0,
  memory_migrate: 0,
  memory_spread_page: 0,
  memory_spread_slab: 0,
  memory_pressure: 0,
  sched_load_balance: 0,
  sched_relax_domain_level: 0,
};

describe('text of the kernel', () => {
  test('single values', () => {
    expect([single('17'), single('max'), single(undefined)]).toEqual([17, 2 ** 64, 0]);
  });

  test('lists', () => {
    expect([ranges('0-2,5'), ranges('7'), ranges(''), ranges('0-1\n')]).toEqual([[0, 1, 2, 5], [7], [], [0, 1]]);
    expect([numbers('1 22  3 \n'), numbers()]).toEqual([[1, 22, 3], []]);
  });

  test('pressure; that of the CPU had no "full" before Linux 5.13', () => {
    const some = 'some avg10=0.12 avg60=1.00 avg300=99.99 total=123456';
    const values = { avg10: 0.12, avg60: 1, avg300: 99.99, total: 123456 };
    const none = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
    expect(pressure(`${some}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7`)).toEqual({
      some: values,
      full: { ...none, total: 7 },
    });
    expect(pressure(some)).toEqual({ some: values, full: none });
    expect([pressure(undefined), pressure('')]).toEqual([undefined, undefined]);
  });

  test('block I/O: operations, plain values, no sums', () => {
    expect(blkioEntries('8:0 Read 4096\n8:16 Write 0\n8:0 Total 4096\nTotal 4096')).toEqual([
      { major: 8, op: 'Read', value: 4096 },
      { major: 8, minor: 16, op: 'Write' },
      { major: 8, op: 'Total', value: 4096 },
    ]);
    expect(blkioEntries('8:1 17')).toEqual([{ major: 8, minor: 1, value: 17 }]);
  });
});

describe('JSON', () => {
  test('has all digits of a large integer, and at most those that fit 64 bits', () => {
    expect(statsJson({ a: 2 ** 63 - 4096, b: 2 ** 64, c: 2 ** 65, d: -1, e: 0.25 })).toBe(
      '{"a":9223372036854771712,"b":18446744073709551615,"c":18446744073709551615,"d":-1,"e":0.25}',
    );
  });

  test('is JSON.stringify for everything else', () => {
    const value = { type: 'stats', id: 'a"b\n', list: [1, [], {}], none: null, yes: true };
    expect(statsJson(value)).toBe(JSON.stringify(value));
  });
});

describe('cgroup v1', () => {
  test('files of every controller under the names of runc', () => {
    const read = reader({
      'cpuacct/cpuacct.usage': '2000000',
      'cpuacct/cpuacct.usage_percpu': '1500000 500000',
      'cpuacct/cpuacct.usage_all': 'cpu user system\n0 1000000 500000\n1 500000 0',
      'cpuacct/cpuacct.stat': 'user 12\nsystem 3',
      'cpu/cpu.stat': 'nr_periods 9\nnr_throttled 2\nthrottled_time 77',
      'cpuset/cpuset.cpus': '0-1',
      'cpuset/cpuset.mems': '0',
      'cpuset/cpuset.sched_load_balance': '1',
      'cpuset/cpuset.sched_relax_domain_level': '-1',
      'memory/memory.stat': 'rss 20\ncache 10\ntotal_rss 20',
      'memory/memory.limit_in_bytes': '1000',
      'memory/memory.usage_in_bytes': '30',
      'memory/memory.max_usage_in_bytes': '40',
      'memory/memory.failcnt': '1',
      'memory/memory.memsw.limit_in_bytes': '2000',
      'memory/memory.memsw.failcnt': '0',
      'memory/memory.kmem.limit_in_bytes': '3000',
      'memory/memory.kmem.tcp.limit_in_bytes': '4000',
      'pids/pids.current': '3',
      'pids/pids.max': '20',
      'blkio/blkio.throttle.io_service_bytes_recursive': '8:0 Read 1\nTotal 1',
      'blkio/blkio.bfq.io_serviced_recursive': '8:0 Write 5\nTotal 5',
      'blkio/blkio.throttle.io_serviced_recursive': '8:0 Write 6\nTotal 6',
      'hugetlb/hugetlb.2MB.usage_in_bytes': '4096',
      'hugetlb/hugetlb.2MB.max_usage_in_bytes': '8192',
      'hugetlb/hugetlb.2MB.failcnt': '2',
    });
    expect(readStats(statsV1, read, ['2MB', '1GB'])).toEqual({
      cpu: {
        usage: {
          total: 2000000,
          percpu: [1500000, 500000],
          percpu_kernel: [500000, 0],
          percpu_user: [1000000, 500000],
          kernel: 30_000_000,
          user: 120_000_000,
        },
        throttling: { periods: 9, throttledPeriods: 2, throttledTime: 77 },
      },
      cpuset: { ...noCpuset, cpus: [0, 1], mems: [0], sched_load_balance: 1, sched_relax_domain_level: -1 },
      memory: {
        cache: 10,
        usage: { limit: 1000, usage: 30, max: 40, failcnt: 1 },
        swap: { limit: 2000, failcnt: 0 },
        kernel: { limit: 3000, failcnt: 0 },
        kernelTCP: { limit: 4000, failcnt: 0 },
        raw: { cache: 10, rss: 20, total_rss: 20 },
      },
      pids: { current: 3, limit: 20 },
      blkio: {
        ioServiceBytesRecursive: [{ major: 8, op: 'Read', value: 1 }],
        ioServicedRecursive: [{ major: 8, op: 'Write', value: 5 }],
      },
      hugetlb: { '2MB': { usage: 4096, max: 8192, failcnt: 2 } },
    });
  });

  test('memory.stat is sorted, as Go writes maps', () => {
    const { memory } = readStats(statsV1, reader({ 'memory/memory.stat': 'b 1\na 2\nB 3' }), []);
    expect(Object.keys(memory.raw ?? {})).toEqual(['B', 'a', 'b']);
  });

  test('without a cgroup all of it is empty', () => {
    const entry = { limit: 0, failcnt: 0 };
    expect(readStats(statsV1, reader({}), ['2MB'])).toEqual({
      cpu: { usage: { kernel: 0, user: 0 }, throttling: {} },
      cpuset: noCpuset,
      memory: { usage: entry, swap: entry, kernel: entry, kernelTCP: entry },
      pids: {},
      blkio: {},
      hugetlb: {},
    });
  });

  test('no limit of processes is no number', () => {
    const { pids } = readStats(statsV1, reader({ 'pids/pids.current': '1', 'pids/pids.max': 'max' }), []);
    expect(pids).toEqual({ current: 1 });
  });
});

describe('cgroup v2', () => {
  const psi = 'some avg10=1.50 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0';
  const none = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
  const parsed = { some: { ...none, avg10: 1.5, total: 5 }, full: none };

  test('files of every controller under the names that v1 had', () => {
    const read = reader({
      'cpu/cpu.stat':
        'usage_usec 2000\nuser_usec 1500\nsystem_usec 500\nnr_periods 9\nnr_throttled 2\nthrottled_usec 77',
      'cpu/cpu.pressure': psi,
      'cpuset/cpuset.cpus.effective': '0-1',
      'cpuset/cpuset.mems.effective': '0',
      'memory/memory.stat': 'anon 20\nfile 10',
      'memory/memory.current': '30',
      'memory/memory.peak': '40',
      'memory/memory.max': '1000',
      'memory/memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1',
      'memory/memory.swap.current': '5',
      'memory/memory.swap.max': '500',
      'memory/memory.swap.events': 'high 0\nmax 4\nfail 4',
      'memory/memory.pressure': psi,
      'pids/pids.current': '3',
      'pids/pids.max': 'max',
      'io/io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=0\n8:16 ',
      'io/io.pressure': psi,
      'hugetlb/hugetlb.2MB.current': '4096',
      'hugetlb/hugetlb.2MB.rsvd.current': '8192',
      'hugetlb/hugetlb.2MB.events': 'max 2',
    });
    expect(readStats(statsV2, read, ['2MB', '1GB'])).toEqual({
      cpu: {
        usage: { total: 2_000_000, kernel: 500_000, user: 1_500_000 },
        throttling: { periods: 9, throttledPeriods: 2, throttledTime: 77_000 },
        psi: parsed,
      },
      cpuset: { ...noCpuset, cpus: [0, 1], mems: [0] },
      memory: {
        cache: 10,
        usage: { limit: 1000, usage: 30, max: 40, failcnt: 3 },
        swap: { limit: 1500, usage: 35, failcnt: 4 },
        kernel: { limit: 0, failcnt: 0 },
        kernelTCP: { limit: 0, failcnt: 0 },
        raw: { anon: 20, file: 10 },
        psi: parsed,
      },
      pids: { current: 3 },
      blkio: {
        ioServiceBytesRecursive: [
          { major: 8, op: 'Read', value: 1 },
          { major: 8, op: 'Write', value: 2 },
          { major: 8, op: 'Discard', value: 5 },
        ],
        ioServicedRecursive: [
          { major: 8, op: 'Read', value: 3 },
          { major: 8, op: 'Write', value: 4 },
          { major: 8, op: 'Discard' },
        ],
        psi: parsed,
      },
      hugetlb: { '2MB': { usage: 8192, failcnt: 2 } },
    });
  });

  test('"max" is the largest number that the reader can have', () => {
    const { memory } = readStats(statsV2, reader({ 'memory/memory.max': 'max', 'memory/memory.swap.max': 'max' }), []);
    expect(statsJson(memory.usage)).toBe('{"limit":18446744073709551615,"failcnt":0}');
    expect(statsJson(memory.swap)).toBe('{"limit":18446744073709551615,"failcnt":0}');
  });
});

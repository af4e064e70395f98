/**
 * The third column beside v1 and v2: which properties of its unit systemd must know about. What systemd does not know it takes
 * back: a `systemctl daemon-reload` writes its own idea of memory.max. So every write to a file that systemd manages has its
 * property here; files that it does not manage have none. Pure.
 */
import { effectiveRules, isTotal, type Rule } from './device-rules.ts';
import type { Layout, Write } from './write.ts';

/** A property of a unit as D-Bus carries it (org.freedesktop.systemd1(5)). */
export interface Property {
  readonly name: string;
  /** D-Bus type. */
  readonly signature: string;
  readonly value: bigint | boolean | string | Uint8Array | readonly string[] | readonly (readonly [string, string])[];
}

/** "infinity" of systemd's numbers. */
const unlimited = 0xffff_ffff_ffff_ffffn;

interface Row {
  readonly file: string;
  readonly property: string;
  /** First version of systemd that has it. */
  readonly since: number;
  readonly signature: string;
  /** The file's text as the property's value; undefined where the property cannot say it. */
  readonly value: (text: string) => Property['value'] | undefined;
}

const row = (file: string, property: string, value: Row['value'], since = 0, signature = 't'): Row => ({
  file,
  property,
  since,
  signature,
  value,
});

const amount = (text: string): bigint | undefined =>
  text === 'max' || text === '-1' ? unlimited : /^\d+$/.test(text) ? BigInt(text) : undefined;

/** io.weight: "100" or "default 100"; weights of single devices are nothing that systemd takes back. */
const defaultWeight = (text: string): bigint | undefined => amount(text.replace(/^default /, ''));

/** systemd turns its weights (1 to 10000) into those of BFQ (1 to 1000) in two straight pieces; this is the way back. */
const weightOfBfq = (text: string): bigint | undefined => {
  const weight = defaultWeight(text);
  return weight === undefined || weight <= 100n ? weight : 100n + (weight - 100n) * 11n;
};

/** THE table of v2; cpu.max is beside it. */
const unified: readonly Row[] = [
  row('memory.min', 'MemoryMin', amount),
  row('memory.low', 'MemoryLow', amount),
  row('memory.high', 'MemoryHigh', amount),
  row('memory.max', 'MemoryMax', amount),
  row('memory.swap.max', 'MemorySwapMax', amount),
  row('memory.zswap.max', 'MemoryZSwapMax', amount, 253),
  // Idleness is a weight of 0: its end gives the default, unless there is a weight as well, and its begin ends any weight.
  row('cpu.idle', 'CPUWeight', (text) => (text === '0' ? 100n : undefined), 252),
  row('cpu.weight', 'CPUWeight', amount),
  row('cpu.idle', 'CPUWeight', (text) => (text === '1' ? 0n : undefined), 252),
  row('cpuset.cpus', 'AllowedCPUs', (text) => bitmap(text), 244, 'ay'),
  row('cpuset.mems', 'AllowedMemoryNodes', (text) => bitmap(text), 244, 'ay'),
  row('io.weight', 'IOWeight', defaultWeight),
  row('io.bfq.weight', 'IOWeight', weightOfBfq),
  row('pids.max', 'TasksMax', amount),
];

/** THE table of v1; the quota is beside it. systemd leaves cpuset and all else of v1 alone. */
const legacy: readonly Row[] = [
  row('memory.limit_in_bytes', 'MemoryLimit', amount),
  row('cpu.shares', 'CPUShares', amount),
  row('blkio.weight', 'BlockIOWeight', amount),
  row('blkio.bfq.weight', 'BlockIOWeight', amount),
  row('pids.max', 'TasksMax', amount),
];

export interface Situation {
  readonly layout: Layout;
  /** Version of systemd: what it does not have yet is left to the files. */
  readonly version: number;
  /** What stands in a file of the cgroup now, for values that are written in halves. */
  readonly current: (file: string) => string | undefined;
}

/** The properties that mean the same as these writes. */
export function propertiesOf(writes: readonly Write[], situation: Situation): Property[] {
  // The last write to a file is the one that counts.
  const texts = new Map(writes.map((write) => effective(write, situation)));
  const rows = situation.layout === 'v2' ? unified : legacy;
  const simple = rows.flatMap(({ file, property, since, signature, value }) => {
    const text = texts.get(file);
    const found = text === undefined || since > situation.version ? undefined : value(text);
    return found === undefined ? [] : [{ name: property, signature, value: found }];
  });
  const all = [...simple, ...quota(texts, situation)];
  return [...new Map(all.map((property) => [property.name, property])).values()];
}

/** Names of the files that systemd writes when it is told of these writes. */
export function managedFiles(writes: readonly Write[], situation: Situation): string[] {
  const managed = writes.filter((write) => propertiesOf([write], situation).length > 0);
  return [...new Set(managed.map((write) => effective(write, situation)[0]))];
}

/** Of two mechanisms the one that is there; before there is a cgroup, the one that every kernel has. */
function effective({ file, value, instead }: Write, { current }: Situation): readonly [string, string] {
  return instead === undefined || current(file) !== undefined ? [file, value] : [instead.file, instead.value];
}

/** Microseconds of CPU time per second, from a quota within a period; both in microseconds. */
function quota(texts: ReadonlyMap<string, string>, { layout, version, current }: Situation): Property[] {
  const [limit, period] = layout === 'v2' ? quotaV2(texts, current) : quotaV1(texts, current);
  if (limit === undefined) return [];
  const share: Property = { name: 'CPUQuotaPerSecUSec', signature: 't', value: perSecond(limit, period) };
  return version < 242 ? [share] : [share, { name: 'CPUQuotaPeriodUSec', signature: 't', value: period }];
}

const defaultPeriod = 100_000n;

type Quota = readonly [limit: string | undefined, period: bigint];

function quotaV2(texts: ReadonlyMap<string, string>, current: Situation['current']): Quota {
  const [limit, period = current('cpu.max')?.split(' ')[1]] = texts.get('cpu.max')?.split(' ') ?? [];
  return [limit, period === undefined ? defaultPeriod : BigInt(period)];
}

function quotaV1(texts: ReadonlyMap<string, string>, current: Situation['current']): Quota {
  const [limit, period] = [texts.get('cpu.cfs_quota_us'), texts.get('cpu.cfs_period_us')];
  if (limit === undefined && period === undefined) return [undefined, defaultPeriod];
  return [
    limit ?? current('cpu.cfs_quota_us') ?? '-1',
    BigInt(period ?? current('cpu.cfs_period_us') ?? defaultPeriod),
  ];
}

/** systemd keeps whole percents and cuts off the rest: rounded up, a child cgroup may still have the quota that was asked for. */
function perSecond(limit: string, period: bigint): bigint {
  const quotaUs = amount(limit) ?? unlimited;
  if (quotaUs === unlimited || period === 0n) return unlimited;
  const percent = 10_000n;
  return ((quotaUs * 1_000_000n + period * percent - 1n) / (period * percent)) * percent;
}

/** "0-3,7" as bits, the lowest first; '' is all of the parent's. undefined for what is no list: the kernel's answer is the better error. */
export function bitmap(list: string): Uint8Array | undefined {
  if (list === '') return new Uint8Array();
  const ranges = list.split(',').map((range) => /^\s*(\d+)(?:-(\d+))?\s*$/.exec(range));
  const bytes: number[] = [];
  for (const range of ranges) {
    const [first, last] = [Number(range?.[1] ?? Number.NaN), Number(range?.[2] ?? range?.[1])];
    if (!(first <= last && last < 65_536)) return undefined;
    for (let bit = first; bit <= last; bit++) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  return Uint8Array.from(bytes, (byte) => byte ?? 0);
}

/**
 * The devices that systemd must let pass. Its list can only allow, and our own program decides beside it, so it names all
 * that any rule allows; where the rules begin with "everything", systemd does not restrict at all.
 */
export function deviceProperties(rules: readonly Rule[]): Property[] {
  const effective = effectiveRules(rules);
  const open = effective.some((rule) => isTotal(rule) && rule.allow);
  const patterns = open ? [] : effective.filter(({ allow }) => allow).flatMap(patternsOf);
  return [
    { name: 'DevicePolicy', signature: 's', value: open ? 'auto' : 'strict' },
    { name: 'DeviceAllow', signature: 'a(ss)', value: patterns },
  ];
}

/** /dev/char/1:3 need not exist, systemd reads the numbers; "char-136" is a whole major number, "char-*" all of them. */
function patternsOf({ type, major, minor, access }: Rule): (readonly [string, string])[] {
  const letters = [access & 2 ? 'r' : '', access & 4 ? 'w' : '', access & 1 ? 'm' : ''].join('');
  return (type === undefined ? (['b', 'c'] as const) : [type]).map((one) => {
    const kind = one === 'b' ? 'block' : 'char';
    if (major === undefined) return [`${kind}-*`, letters];
    return [minor === undefined ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`, letters];
  });
}

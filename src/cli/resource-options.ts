/** The options of `update` as linux.resources. */
import type { Resources } from '../config/spec.ts';
import { type Place, TsruncError } from '../errors.ts';
import type { RdtLimits } from '../rdt/change.ts';
import type { OptionsOf } from './table.ts';

type RdtOption = 'l3-cache-schema' | 'mem-bw-schema';
type Option = Exclude<keyof OptionsOf<'update'>, 'resources' | 'report' | RdtOption>;
type Parse = (text: string) => number | string | undefined;

const integer: Parse = (text) => (/^-?\d{1,20}$/.test(text) ? Number(text) : undefined);
const wholeNumber: Parse = (text) => (text.startsWith('-') ? undefined : integer(text));
const list: Parse = (text) => text;

const powers = ['', 'k', 'm', 'g', 't', 'p'];

/** "512M", "1.5GiB", "4096", "64 kb": all of them powers of 1024, as with runc and Docker. -1 is no limit. */
export function bytes(text: string): number | undefined {
  if (text === '-1') return -1;
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const [, number = '', unit = ''] = match;
  return Math.floor(Number(number) * 1024 ** powers.indexOf(unit.toLowerCase()));
}

/** Where the value of each option goes, and what it looks like. */
const rows: Readonly<Record<Option, readonly [section: string, field: string, parse: Parse, form: string]>> = {
  'blkio-weight': ['blockIO', 'weight', wholeNumber, 'a whole number from 10 to 1000'],
  'cpu-period': ['cpu', 'period', wholeNumber, 'a number of microseconds'],
  'cpu-quota': ['cpu', 'quota', integer, 'a number of microseconds, or -1'],
  'cpu-burst': ['cpu', 'burst', wholeNumber, 'a number of microseconds'],
  'cpu-share': ['cpu', 'shares', wholeNumber, 'a whole number'],
  'cpu-rt-period': ['cpu', 'realtimePeriod', wholeNumber, 'a number of microseconds'],
  'cpu-rt-runtime': ['cpu', 'realtimeRuntime', integer, 'a number of microseconds'],
  'cpuset-cpus': ['cpu', 'cpus', list, 'a list'],
  'cpuset-mems': ['cpu', 'mems', list, 'a list'],
  'cpu-idle': ['cpu', 'idle', integer, '0 or 1'],
  memory: ['memory', 'limit', bytes, 'a size such as 512M, or -1'],
  'memory-reservation': ['memory', 'reservation', bytes, 'a size such as 512M, or -1'],
  'memory-swap': ['memory', 'swap', bytes, 'a size such as 512M, or -1'],
  'kernel-memory': ['memory', 'kernel', bytes, 'a size such as 512M, or -1'],
  'kernel-memory-tcp': ['memory', 'kernelTCP', bytes, 'a size such as 512M, or -1'],
  'pids-limit': ['pids', 'limit', integer, 'a whole number, or -1'],
};

type Given = Partial<Readonly<Record<Option, string | undefined>>>;

/** @throws TsruncError USAGE for a value that cannot be read */
export function resourcesOf(options: Given): Resources {
  const resources: Record<string, Record<string, unknown>> = {};
  for (const [option, text] of given(options)) {
    const [section, field, parse, form] = rows[option];
    const value = parse(text);
    if (value === undefined) {
      throw new TsruncError('USAGE', `invalid value for ${option}: "${text}" is not ${form}`);
    }
    resources[section] = { ...resources[section], [field]: value };
  }
  return resources;
}

const commandLine = (option: string): Place => ({ file: 'command line', pointer: option });

/** The option that asked for a field; the container's configuration where none did. */
export function placeInOptions(options: Given, pointer: string): Place {
  const found = given(options).find(([option]) => pointer === `/linux/resources/${rows[option].slice(0, 2).join('/')}`);
  return found === undefined ? { file: 'config.json', pointer } : commandLine(`--${found[0]}`);
}

export const given = (options: Given): [Option, string][] =>
  (Object.keys(rows) as Option[]).flatMap((option): [Option, string][] => {
    const text = options[option];
    return text === undefined ? [] : [[option, text]];
  });

type GivenRdt = Partial<Readonly<Record<RdtOption, string | undefined>>>;

/** undefined when none is given. */
export function rdtLimitsOf(options: GivenRdt): RdtLimits | undefined {
  const { 'l3-cache-schema': l3CacheSchema, 'mem-bw-schema': memBwSchema } = options;
  if (l3CacheSchema === undefined && memBwSchema === undefined) return undefined;
  return {
    ...(l3CacheSchema === undefined ? {} : { l3CacheSchema }),
    ...(memBwSchema === undefined ? {} : { memBwSchema }),
  };
}

/** The option behind a field below /linux/intelRdt; for a fault of both the first that is given. */
export function placeInRdtOptions(options: GivenRdt, pointer: string): Place | undefined {
  if (!pointer.startsWith('/linux/intelRdt')) return undefined;
  const isMemory = pointer.endsWith('/memBwSchema') || options['l3-cache-schema'] === undefined;
  return commandLine(isMemory ? '--mem-bw-schema' : '--l3-cache-schema');
}

/**
 * Annotations "org.systemd.property.NAME": properties that the user wants on the container's unit. By an allow-list: the rest
 * could make systemd do things as root which have nothing to do with the container (CVE-2024-3154 ran a command), or
 * start and stop other units.
 */
import type { Spec } from '../../config/spec.ts';
import { TsruncError } from '../../errors.ts';
import type { Property } from '../controllers/systemd.ts';
import { placeOf } from '../failure.ts';

export const propertyPrefix = 'org.systemd.property.';

/** THE list, with the D-Bus types: how the unit ends and is collected, its order among units, and what only limits. */
const allowed: Readonly<Record<string, 't' | 'b' | 's' | 'i' | 'u' | 'as'>> = {
  After: 'as',
  Before: 'as',
  CollectMode: 's',
  CPUAccounting: 'b',
  CPUWeight: 't',
  DefaultDependencies: 'b',
  Description: 's',
  FinalKillSignal: 'i',
  IOAccounting: 'b',
  IOWeight: 't',
  IPAccounting: 'b',
  KillMode: 's',
  KillSignal: 'i',
  ManagedOOMMemoryPressure: 's',
  ManagedOOMMemoryPressureLimit: 'u',
  ManagedOOMPreference: 's',
  ManagedOOMSwap: 's',
  MemoryAccounting: 'b',
  MemoryHigh: 't',
  MemoryLow: 't',
  MemoryMax: 't',
  MemoryMin: 't',
  MemorySwapMax: 't',
  OOMPolicy: 's',
  RuntimeMaxUSec: 't',
  SendSIGHUP: 'b',
  SendSIGKILL: 'b',
  StartupCPUWeight: 't',
  StartupIOWeight: 't',
  TasksAccounting: 'b',
  TasksMax: 't',
  TimeoutStopUSec: 't',
};

/** @throws TsruncError UNSUPPORTED for a property that is not on the list, CONFIG_INVALID for a value of another type */
export function annotatedProperties(annotations: Spec['annotations']): Property[] {
  return Object.entries(annotations ?? {})
    .filter(([key]) => key.startsWith(propertyPrefix))
    .map(([key, text]) => propertyOf(key, text));
}

function propertyOf(key: string, text: string): Property {
  const asked = key.slice(propertyPrefix.length);
  // As systemctl(1) has it: TimeoutStopSec in seconds is TimeoutStopUSec in microseconds.
  const inSeconds = asked.endsWith('Sec') && !asked.endsWith('USec');
  const name = inSeconds ? asked.replace(/Sec$/, 'USec') : asked;
  const signature = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
  if (signature === undefined)
    throw new TsruncError('UNSUPPORTED', `The systemd property "${asked}" cannot be set by an annotation`, {
      hint: `These can: ${Object.keys(allowed).join(', ')}.`,
      ...place(key),
    });
  const value = inSeconds ? microseconds(text) : parsers[signature](text.trim());
  if (value !== undefined) return { name, signature, value };
  throw new TsruncError('CONFIG_INVALID', `"${text}" is no value of the systemd property "${asked}"`, {
    hint: `Write it as GVariant text: ${examples[signature]}.`,
    ...place(key),
  });
}

/** GVariant's text format, as far as these types go (GLib reference, "GVariant Text Format"); a number may have its type before it. */
const parsers = {
  t: (text: string) => integer(text, 0n, 0xffff_ffff_ffff_ffffn),
  u: (text: string) => integer(text, 0n, 0xffff_ffffn),
  i: (text: string) => integer(text, -0x8000_0000n, 0x7fff_ffffn),
  b: (text: string) => (text === 'true' ? true : text === 'false' ? false : undefined),
  s: quoted,
  as: (text: string) => {
    const items = /^\[(.*)\]$/s.exec(text)?.[1]?.trim();
    if (items === undefined) return undefined;
    const words = items === '' ? [] : items.split(',').map((item) => quoted(item.trim()));
    return words.every((word) => word !== undefined) ? words : undefined;
  },
} as const;

const examples = {
  t: 'uint64 100',
  u: 'uint32 100',
  i: '15',
  b: 'true',
  s: "'text'",
  as: "['one.service', 'two.service']",
} as const;

function integer(text: string, least: bigint, most: bigint): bigint | undefined {
  const digits = /^(?:(?:byte|u?int(?:16|32|64)) +)?(-?\d+|0x[\da-f]+)$/i.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const value = BigInt(digits);
  return value >= least && value <= most ? value : undefined;
}

/** 'text' or "text"; no escapes, which none of these values needs. */
function quoted(text: string): string | undefined {
  return /^'([^'\\]*)'$/.exec(text)?.[1] ?? /^"([^"\\]*)"$/.exec(text)?.[1];
}

function microseconds(text: string): bigint | undefined {
  const seconds = /^(?:[a-z]+\d* +)?(\d+(?:\.\d+)?)$/.exec(text.trim())?.[1];
  return seconds === undefined ? undefined : BigInt(Math.round(Number(seconds) * 1_000_000));
}

function place(key: string): ReturnType<typeof placeOf> {
  return placeOf(`/annotations/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

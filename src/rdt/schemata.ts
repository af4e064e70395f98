/** Lines of a schemata file: "L3:0=7f0;1=1f" gives the cache or bandwidth that each domain (0, 1) grants. */
import type { IntelRdt } from '../config/spec.ts';

/**
 * What is written to the schemata file, in order. Each is a write of its own: in one write the kernel takes each domain of a
 * resource only once, and `schemata`, which comes last, may name again what the others did. Beside memBwSchema the bandwidth in
 * l3CacheSchema does not count (config-linux.md "IntelRdt").
 */
export function writesOf({ l3CacheSchema = '', memBwSchema = '', schemata = [] }: IntelRdt): readonly string[] {
  const cache = memBwSchema === '' ? l3CacheSchema : withoutBandwidth(l3CacheSchema);
  return [cache, memBwSchema, schemata.join('\n')].filter((text) => text !== '').map((text) => `${text}\n`);
}

const withoutBandwidth = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('MB:'))
    .join('\n');

type Domains = ReadonlyMap<string, string>;

/** By resource. A bit mask is hexadecimal and padded by the kernel, so leading zeros and case do not count. */
function parse(text: string): ReadonlyMap<string, Domains> {
  const resources = new Map<string, Map<string, string>>();
  for (const line of text.split('\n')) {
    const [resource = '', list] = line.split(':', 2);
    if (list === undefined) continue;
    const domains = resources.get(resource.trim()) ?? new Map<string, string>();
    for (const entry of list.split(';')) {
      const [id = '', value = ''] = entry.split('=', 2);
      if (id.trim() !== '') domains.set(normal(id), normal(value));
    }
    resources.set(resource.trim(), domains);
  }
  return resources;
}

const normal = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/^0+(?=.)/, '');

/**
 * The first line of `wanted` that the group does not have; undefined where it has all. Domains that are not named may be
 * as they like.
 */
export function difference(wanted: string, present: string): string | undefined {
  const has = parse(present);
  for (const [resource, domains] of parse(wanted)) {
    for (const [id, value] of domains) {
      if (has.get(resource)?.get(id) !== value) return `${resource}:${id}=${value}`;
    }
  }
  return undefined;
}

import { caution, type Finding, mistake, mostErrors, mostTold, quoted, untold } from '../findings.ts';
import type { IdMapping, NamespaceType, Spec } from '../spec.ts';

export { quoted } from '../findings.ts';

/** Thrown by a report that takes no more mistakes. */
export class Enough extends Error {}

/** Not the value at the pointer, but its name. */
type KeyPlace = Pick<Finding, 'pointer'> & { readonly about: 'key' };

/** Collects what the rules have to say. */
export class Report {
  readonly #findings: Finding[] = [];
  #mistakes = 0;
  #cautions = 0;

  /** Mistakes, and the cautions that are told. */
  get findings(): readonly Finding[] {
    const more = this.#cautions - mostTold;
    return more > 0 ? [...this.#findings, untold('warning', more)] : this.#findings;
  }

  /** @throws Enough: the configuration is refused in any case, and nobody reads so many */
  mistake(pointer: string, message: string, hint?: string): void {
    if (this.#mistakes === mostErrors) throw new Enough();
    this.#mistakes++;
    this.#findings.push(mistake(pointer, message, hint));
  }

  /** @param hint a function where it takes time: it is asked only for those that are told */
  caution(place: string | KeyPlace, message: string, hint?: string | (() => string | undefined)): void {
    this.#cautions++;
    if (this.#cautions > mostTold) return;
    const { pointer, ...about } = typeof place === 'string' ? { pointer: place } : place;
    this.#findings.push({ ...caution(pointer, message, typeof hint === 'function' ? hint() : hint), ...about });
  }
}

/**
 * A rule looks at one topic of a configuration whose shape the schema has already accepted. Plain functions, although
 * generators would read better: each rule runs once in a process, and the first run of a generator costs a millisecond.
 */
export type Rule = (spec: Spec, report: Report) => void;

/**
 * Visits the items of a list. Where the schema has rejected an item, the rules get undefined in its place (prune.ts), so
 * that they can still speak about the others.
 */
export function each<T>(list: readonly (T | undefined)[] | undefined, visit: (item: T, index: number) => void): void {
  if (list === undefined) return;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    if (item !== undefined) visit(item, index);
  }
}

/** Whether the schema has rejected an item of the list. */
export const hasHole = (list: readonly unknown[] | undefined): boolean => list?.includes(undefined) ?? false;

/** Whether the container gets a namespace of this type that is not the runtime's: a new one or one joined by path. */
export function hasNamespace(spec: Spec, type: NamespaceType): boolean {
  const namespaces = spec.linux?.namespaces;
  // An unreadable entry may be the one that is asked for: a complaint that it is missing would only confuse.
  return namespaces?.some((namespace) => namespace === undefined || namespace.type === type) ?? false;
}

/** Whether the container joins an existing namespace of this type. */
export const joinsNamespace = (spec: Spec, type: NamespaceType): boolean =>
  spec.linux?.namespaces?.some((entry) => entry?.type === type && (entry.path ?? '') !== '') ?? false;

export const isAbsolute = (path: string): boolean => path.startsWith('/');

/** Every entry of an environment must be NAME=value. */
export function checkEnvironment(report: Report, pointer: string, env: readonly string[] | undefined): void {
  each(env, (entry, index) => {
    const equals = entry.indexOf('=');
    if (equals > 0) return;
    const place = `${pointer}/${index}`;
    if (equals === 0) report.mistake(place, `The environment entry ${quoted(entry)} has no name before the "="`);
    else report.mistake(place, `The environment entry ${quoted(entry)} has no "="`, 'Entries are NAME=value.');
  });
}

/** user_namespaces(7): at most 340 ranges, none empty, none beyond 2^32, none overlapping on either side. */
const mostRanges = 340;
const endOfIds = 2 ** 32;

export function checkMappings(report: Report, pointer: string, mappings: readonly IdMapping[] | undefined): void {
  if (mappings === undefined) return;
  if (mappings.length > mostRanges) {
    report.mistake(pointer, `There are ${mappings.length} id ranges, but the kernel takes at most ${mostRanges}`);
    return;
  }
  each(mappings, (range, index) => {
    const place = `${pointer}/${index}`;
    if (range.size === 0) report.mistake(`${place}/size`, 'The id range is empty: its size is 0');
    for (const side of ['containerID', 'hostID'] as const) {
      if (range[side] + range.size > endOfIds) {
        report.mistake(
          `${place}/size`,
          `The id range ends beyond the largest id: ${side} ${range[side]} + ${range.size}`,
        );
      }
      each(mappings.slice(0, index), (other, first) => {
        if (!overlap(range, other, side)) return;
        report.mistake(
          `${place}/${side}`,
          `The id range overlaps range ${first} in ${side}`,
          'Ranges must be disjoint.',
        );
      });
    }
  });
}

const overlap = (one: IdMapping, other: IdMapping, side: 'containerID' | 'hostID'): boolean =>
  one[side] < other[side] + other.size && other[side] < one[side] + one.size;

/** Visits the items whose name an earlier item (`first`) has too. */
export function eachDuplicate<T>(
  list: readonly (T | undefined)[] | undefined,
  nameOf: (item: T) => string,
  visit: (name: string, index: number, first: number) => void,
): void {
  const seen = new Map<string, number>();
  each(list, (item, index) => {
    const name = nameOf(item);
    const first = seen.get(name);
    if (first === undefined) seen.set(name, index);
    else visit(name, index, first);
  });
}

/** The formats of the kernel's statistics (cgroup-v2.rst "Interface Files"). */
import type { Pressure, PressureData } from './types.ts';

/** Content of a control file; undefined where there is none. */
export type Read = (controller: string, file: string) => string | undefined;

/** The only value of a file; "max" is more than any number. 0 where there is no file. */
export function single(text: string | undefined): number {
  if (text === undefined) return 0;
  return text === 'max' ? 2 ** 64 : Number(text);
}

/** "key value" lines. */
export const flatKeyed = (text = ''): Readonly<Record<string, number>> =>
  Object.fromEntries(words(text).map(([key = '', value]) => [key, Number(value)]));

/** "1 2 3" */
export const numbers = (text = ''): number[] => text.split(/\s+/).filter(Boolean).map(Number);

/** "0-2,5" as 0, 1, 2, 5. */
export function ranges(text = ''): number[] {
  return text.split(',').flatMap((range) => {
    const [first, last = first] = range.trim().split('-');
    if (first === undefined || first === '') return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}

/** Lines as words. */
export const words = (text: string): string[][] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.trim().split(/\s+/));

/** "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and "full ..."; undefined where the kernel has none. */
export function pressure(text: string | undefined): Pressure | undefined {
  if (text === undefined || text === '') return undefined;
  const lines = new Map(words(text).map(([name, ...pairs]) => [name, pressureData(pairs)]));
  const none = pressureData([]);
  return { some: lines.get('some') ?? none, full: lines.get('full') ?? none };
}

function pressureData(pairs: readonly string[]): PressureData {
  const values = new Map(pairs.map((pair) => pair.split('=', 2) as [string, string]));
  const of = (key: string): number => Number(values.get(key) ?? 0);
  return { avg10: of('avg10'), avg60: of('avg60'), avg300: of('avg300'), total: of('total') };
}

/** Without the members that are zero, empty or missing, as Go leaves them out. */
export function filled<T extends object>(fields: T): Partial<{ [K in keyof T]: NonNullable<T[K]> }> {
  const isFilled = (value: unknown): boolean =>
    value !== undefined && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isFilled(value))) as Partial<{
    [K in keyof T]: NonNullable<T[K]>;
  }>;
}

/** By name, as Go writes its maps; undefined when there is nothing. */
export function sorted(values: Readonly<Record<string, number>>): Readonly<Record<string, number>> | undefined {
  const entries = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

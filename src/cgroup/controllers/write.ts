/** What controllers compile resources to. */
import type { Resources } from '../../config/spec.ts';
import { TsruncError } from '../../errors.ts';

/** One value for one control file. */
export interface Write {
  /** Chooses the hierarchy on v1, and is what must be enabled on v2. */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** JSON pointer of the config field that asked for it; '' where the runtime itself did. */
  readonly from: string;
  /** A second field that the value is made of: an update of either makes the write necessary. */
  readonly also?: string;
  /** Where there is no such file, this one in its stead: two mechanisms that a kernel has either of. */
  readonly instead?: { readonly file: string; readonly value: string };
  /**
   * Leave it out where there is no such file. skip: the value is what holds without it. warn: it may not be, but those who
   * ask for it do so always, wanted or not. uncounted: only the file may be missing, because the kernel does not have what it
   * would limit; without the controller a limit is lost.
   */
  readonly ifMissing?: 'skip' | 'warn' | 'uncounted';
  /**
   * When the kernel says EINVAL, try again after the writes that follow: it compares some values with each other, and which
   * order is right depends on what stands there now.
   */
  readonly retry?: true;
  /** Limits of bytes: the file that tells how many are in use, to explain a refusal. */
  readonly usage?: string;
  /** Refuse a value below the usage instead of letting the kernel kill. */
  readonly aboveUsage?: true;
  /** Newer kernels have no such limit. They refuse it, or ignore it, which a higher one in the file shows: that is worth a warning. */
  readonly mayBeGone?: true;
  /** How the file's content tells what to write to get back what was; by default the content is that. */
  readonly former?: Former;
}

/** Whether something that was asked for does not hold where there is no such controller. */
export const isLost = ({ ifMissing }: Write): boolean => ifMissing === undefined || ifMissing === 'uncounted';

export type Former =
  /** A line for each device or interface, the first word of the value; where it has none, `none` is what stands for that. */
  | { readonly kind: 'line'; readonly none: string }
  /** The number behind a key of a file that takes the number alone. */
  | { readonly kind: 'key'; readonly key: string };

/** hybrid hosts have v1 controllers, so they count as v1. */
export type Layout = 'v1' | 'v2';

/** A controller is a pure function from resources to writes, in the order to make them. */
export type Controller = (resources: Resources, layout: Layout) => Write[];

/** JSON pointer of a field of linux.resources. */
export function pointer(...path: readonly (string | number)[]): string {
  return ['/linux/resources', ...path].join('/');
}

/** A name that is data as a part of a JSON pointer (RFC 6901). */
export const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** All digits of a number: a double above 2^53 prints as an exponent otherwise. */
export function digits(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : BigInt(Math.trunc(value)).toString();
}

/** Whether a field of the config asks for anything: clients send 0 for what is not set, as Go's JSON does. */
export function isSet(value: number | undefined | null): value is number {
  return value !== undefined && value !== null && value !== 0;
}

/** The field is valid, but this cgroup layout has nothing that it could be. */
export function unsupported(from: string, reason: string, hint?: string): TsruncError {
  return new TsruncError(
    'UNSUPPORTED',
    `${from.slice('/linux/resources/'.length).replaceAll('/', '.')} cannot be applied: ${reason}`,
    {
      place: { file: 'config.json', pointer: from },
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

/** The value itself is wrong. */
export function invalid(from: string, reason: string): TsruncError {
  return new TsruncError('CONFIG_INVALID', reason, { place: { file: 'config.json', pointer: from } });
}

/** A write that is left out where there is no such file when the value only says "no limit". */
export function write(controller: string, file: string, value: string, from: string): Write {
  const neutral = value === '-1' || value === 'max';
  return { controller, file, value, from, ...(neutral ? { ifMissing: 'skip' } : {}) };
}

/** The words of a refusal of what cgroup v2 has no more. */
export const v1Only = 'only cgroup v1 has it, and this host has cgroup v2';

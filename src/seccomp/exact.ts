import { exactIntegersAt } from '../config/position.ts';
import type { Seccomp } from '../config/spec.ts';
import type { ExactIntegers } from './profile.ts';

/**
 * The arguments of rules that do not fit a double, read from the text of the configuration: of a bit mask every bit counts.
 * @param text of the whole configuration; asked for only where there is such an argument
 */
export function exactIntegers({ syscalls = [] }: Seccomp, text: () => string): ExactIntegers {
  const rounded: string[] = [];
  for (const [entry, { args = [] }] of syscalls.entries()) {
    for (const [index, arg] of args.entries()) {
      for (const name of ['value', 'valueTwo'] as const) {
        if ((arg[name] ?? 0) <= Number.MAX_SAFE_INTEGER) continue;
        rounded.push(`/linux/seccomp/syscalls/${entry}/args/${index}/${name}`);
      }
    }
  }
  return rounded.length === 0 ? new Map() : exactIntegersAt(text(), rounded);
}

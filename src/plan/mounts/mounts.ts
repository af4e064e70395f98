import { type Context, type Fragment, sequence } from '../context.ts';
import type { Op } from '../ops.ts';
import { planBind } from './bind.ts';
import { isCgroup, planCgroupMount } from './cgroup.ts';
import { type Entry, insideRoot, isBind, readEntry } from './entry.ts';
import { isReadonlyLater, makeReadonly, planFilesystem, planRemount } from './filesystem.ts';

const entries = (context: Context): readonly Entry[] =>
  (context.spec.mounts ?? []).map((mount, index) => readEntry(context, mount, index));

/** The mounts of config.json, in their order (config.md "Mounts"). */
export const planMounts = (context: Context): Fragment => sequence(...entries(context).map(planMount));

function planMount(entry: Entry): Fragment {
  if (entry.options.switches.has('remount')) return planRemount(entry);
  if (isBind(entry)) return planBind(entry);
  if (isCgroup(entry)) return planCgroupMount(entry);
  return planFilesystem(entry);
}

/** What had to stay writable until everything in it was made; a mount that a later one covers is out of reach, and of sight. */
export function planLateReadonly(context: Context): readonly Op[] {
  const mounts = context.spec.mounts ?? [];
  let last: ReadonlyMap<string, number> | undefined;
  const isCovered = ({ target }: Entry, index: number): boolean => {
    last ??= new Map(mounts.map(({ destination }, each) => [insideRoot(destination), each]));
    return (last.get(target) ?? index) > index;
  };
  return mounts.flatMap((mount, index) => {
    // Most mounts need no second look, and this is on the path of every start.
    if (mount.options?.some((option) => option === 'ro' || option === 'rro') !== true) return [];
    const entry = readEntry(context, mount, index);
    return isReadonlyLater(entry) && !isCovered(entry, index) ? [makeReadonly(entry)] : [];
  });
}

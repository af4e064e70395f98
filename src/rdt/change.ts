/** `update`: other limits for a container that runs. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Change } from '../cgroup/driver.ts';
import type { IntelRdt } from '../config/spec.ts';
import { errnoName } from '../host/errno.ts';
import { chooseRdt, type RdtUndo } from './group.ts';
import type { RdtRecord } from './record.ts';
import { makeGroup, type Resctrl, removeGroup, writeGroup } from './resctrl.ts';

export type RdtLimits = Pick<IntelRdt, 'l3CacheSchema' | 'memBwSchema'>;

/** What the change needs to know of the container. */
export interface Running {
  /** undefined when its configuration has nothing of RDT: a class of service of its own is made then. */
  readonly record: RdtRecord | undefined;
  readonly id: string;
  /** Its processes. */
  readonly pids: () => readonly number[];
}

/** The groups that the container has, or will have. Nothing is made yet. @throws TsruncError UNSUPPORTED, CONFIG_INVALID */
export const chooseForChange = ({ record, id }: Running, resctrl: Resctrl): RdtRecord =>
  record ?? chooseRdt({}, id, resctrl);

/**
 * Write the schemas to the group of the container, which is made where it had none.
 * @returns what was written
 * @throws TsruncError SYSTEM; what `undo` then has takes all of it back
 */
export function changeRdt(
  chosen: RdtRecord,
  limits: RdtLimits,
  running: Running,
  resctrl: Resctrl,
  undo: RdtUndo,
): Change[] {
  if (chosen.remove.includes(chosen.group) && !resctrl.exists(chosen.group)) {
    makeGroup(resctrl, chosen.group, 'make the RDT class of service');
    undo.add('remove the RDT class of service', () => removeGroup(resctrl, chosen.group));
  }
  const changes = writeSchemas(chosen.group, limits, resctrl, undo);
  if (running.record === undefined) {
    // Removing a group takes its tasks back, but only of a group that is ours.
    undo.add('take its processes out of the RDT class of service', () => moveAll(resctrl.mountpoint, running, resctrl));
    moveAll(chosen.group, running, resctrl);
  }
  return changes;
}

const fields = ['l3CacheSchema', 'memBwSchema'] as const;

function writeSchemas(group: string, limits: RdtLimits, resctrl: Resctrl, undo: RdtUndo): Change[] {
  const path = join(group, 'schemata');
  return fields.flatMap((field) => {
    const schema = limits[field];
    if (schema === undefined) return [];
    const before = presentLines(schema, resctrl.exists(path) ? resctrl.read(path) : '');
    writeGroup(resctrl, path, `${schema}\n`, `/${field}`);
    if (before !== '') undo.add(`set back ${path}`, () => writeGroup(resctrl, path, `${before}\n`));
    return [{ path, before: before === '' ? undefined : before, after: schema }];
  });
}

/** The lines of the resources that `schema` names, as they can be written; the kernel pads its own with blanks. */
function presentLines(schema: string, present: string): string {
  const resources = schema.split('\n').map(resourceOf);
  const lines = present.split('\n').filter((line) => line.includes(':') && resources.includes(resourceOf(line)));
  return lines.map((line) => line.replaceAll(' ', '')).join('\n');
}

const resourceOf = (line: string): string => line.split(':', 1)[0]?.trim() ?? '';

/** A task that is born meanwhile is in the group of its parent, so one that is missed was born before that had moved. */
function moveAll(group: string, { pids }: Running, resctrl: Resctrl): void {
  const moved = new Set<string>();
  const missed = (): string[] =>
    pids()
      .flatMap(tasksOf)
      .filter((task) => !moved.has(task));
  for (let tasks = missed(); tasks.length > 0; tasks = missed()) {
    for (const task of tasks) {
      move(task, group, resctrl);
      moved.add(task);
    }
  }
}

/** The kernel moves the one thread whose number is written. */
function move(task: string, group: string, resctrl: Resctrl): void {
  try {
    resctrl.write(join(group, 'tasks'), `${task}\n`);
  } catch (error) {
    // It has ended.
    if (errnoName(error) !== 'ESRCH') throw error;
  }
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoName(error) ?? '')) return [];
    throw error;
  }
}

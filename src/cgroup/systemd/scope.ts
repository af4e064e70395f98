/** A container's scope: what systemd is told about it, when it starts and when its limits change. */
import type { Spec } from '../../config/spec.ts';
import { BusError } from '../../dbus/connection.ts';
import { TsruncError } from '../../errors.ts';
import { limitWrites } from '../controllers/compile.ts';
import { deviceRules } from '../controllers/device-rules.ts';
import { deviceProperties, type Property, propertiesOf } from '../controllers/systemd.ts';
import { attainable } from '../controllers/unified.ts';
import { updateWrites } from '../controllers/update.ts';
import type { Layout, Write } from '../controllers/write.ts';
import type { UpdateRequest } from '../driver.ts';
import type { Leniency } from '../leniency.ts';
import type { SystemdUnit } from '../record.ts';
import { annotatedProperties } from './annotations.ts';
import { systemdFailed } from './failure.ts';
import type { Systemd } from './manager.ts';

export interface ScopeStart {
  readonly unit: SystemdUnit;
  readonly layout: Layout;
  readonly id: string;
  readonly spec: Spec;
  /** The container's first process, which systemd moves. */
  readonly pid: number;
  readonly leniency: Leniency;
}

/** @returns the scope's cgroup, below the root of the hierarchy @throws TsruncError CGROUP_FAILED, TIMEOUT, UNSUPPORTED */
export async function startScope(systemd: Systemd, start: ScopeStart): Promise<string> {
  const { name } = start.unit;
  const properties = scopeProperties(start, systemd.version);
  try {
    await systemd.startScope(name, properties, start.pid);
  } catch (error) {
    if (!(await isLeftover(systemd, name, error))) throw error;
    await systemd.startScope(name, properties, start.pid);
  }
  const path = await systemd.controlGroup(name);
  if (path === '') throw systemdFailed('start', name, 'it has no cgroup, so its process has ended');
  return path;
}

/**
 * Who has the name: this container, another unit, or nobody any more.
 * @throws TsruncError CGROUP_FAILED, TIMEOUT
 */
export async function ownerOf(systemd: Systemd, { name, mark }: SystemdUnit): Promise<'us' | 'another' | 'nobody'> {
  if ((await systemd.documentation(name)).includes(mark)) return 'us';
  return (await systemd.activeState(name)) === 'inactive' ? 'nobody' : 'another';
}

/** A unit of this name is there, but only because it failed, or is about to go: then it is helped out of the way. */
async function isLeftover(systemd: Systemd, name: string, error: unknown): Promise<boolean> {
  const cause = error instanceof TsruncError ? error.cause : undefined;
  if (!(cause instanceof BusError) || !cause.error.endsWith('.UnitExists')) return false;
  const state = await systemd.activeState(name);
  if (state === 'deactivating') await systemd.stop(name);
  else if (state !== 'failed' && state !== 'inactive') return false;
  await systemd.resetFailed(name);
  return true;
}

/** Everything that the scope begins with. The user's own properties come last: the last one counts. */
export function scopeProperties(start: Omit<ScopeStart, 'pid'>, version: number): Property[] {
  const { unit, layout, id, spec, leniency } = start;
  const resources = attainable(spec.linux?.resources ?? {}, layout, leniency);
  const current = () => undefined;
  return [
    { name: 'Description', signature: 's', value: `container ${id}` },
    { name: 'Documentation', signature: 'as', value: [unit.mark] },
    { name: 'Slice', signature: 's', value: unit.slice },
    // The container may make cgroups of its own below it, and the controllers are there for its files.
    flag('Delegate', true),
    flag('CPUAccounting', true),
    flag('MemoryAccounting', true),
    flag('TasksAccounting', true),
    flag(layout === 'v2' ? 'IOAccounting' : 'BlockIOAccounting', true),
    // At shutdown its own manager stops it, which orders it among the other services.
    flag('DefaultDependencies', false),
    // A scope whose process ran out of memory has failed; kept like that, its name would stay taken.
    ...(version >= 236 ? [{ name: 'CollectMode', signature: 's', value: 'inactive-or-failed' }] : []),
    ...deviceProperties(deviceRules(resources)),
    ...propertiesOf(limitWrites(resources, layout), { layout, version, current }),
    ...annotatedProperties(spec.annotations),
  ];
}

const flag = (name: string, value: boolean): Property => ({ name, signature: 'b', value });

export interface ScopeUpdate {
  readonly unit: string;
  readonly layout: Layout;
  readonly request: UpdateRequest;
  /** What stands in a file of the scope's cgroup. */
  readonly current: (file: string) => string | undefined;
}

/**
 * Tell systemd of new limits, so that it does not take them back, and then do the rest of the update; when that fails, systemd is
 * told of the limits that it found.
 */
export async function updateScope<T>(systemd: Systemd, update: ScopeUpdate, rest: () => Promise<T>): Promise<T> {
  const { unit, layout, request, current } = update;
  const writes = updateWrites(request, layout);
  const situation = { layout, version: systemd.version, current };
  // Only what systemd manages is read: there are files that can only be written.
  const managed = writes.filter((write) => propertiesOf([write], situation).length > 0);
  const before = propertiesOf(
    managed.map((write) => formerly(write, current)),
    situation,
  );
  await systemd.setProperties(unit, propertiesOf(writes, situation));
  try {
    return await rest();
  } catch (error) {
    throw await restored(error, () => systemd.setProperties(unit, before));
  }
}

/** What the write has found, in the file that it went to. */
function formerly({ instead, ...write }: Write, current: ScopeUpdate['current']): Write {
  const own = current(write.file);
  const file = own === undefined && instead !== undefined ? instead.file : write.file;
  return { ...write, file, value: (own ?? current(file))?.split('\n')[0] ?? '' };
}

/** The error to throw, with both when restoring failed as well. */
async function restored(error: unknown, restore: () => Promise<void>): Promise<unknown> {
  try {
    await restore();
    return error;
  } catch (failure) {
    const message = error instanceof Error ? error.message : String(error);
    return new AggregateError([error, failure], message, { cause: error });
  }
}

/** A container's scope: what systemd is told about it, when it starts and when its limits change. */
import type { Spec } from '../../config/spec.ts';
import { BusError } from '../../dbus/connection.ts';
import { TsruncError } from '../../errors.ts';
import { limitWrites } from '../controllers/compile.ts';
import { deviceRules } from '../controllers/device-rules.ts';
import { deviceProperties, managedFiles, type Property, propertiesOf } from '../controllers/systemd.ts';
import { attainable } from '../controllers/unified.ts';
import { updateWrites } from '../controllers/update.ts';
import type { Layout } from '../controllers/write.ts';
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
    ...propertiesOf(limitWrites(resources, layout), { layout, version, current: () => undefined }),
    ...annotatedProperties(spec.annotations),
  ];
}

/**
 * Which of two mechanisms the kernel has shows only in a cgroup: where it is not the one that the scope was started with, systemd is
 * told.
 */
export async function correctScope(
  systemd: Systemd,
  { unit, layout, spec, leniency }: Omit<ScopeStart, 'pid' | 'id'>,
  current: (file: string) => string | undefined,
): Promise<void> {
  const writes = limitWrites(attainable(spec.linux?.resources ?? {}, layout, leniency), layout);
  const others = writes.filter(({ file, instead }) => instead !== undefined && current(file) !== undefined);
  await systemd.setProperties(unit.name, propertiesOf(others, { layout, version: systemd.version, current }));
}

const flag = (name: string, value: boolean): Property => ({ name, signature: 'b', value });

export interface ScopeUpdate {
  readonly unit: string;
  readonly layout: Layout;
  readonly request: UpdateRequest;
  /** What stands in a file of the scope's cgroup. */
  readonly current: (file: string) => string | undefined;
  /** Write to it once more what the update asked for. */
  readonly rewrite: (file: string) => void;
}

/**
 * Tell systemd of limits that stand in the files already, so that it does not take them back. It writes them at once, its own way;
 * then those of its files that hold something else are written again.
 */
export async function updateScope(systemd: Systemd, update: ScopeUpdate): Promise<void> {
  const { unit, layout, request, current, rewrite } = update;
  const writes = updateWrites(request, layout);
  const situation = { layout, version: systemd.version, current };
  // Only what systemd manages is read: there are files that can only be written.
  const files = managedFiles(writes, situation);
  const exact = files.map(current);
  await systemd.setProperties(unit, propertiesOf(writes, situation));
  for (const [index, file] of files.entries()) if (current(file) !== exact[index]) rewrite(file);
}

import { openCgroup } from '../cgroup/choose.ts';
import { meant, merge } from '../cgroup/controllers/update.ts';
import type { Change } from '../cgroup/driver.ts';
import { NoCgroup } from '../cgroup/none.ts';
import { located } from '../config/locate.ts';
import { checkResources } from '../config/resources.ts';
import { TsruncError } from '../errors.ts';
import { loadNative } from '../native/load.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { ContainerDir } from '../store/store.ts';
import { frozenSpec } from './frozen.ts';
import type { UpdateOptions } from './options.ts';
import { prepareRdtUpdate } from './rdt.ts';
import { statusOf } from './status.ts';
import { undoing } from './undo.ts';

/**
 * Change the limits of a container to all that is asked for, or to nothing of it. Fields that are missing, and zeros and
 * empty strings where the kernel takes none, leave what is; device rules are not changed.
 *
 * @returns what was written, file by file
 * @throws TsruncError CONTAINER_UNKNOWN; CONTAINER_WRONG_STATE "container not running"; CONFIG_INVALID; UNSUPPORTED without the
 *   controller; CGROUP_FAILED for what the kernel refuses
 */
export async function update({ store, id, log, resources, rdt, locate }: UpdateOptions): Promise<readonly Change[]> {
  const directory = store.open(id);
  const unlock = await directory.lock(loadNative());
  try {
    const record = directory.read();
    refuseUnlessAlive(directory, record);
    const cgroup =
      record.cgroup === undefined
        ? new NoCgroup(record.withoutCgroup ?? 'it was made without')
        : openCgroup(record.cgroup);
    const asked = meant(resources);
    const all = merge(currentResources(directory, record), asked);
    checkResources(all);
    const groups = await prepareRdtUpdate(record, rdt);
    const updated = { ...record, resources: all, ...(groups.rdt === undefined ? {} : { rdt: groups.rdt }) };
    const changes = await recorded(directory, updated, record, () =>
      undoing(async (undo) => [...groups.apply(undo), ...(await cgroup.update({ asked, resources: all }))]),
    );
    for (const sentence of cgroup.warnings) log.warn(sentence);
    for (const { path, before, after } of changes) log.debug('cgroup', `${path}: ${before ?? '?'} -> ${after}`);
    return changes;
  } catch (error) {
    throw locate === undefined ? error : located(error, locate);
  } finally {
    unlock();
    directory.close();
  }
}

function refuseUnlessAlive(directory: ContainerDir, record: ContainerRecord): void {
  const status = statusOf(directory, record);
  if (status === 'stopped' || status === 'creating') {
    throw new TsruncError('CONTAINER_WRONG_STATE', 'container not running');
  }
}

/** The limits that hold: those of the last update, else those of create. */
const currentResources = (directory: ContainerDir, { resources }: ContainerRecord) =>
  resources ?? frozenSpec(directory).linux?.resources ?? {};

/**
 * The new state is written first: where that fails (a full disk) nothing has changed, and it can be taken back when the kernel
 * refuses the change, while a kernel that has taken it could refuse to go back.
 */
async function recorded<T>(
  directory: ContainerDir,
  updated: ContainerRecord,
  former: ContainerRecord,
  work: () => Promise<T>,
): Promise<T> {
  directory.write(updated);
  try {
    return await work();
  } catch (error) {
    try {
      directory.write(former);
    } catch (writeError) {
      throw new AggregateError([error, writeError]);
    }
    throw error;
  }
}

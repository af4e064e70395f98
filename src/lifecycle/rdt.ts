/** Intel RDT in the life of a container. Its code is loaded only for those that ask for it. */
import type { Change } from '../cgroup/driver.ts';
import type { Spec } from '../config/spec.ts';
import type { RdtLimits } from '../rdt/change.ts';
import type { RdtRecord } from '../rdt/record.ts';
import type { ContainerRecord } from '../store/record.ts';
import { processesOf } from './processes.ts';
import type { Undo } from './undo.ts';

/** @throws TsruncError UNSUPPORTED where resctrl is not mounted or the class is not there */
export async function chooseRdtGroups({ linux }: Spec, id: string): Promise<RdtRecord | undefined> {
  const asked = linux?.intelRdt;
  if (asked === undefined) return undefined;
  const [{ chooseRdt }, { openResctrl }] = await modules();
  return chooseRdt(asked, id, openResctrl());
}

interface Making {
  readonly record: ContainerRecord;
  readonly config: { readonly spec: Spec };
  readonly undo: Undo;
}

/** Before the process has children: only those that it gets from then on are in its groups. */
export async function enterRdtGroups({ record, config, undo }: Making, pid: number): Promise<void> {
  const asked = config.spec.linux?.intelRdt;
  if (record.rdt === undefined || asked === undefined) return;
  const [{ applyRdt }, { openResctrl }] = await modules();
  applyRdt(record.rdt, asked, pid, openResctrl(), undo);
}

/** A further process of the container, before it becomes its program. */
export async function joinRdtGroups({ rdt }: ContainerRecord, pid: number): Promise<void> {
  if (rdt === undefined) return;
  const [{ joinRdt }, { resctrlAt }] = await modules();
  joinRdt(rdt, pid, resctrlAt(rdt.mountpoint));
}

/** A resctrl that is no longer mounted has no groups any more. */
export async function removeRdtGroups({ rdt }: ContainerRecord): Promise<void> {
  if (rdt === undefined || rdt.remove.length === 0) return;
  const [{ removeRdt }, { resctrlAt }] = await modules();
  removeRdt(rdt, resctrlAt(rdt.mountpoint));
}

interface RdtUpdate {
  /** What the container's record says of RDT from now on. */
  readonly rdt: RdtRecord | undefined;
  /** Make the change. */
  apply(undo: Undo): readonly Change[];
}

/** Other limits for a container that runs; nothing is changed yet. @throws TsruncError UNSUPPORTED without resctrl */
export async function prepareRdtUpdate(record: ContainerRecord, limits: RdtLimits | undefined): Promise<RdtUpdate> {
  if (limits === undefined) return { rdt: record.rdt, apply: () => [] };
  const [{ changeRdt, chooseForChange }, { openResctrl, resctrlAt }] = await Promise.all([
    import('../rdt/change.ts'),
    import('../rdt/resctrl.ts'),
  ]);
  const resctrl = record.rdt === undefined ? openResctrl() : resctrlAt(record.rdt.mountpoint);
  const running = { record: record.rdt, id: record.id, pids: () => processesOf(record) };
  const rdt = chooseForChange(running, resctrl);
  return { rdt, apply: (undo) => changeRdt(rdt, limits, running, resctrl, undo) };
}

const modules = () => Promise.all([import('../rdt/group.ts'), import('../rdt/resctrl.ts')]);

import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { openCgroup } from '../cgroup/choose.ts';
import type { CgroupPlacement } from '../cgroup/driver.ts';
import { openProcesses, openTasks } from '../cgroup/files.ts';
import { type CgroupRecord, directoryOf } from '../cgroup/record.ts';
import { TsruncError } from '../errors.ts';
import { parseCgroup } from '../host/parse.ts';

/** Where a further process of a container is accounted for: the container's cgroup or, with --cgroup, one below it. */
export interface ExecCgroup {
  readonly placement: CgroupPlacement;
  readonly oomKills: () => number;
  /** Its list of processes, to enter by: of a v1 hierarchy, or with '' of v2. The caller closes it. */
  readonly openTasks: (hierarchy: string) => number;
  /** v2 directories to be born in, the better one first. */
  readonly candidates: readonly string[];
}

interface Request {
  readonly record: CgroupRecord | undefined;
  /** Child cgroup by controller; '' for all. */
  readonly children: ReadonlyMap<string, string>;
  /** The container's first process. */
  readonly pid: number;
  /** Whether root made the container. */
  readonly privileged: boolean;
}

/** No cgroup of its own. */
export const none: ExecCgroup = {
  placement: { kind: 'none' },
  oomKills: () => 0,
  openTasks: (hierarchy) => {
    throw new TsruncError('CGROUP_FAILED', `The container has no cgroup in the hierarchy "${hierarchy}"`);
  },
  candidates: [],
};

/** @throws TsruncError USAGE, CGROUP_FAILED for a child that cannot be */
export function chooseExecCgroup({ record, children, pid, privileged }: Request): ExecCgroup {
  if (record === undefined) return children.size === 0 ? none : refuse('the container has no cgroup');
  const driver = openCgroup(record);
  const { placement } = driver;
  const common = { oomKills: () => driver.oomKills() };
  if (placement.kind === 'v1') {
    // Versions whose records do not tell what was withheld from an ordinary user listed it as if it were there.
    const isExact = privileged || record.withheld !== undefined;
    const hierarchies = placement.hierarchies.filter((place) => isExact || existsSync(directoryOf(place)));
    const openTasksOf = (hierarchy: string): number =>
      openTasks(childOf(driver.directory(hierarchy), children.get('') ?? childFor(hierarchy, children)));
    checkControllers(
      [...children.keys()],
      hierarchies.flatMap(({ controllers }) => controllers),
    );
    return { ...common, placement: { kind: 'v1', hierarchies }, openTasks: openTasksOf, candidates: [] };
  }
  if (placement.kind === 'none') return children.size === 0 ? none : refuse('the container has no cgroup');
  checkControllers([...children.keys()], []);
  const child = children.get('');
  const own = childOf(directoryOf({ ...placement, controllers: [] }), child);
  const candidates = child === undefined ? [own, ...cgroupOf(pid, placement.mountpoint, own)] : [own];
  return { ...common, placement, openTasks: () => openProcesses(own), candidates };
}

const refuse = (why: string): never => {
  throw new TsruncError('USAGE', `--cgroup cannot be used: ${why}`);
};

function checkControllers(asked: readonly string[], known: readonly string[]): void {
  const unknown = asked.find((controller) => controller !== '' && !known.includes(controller));
  if (unknown === undefined) return;
  refuse(
    known.length === 0
      ? `cgroup v2 has no hierarchy of its own for "${unknown}": give the path alone`
      : `unknown controller ${unknown} (the container has ${known.join(', ')})`,
  );
}

const childFor = (hierarchy: string, children: ReadonlyMap<string, string>): string | undefined =>
  hierarchy
    .split(',')
    .map((controller) => children.get(controller))
    .find((child) => child !== undefined);

/** @throws TsruncError when it leads out of the container's cgroup, or is not there */
function childOf(directory: string, child: string | undefined): string {
  if (child === undefined) return directory;
  const path = normalize(`./${child}`);
  if (path.split('/').includes('..')) refuse(`"${child}" is not a sub cgroup path of the container's`);
  const found = join(directory, path);
  if (existsSync(found)) return found;
  throw new TsruncError('CGROUP_FAILED', `Cannot enter the cgroup "${found}": no such file or directory`, {
    hint: `A cgroup below the container's must exist before a process can be put into it: mkdir ${found}`,
  });
}

/**
 * A cgroup that distributes controllers to its children takes no processes itself (cgroup-v2.rst "No Internal Process
 * Constraint"): in such a container (systemd) the first process sits in a child, and a further one goes there, too.
 */
function cgroupOf(pid: number, mountpoint: string, own: string): readonly string[] {
  const text = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const path = parseCgroup(text).find(({ controllers }) => controllers.length === 0)?.path;
  const directory = path === undefined ? own : join(mountpoint, path);
  return directory.startsWith(`${own}/`) ? [directory] : [];
}

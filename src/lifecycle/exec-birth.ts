import { closeSync, constants, openSync } from 'node:fs';
import { openProcesses } from '../cgroup/files.ts';
import { isDenied } from '../cgroup/leniency.ts';
import { commonParent } from '../cgroup/paths.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Native, Spawned } from '../native/native.ts';
import { type ExecSpec, isBornInCgroup } from '../plan/exec.ts';
import type { ContainerRecord } from '../store/record.ts';
import { end } from './end.ts';
import { type ExecCgroup, none } from './exec-cgroup.ts';
import type { ExecOptions } from './options.ts';
import { spawning } from './spawn.ts';

interface Request {
  readonly native: Native;
  readonly host: HostFacts;
  readonly record: ContainerRecord;
  readonly spec: ExecSpec;
  readonly options: Pick<ExecOptions, 'cgroups'>;
  readonly extraFds: readonly number[];
}

/** The helper of a further process of a container. */
export interface Birth {
  readonly spawned: Spawned;
  /** None where an ordinary user may not move a process from here to the container's. */
  readonly cgroup: ExecCgroup;
  /** What the user should know of that, once the process runs. */
  readonly warning?: string;
}

/** The kernel does not let a process pass from here to there. */
interface Denied {
  readonly directory: string;
  readonly cause: unknown;
}

type Spawn = (cgroupFd: number) => Spawned;

/**
 * Start a helper in the container's cgroup, or where it is to enter that by itself. Where an ordinary user may not move it there it stays
 * outside, unless that was asked for by name, or nothing would tell any more that the process is the container's.
 * @throws TsruncError CGROUP_FAILED, and those of spawning()
 */
export async function bear(request: Request, cgroup: ExecCgroup): Promise<Birth> {
  const { native, host, spec, extraFds } = request;
  const spawn: Spawn = (cgroupFd) => native.spawn({ cloneFlags: 0, cgroupFd, stdio: [0, 1, 2], extraFds });
  const here = (): Spawned => spawning(() => spawn(-1));
  if (cgroup.candidates.length === 0) return { spawned: here(), cgroup };
  const isBornThere = isBornInCgroup(spec.process);
  if (!isBornThere && host.user.privileged) return { spawned: here(), cgroup };
  const tried = spawning(() => admit(cgroup.candidates, spawn, host.user.privileged));
  if ('cause' in tried) return { warning: stay(request, tried), spawned: here(), cgroup: none };
  if (isBornThere) return { spawned: tried, cgroup };
  // The kernel alone knows all its rules of passing, so one process was born there only to ask.
  await end(native, { pidfd: tried.pidfd, close: () => closeSync(tried.socket) });
  return { spawned: here(), cgroup };
}

/** Try the directories in turn. */
function admit([first, ...others]: readonly string[], spawn: Spawn, privileged: boolean): Spawned | Denied {
  if (first === undefined) return spawn(-1);
  const fd = openSync(first, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return spawn(fd);
  } catch (cause) {
    if (isDenied(cause) && !privileged) return { directory: first, cause };
    const refused = ['EBUSY', 'EOPNOTSUPP'].includes(errnoName(cause) ?? '');
    if (!refused || others.length === 0) throw cause;
    return admit(others, spawn, privileged);
  } finally {
    closeSync(fd);
  }
}

const way = 'Call exec from below the same systemd (systemd-run --user --pty tsrunc exec ...)';

/**
 * Whether it is where we are that keeps a process from passing: the kernel demands the right to move processes in the innermost
 * cgroup that holds both (cgroup-v2.rst "Delegation Containment"), which a session of its own has not. The container's cgroup
 * itself is not asked: a container that owns it could shut it, so that whatever comes later runs without its limits.
 */
function isOutside(cgroup: HostFacts['cgroup'], directory: string): boolean {
  if (cgroup.layout !== 'v2' || !directory.startsWith(`${cgroup.mountpoint}/`)) return false;
  const common = commonParent(cgroup.mountpoint + cgroup.ownPath, directory);
  try {
    closeSync(openProcesses(common));
    return false;
  } catch (error) {
    if (isDenied(error)) return true;
    throw error;
  }
}

/**
 * Leave a process outside that cannot get into the container's cgroup from here.
 * @throws TsruncError CGROUP_FAILED where it must not
 */
function stay({ host, options, record }: Request, { directory, cause }: Denied): string {
  const reason = `uid ${host.user.euid} may not move it from here to the container's cgroup ${directory}`;
  const unknown = record.ownPidNamespace
    ? ''
    : '. Without a pid namespace of the container nothing else would tell that the process belongs to it';
  if (options.cgroups.size > 0 || !record.ownPidNamespace) {
    throw new TsruncError('CGROUP_FAILED', `Cannot start the process: ${reason}${unknown}`, { cause, hint: `${way}.` });
  }
  if (!isOutside(host.cgroup, directory)) {
    throw new TsruncError('CGROUP_FAILED', `Cannot start the process: ${reason}`, {
      cause,
      hint: `${directory}/cgroup.procs was given to this user: a process of the container may have taken the right away, if only for a moment. Restore it (chmod u+w).`,
    });
  }
  return `Limits, pause, ps and kill --all do not reach this process: ${reason}. ${way}`;
}

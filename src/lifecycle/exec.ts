import { closeSync } from 'node:fs';
import { located } from '../config/locate.ts';
import type { NamespaceType } from '../config/spec.ts';
import { refuseUnsupported } from '../config/unsupported.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { HostFacts } from '../host/facts.ts';
import { otherNamespaces } from '../host/namespaces.ts';
import { probeHost } from '../host/probe.ts';
import { processStatus } from '../host/process.ts';
import { loadNative } from '../native/load.ts';
import type { Native } from '../native/native.ts';
import type { Fragment } from '../plan/context.ts';
import { compileExec, type ExecSpec } from '../plan/exec.ts';
import { namespaceTypes } from '../plan/namespaces.ts';
import type { ContainerRecord } from '../store/record.ts';
import { type ContainerDir, Store } from '../store/store.ts';
import { answers } from './answers.ts';
import { Conversation } from './conversation.ts';
import { end } from './end.ts';
import { type Birth, bear } from './exec-birth.ts';
import { chooseExecCgroup, type ExecCgroup } from './exec-cgroup.ts';
import { type ChosenProcess, chooseProcess } from './exec-process.ts';
import { PlanFds } from './fds.ts';
import { filterOf } from './filter.ts';
import { frozenSpec } from './frozen.ts';
import { becomeMonitor } from './monitor.ts';
import { setOomScore } from './oom.ts';
import type { ContainerStatus, ExecOptions } from './options.ts';
import { checkPidFile, sendPidfd, writePidFile } from './pidfile.ts';
import { openProcess } from './process.ts';
import { joinRdtGroups } from './rdt.ts';
import { refuseMissingModules } from './refusals.ts';
import { statusOf } from './status.ts';
import { inheritedFds } from './stdio.ts';
import { checkTerminal, ofExec, Terminal } from './terminal.ts';
import { type Undo, undoing } from './undo.ts';

/**
 * Run a further program in a container. It gets what the container's configuration, as it was at create, gives to the
 * container's own program: user, capabilities, limits, filters. In the foreground this process becomes the monitor and
 * ends with the program's status, so it returns only by throwing; detached, it resolves to 0 once the program runs.
 *
 *   tsrunc exec                                         init helper
 *     spawn, in the container's cgroup (v2) ───────────▶ waits
 *     part + pidfd of the container's first process ───▶ joins cgroups (v1), then all namespaces at once; forks for
 *           ◀────────────────────────── forked + pidfd    the pid namespace
 *           ◀───────────────────────── console, if any   enters root, directory, user, capabilities
 *           ◀─────────────────────────────────── ready
 *     go ──────────────────────────────────────────────▶ execve
 *     pid file, pidfd socket
 *
 * No lock is taken: an --ignore-paused process waits for `resume`, which must not wait for it. A container that is deleted
 * meanwhile takes the helper with it: joining the namespaces of a process that has ended fails, and until then the helper
 * is in the cgroup, all of which is killed.
 *
 * @throws TsruncError CONTAINER_UNKNOWN, CONTAINER_WRONG_STATE, USAGE, CONFIG_INVALID, STEP_FAILED, PROGRAM_NOT_FOUND, ...
 */
export async function exec(options: ExecOptions): Promise<number> {
  const directory = new Store(options.global.root).open(options.id);
  try {
    const request = await check(directory, options);
    await undoing((undo) => start(request, undo)).catch((error: unknown) => {
      throw explained(error, request);
    });
  } finally {
    directory.close();
  }
  return 0;
}

/** A container that ends meanwhile fails one step or another; what the user should know is that it has ended. */
function explained(error: unknown, { record, locate }: Request): unknown {
  const ended = processStatus(record.pid, record.startTime) !== 'running';
  return ended ? stopped(error) : located(error, locate);
}

/** What is known before anything has been made. */
interface Request {
  readonly options: ExecOptions;
  readonly native: Native;
  readonly directory: ContainerDir;
  readonly record: ContainerRecord;
  readonly host: HostFacts;
  /** The container's configuration with the process that is to run. */
  readonly spec: ExecSpec;
  readonly locate: ChosenProcess['locate'];
  readonly extraFds: readonly number[];
}

async function check(directory: ContainerDir, options: ExecOptions): Promise<Request> {
  const record = directory.read();
  refuseStatus(statusOf(directory, record), options);
  const container = frozenSpec(directory);
  const { process, warnings, locate } = await chooseProcess(container, options.process);
  for (const warning of warnings) options.global.log.warn(warning);
  const spec: ExecSpec = { ...container, process };
  const host = probeHost();
  try {
    refuseUnsupported({ ociVersion: spec.ociVersion, process }, locate);
    checkTerminal(spec, options, options.detach, ofExec);
    refuseMissingModules({ process }, host);
  } catch (error) {
    throw located(error, locate);
  }
  checkPidFile(options.pidFile);
  const extraFds = inheritedFds({ listenFds: 0, preserveFds: options.preserveFds });
  return { options, native: loadNative(), directory, record, host, spec, locate, extraFds };
}

/** The texts are runc's, engines know them. */
function refuseStatus(status: ContainerStatus, { ignorePaused }: ExecOptions): void {
  if (status === 'stopped') throw stopped();
  if (status === 'creating') {
    throw new TsruncError('CONTAINER_WRONG_STATE', 'cannot exec in a container that is still being created');
  }
  if (status === 'paused' && !ignorePaused) {
    throw new TsruncError(
      'CONTAINER_WRONG_STATE',
      'cannot exec in a paused container (use --ignore-paused to override)',
    );
  }
}

const stopped = (cause?: unknown): TsruncError =>
  new TsruncError('CONTAINER_WRONG_STATE', 'cannot exec in a stopped container', { cause });

async function start(request: Request, undo: Undo): Promise<void> {
  const { options, native } = request;
  const terminal = new Terminal(native, options.consoleSocket, undo);
  const { conversation, warning } = await enter(request, terminal, undo);
  // From here on the program may run, and signals are meant for it.
  if (!options.detach) native.keepSignals();
  await conversation.start();
  conversation.close();
  const { pid, pidfd } = conversation;
  if (options.pidfdSocket !== undefined) sendPidfd(native, options.pidfdSocket, pidfd);
  // After execve: engines take the file as the sign that the program runs.
  if (options.pidFile !== undefined) writePidFile(options.pidFile, pid);
  // Not before: a failure is told in one line of the log.
  if (warning !== undefined) options.global.log.warn(warning, 'essential');
  if (!options.detach) becomeMonitor(native, { pid, pidfd, terminal: terminal.kept }, []);
  closeSync(pidfd);
}

/** A helper inside the container that waits for the word to become the program, and what to warn of once it has. */
interface Entered {
  readonly conversation: Conversation;
  readonly warning: string | undefined;
}

async function enter(request: Request, terminal: Terminal, undo: Undo): Promise<Entered> {
  const { native, record } = request;
  using container = openProcess(native, record);
  if (container === undefined) throw stopped();
  const chosen = chooseExecCgroup({
    record: record.cgroup,
    children: request.options.cgroups,
    pid: record.pid,
    privileged: record.owner === 0 && request.host.user.privileged,
  });
  const birth = await bear(request, chosen);
  const { cgroup, warning } = birth;
  const conversation = converse(request, birth, terminal, undo);
  // While the helper starts on another core.
  const plan = compile(request, cgroup, await filterOf(filterSource(request)));
  const fds = new PlanFds(plan.fds, fdSources(request, cgroup, container.pidfd), undo);
  await conversation.send(plan.ops, fds.byName);
  fds.closeAll();
  await conversation.untilReady();
  await joinRdtGroups(record, conversation.pid);
  return { conversation, warning };
}

function converse(request: Request, { spawned, cgroup }: Birth, terminal: Terminal, undo: Undo): Conversation {
  const { native, spec, locate, host, record, options } = request;
  const answering = answers({ native, config: { spec, locate }, host, record, terminal, cgroup, undo });
  const conversation = new Conversation(native, spawned, answering, ...(options.ignorePaused ? [-1] : []));
  undo.add('end the process', () => end(native, conversation));
  setOomScore(spawned.pid, spec.process.oomScoreAdj, host, options.global.log);
  return conversation;
}

const filterSource = ({ spec, directory, host, native, options }: Request) => ({
  spec,
  text: () => directory.frozenConfig(),
  host,
  native,
  root: options.global.root,
  log: options.global.log,
});

function compile(
  { spec, host, record, extraFds }: Request,
  { placement }: ExecCgroup,
  filter: Uint8Array | undefined,
): Fragment {
  return compileExec(spec, host, {
    id: record.id,
    bundle: record.bundlePath,
    newKeyring: record.newKeyring,
    preserveFds: extraFds.length,
    cgroup: placement,
    filter,
    namespaces: namespacesOf(record.pid),
  });
}

/** The pidfd is held meanwhile, and joining fails when its process has ended: a reused pid can mislead nobody. */
function namespacesOf(pid: number): NamespaceType[] {
  try {
    return otherNamespaces(pid, namespaceTypes);
  } catch (cause) {
    throw new TsruncError('SYSTEM', `Cannot look at the namespaces of the container (process ${pid})`, {
      cause,
      ...(errnoName(cause) === 'EACCES' ? { hint: 'Its program may not be traced by this user; try as root.' } : {}),
    });
  }
}

const fdSources = ({ native, directory, locate }: Request, cgroup: ExecCgroup, container: number) => ({
  native,
  locate,
  stateDirectory: directory.fd,
  openTasks: cgroup.openTasks,
  container,
});

import { closeSync, rmSync } from 'node:fs';
import { chooseCgroup } from '../cgroup/choose.ts';
import type { CgroupDriver } from '../cgroup/driver.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { located } from '../config/locate.ts';
import { refuseUnsupported } from '../config/unsupported.ts';
import type { HostFacts } from '../host/facts.ts';
import { probeHost, requireKernel } from '../host/probe.ts';
import { startTime } from '../host/process.ts';
import { loadNative } from '../native/load.ts';
import type { Native } from '../native/native.ts';
import { compileContainer, compilePlacement, type PlanOptions, planNamespaces } from '../plan/compile.ts';
import type { Fragment } from '../plan/context.ts';
import type { Plan } from '../plan/plan.ts';
import { checkContainerId } from '../store/ids.ts';
import { type ContainerRecord, newRecord } from '../store/record.ts';
import { type ContainerDir, Store } from '../store/store.ts';
import { answers } from './answers.ts';
import { Conversation } from './conversation.ts';
import { end } from './end.ts';
import { PlanFds } from './fds.ts';
import { filterOf } from './filter.ts';
import { runAllHooks } from './hooks.ts';
import { detachMountsBelow } from './mounts.ts';
import { setOomScore } from './oom.ts';
import type { CreateOptions } from './options.ts';
import { checkPidFile, sendPidfd, writePidFile } from './pidfile.ts';
import { chooseRdtGroups, enterRdtGroups } from './rdt.ts';
import { refuseOnHost, refuseOwnNamespaces } from './refusals.ts';
import { spawning } from './spawn.ts';
import { hookStateAroundPid } from './state.ts';
import { inheritedFds, stdioOf, streamKeys } from './stdio.ts';
import { checkTerminal, Terminal } from './terminal.ts';
import type { Undo } from './undo.ts';

/** How the users of prepare differ. */
export interface PrepareMode {
  /** The container waits for the `start` of another process, not for our own word. */
  readonly hasListener: boolean;
  /** The runtime ends before the container does. */
  readonly detached: boolean;
}

/** A container whose helper waits for start. The caller closes the conversation and releases the directory. */
export interface Prepared {
  readonly spec: LoadedConfig['spec'];
  readonly directory: ContainerDir;
  readonly record: ContainerRecord;
  readonly conversation: Conversation;
  /** Our end of the terminal in a foreground run. */
  readonly terminal: number | undefined;
  /** For who starts the container himself: say which limits it lacks, once nothing can fail any more. */
  readonly listUnapplied: () => Promise<void>;
  /** Unlock and close the state directory. */
  readonly release: () => void;
}

/** What is known before anything has been made. */
interface Request {
  readonly options: CreateOptions;
  readonly mode: PrepareMode;
  readonly config: LoadedConfig;
  readonly host: HostFacts;
  readonly native: Native;
  readonly extraFds: readonly number[];
}

/** The container while it is being made. */
export interface Making extends Request {
  readonly undo: Undo;
  readonly directory: ContainerDir;
  readonly release: () => void;
  readonly cgroup: CgroupDriver;
  readonly terminal: Terminal;
  readonly record: ContainerRecord;
}

/**
 * Everything between the command line and "created": read and check the configuration, reserve the id, clone the helper,
 * let it enter its namespaces while cgroups and plan are made, send the plan, answer the helper until it is ready.
 * Nothing has an effect outside this process before the configuration is known to be good; each acquisition adds its undo.
 */
export async function prepare(options: CreateOptions, mode: PrepareMode, undo: Undo): Promise<Prepared> {
  checkContainerId(options.id);
  const config = await loadConfig(
    options.bundlePath,
    options.configFile === undefined ? {} : { file: options.configFile },
  );
  try {
    if (!mode.hasListener && config.spec.process === undefined)
      throw (await import('./nothing-to-start.ts')).nothingToStart();
    return await make(await check(config, options, mode), undo);
  } catch (error) {
    throw located(error, config.locate);
  }
}

async function make(request: Request, undo: Undo): Promise<Prepared> {
  const making = await reserve(request, undo);
  const namespaces = planNamespaces(request.config.spec, request.host);
  const conversation = await clone(making, namespaces);
  await conversation.settle(namespaces.prologue);
  await enterRdtGroups(making, conversation.pid);
  await furnish(making, conversation);
  await conversation.untilReady();
  const record = finish(making, conversation);
  // For `create` this is the end.
  if (request.mode.hasListener) await listUnapplied(making);
  const { directory, release, terminal } = making;
  return {
    spec: request.config.spec,
    directory,
    record,
    conversation,
    terminal: terminal.kept,
    listUnapplied: () => listUnapplied(making),
    release,
  };
}

export async function check(config: LoadedConfig, options: CreateOptions, mode: PrepareMode): Promise<Request> {
  refuseUnsupported(config.spec, config.locate);
  await warn(config, options);
  checkTerminal(config.spec, options, mode.detached);
  checkPidFile(options.pidFile);
  const host = probeHost();
  requireKernel(host);
  refuseOnHost(config.spec, host);
  return { options, mode, config, host, native: loadNative(), extraFds: inheritedFds(options) };
}

/** The words of a finding are loaded only when there is one. */
async function warn({ warnings, text, path }: LoadedConfig, { global }: CreateOptions): Promise<void> {
  if (warnings.length === 0) return;
  const [{ renderWarning }, { placed }] = await Promise.all([
    import('../config/report.ts'),
    import('../config/placed.ts'),
  ]);
  for (const warning of placed(warnings, text, path)) global.log.warn(renderWarning(warning));
}

/** Take the id and write down what is about to be made, so that whatever a crash leaves can be found and removed. */
export async function reserve(request: Request, undo: Undo): Promise<Making> {
  const { options, native, config, host } = request;
  const directory = await new Store(options.global.root).reserve(options.id);
  undo.add('run the poststop hooks', () => poststop(native, request));
  undo.add('close the state directory', () => directory.close());
  let unlock = (): void => {};
  undo.add('unlock the state directory', () => unlock());
  undo.add('remove the state directory', () => directory.remove());
  unlock = await directory.lock(native);
  const cgroup = chooseCgroup({
    spec: config.spec,
    id: options.id,
    facts: host,
    global: options.global,
    loader: native,
  });
  const rdt = await chooseRdtGroups(config.spec, options.id);
  const streams = config.spec.process?.terminal === true ? [] : streamKeys(stdioOf(options));
  const record = newRecord({ options, spec: config.spec, streams, cgroup: cgroup.record, rdt });
  undo.add('remove the cgroup', () => cgroup.remove());
  if (record.sharesMounts) undo.add('detach the mounts', () => detachMountsBelow(native, record.rootfs));
  directory.write(record);
  directory.freezeConfig(config.bytes);
  const release = (): void => {
    unlock();
    directory.close();
  };
  return {
    ...request,
    undo,
    directory,
    release,
    cgroup,
    record,
    terminal: new Terminal(native, options.consoleSocket, undo),
  };
}

async function clone(making: Making, namespaces: Pick<Plan, 'cloneFlags' | 'prologue' | 'fds'>): Promise<Conversation> {
  const { native, extraFds, undo, config, options } = making;
  const prologueFds = new PlanFds(namespaces.fds, fdSources(making), undo);
  refuseOwnNamespaces(config.spec, namespaces.fds, prologueFds.byName);
  const cgroupFd = await birthplace(making);
  const stdio = stdioOf(options);
  const { cloneFlags } = namespaces;
  const spawned = born(cgroupFd, () => spawning(() => native.spawn({ cloneFlags, cgroupFd, stdio, extraFds })));
  const conversation = new Conversation(native, spawned, answers(making));
  undo.add('end the container', () => end(native, conversation));
  setOomScore(spawned.pid, config.spec.process?.oomScoreAdj, making.host, options.global.log);
  await conversation.send(namespaces.prologue, prologueFds.byName);
  prologueFds.closeAll();
  return conversation;
}

/** Start a process; the descriptor of its cgroup (-1: none) is for its birth alone. */
export function born<T>(cgroupFd: number, spawn: () => T): T {
  try {
    return spawn();
  } finally {
    if (cgroupFd >= 0) closeSync(cgroupFd);
  }
}

/** The directory of the cgroup for clone3, where it comes before the process; else -1. */
export async function birthplace(making: Making): Promise<number> {
  if (!making.cgroup.precedes) return -1;
  await makeCgroup(making);
  return making.cgroup.openDirectory();
}

export async function makeCgroup({ cgroup, config, options }: Making, pid?: number): Promise<void> {
  await cgroup.create(pid);
  await cgroup.apply(config.spec.linux?.resources ?? {});
  for (const reason of cgroup.skipped) options.global.log.debug('cgroup', reason);
  for (const sentence of cgroup.warnings) options.global.log.warn(sentence);
}

/** Once it is certain that the command succeeds: a failure is told in one line of the log, which engines read as a whole. */
async function listUnapplied({
  cgroup: { unapplied, record },
  host,
  options,
  record: { ownPidNamespace },
}: Making): Promise<void> {
  if (unapplied.length === 0) return;
  const { renderUnapplied } = await import('../cgroup/unapplied-warning.ts');
  const hidesOthers = record === undefined && !ownPidNamespace;
  options.global.log.warn(renderUnapplied(unapplied, host, hidesOthers), 'essential');
}

/** While the helper enters its namespaces on another core: its cgroups on v1, the plan, its file descriptors. */
async function furnish(making: Making, conversation: Conversation): Promise<void> {
  const { config, host, options, mode, cgroup, record } = making;
  if (!cgroup.precedes) await makeCgroup(making, conversation.pid);
  const planOptions: PlanOptions = {
    id: options.id,
    bundle: options.bundlePath,
    pivot: !options.noPivot,
    newKeyring: !options.noNewKeyring,
    preserveFds: making.extraFds.length,
    listenFds: options.listenFds,
    hasListener: mode.hasListener,
    cgroup: cgroup.placement,
    filter: await filterOf(filterSource(making)),
    hookState: (status) => hookStateAroundPid(record, status),
  };
  const placement = compilePlacement(config.spec, host, planOptions);
  await send(making, conversation, placement);
  const container = compileContainer(config.spec, host, planOptions);
  await conversation.settle(placement.ops);
  await send(making, conversation, container);
}

async function send(making: Making, conversation: Conversation, { ops, fds }: Fragment): Promise<void> {
  if (ops.length === 0) return;
  const opened = new PlanFds(fds, fdSources(making), making.undo);
  await conversation.send(ops, opened.byName);
  opened.closeAll();
}

const filterSource = ({ config, host, native, options }: Making) => ({
  spec: config.spec,
  text: () => config.text,
  host,
  native,
  root: options.global.root,
  log: options.global.log,
});

export const fdSources = ({ native, directory, cgroup, config }: Making) => ({
  native,
  locate: config.locate,
  stateDirectory: directory.fd,
  openTasks: (hierarchy: string) => cgroup.openTasks(hierarchy),
});

/** The first process is there: write down who it is, and tell those who want to know. */
export function finish(
  { options, native, directory, record, cgroup, undo }: Making,
  { pid, pidfd, stepsSent }: Pick<Conversation, 'pid' | 'pidfd' | 'stepsSent'>,
): ContainerRecord {
  // Systemd says only in the making where the cgroup is, and the kernel which of them an ordinary user may have.
  const { cgroup: _, ...others } = record;
  const created: ContainerRecord = {
    ...others,
    ...(cgroup.record === undefined ? {} : { cgroup: cgroup.record }),
    ...(cgroup.absence === undefined ? {} : { withoutCgroup: cgroup.absence }),
    phase: 'created',
    pid,
    startTime: startTime(pid) ?? 0,
    steps: stepsSent,
  };
  directory.write(created);
  if (options.pidfdSocket !== undefined) sendPidfd(native, options.pidfdSocket, pidfd);
  const { pidFile } = options;
  if (pidFile !== undefined) {
    writePidFile(pidFile, pid);
    undo.add('remove the pid file', () => rmSync(pidFile, { force: true }));
  }
  return created;
}

/** A container that failed in the making is destroyed like any other (runtime.md "Lifecycle" 4-6 go on at 12). */
async function poststop(native: Native, { config, options }: Request): Promise<void> {
  const state = {
    ociVersion: config.spec.ociVersion,
    id: options.id,
    status: 'stopped' as const,
    pid: 0,
    bundle: options.bundle,
  };
  const failures = await runAllHooks(native, 'poststop', config.spec.hooks?.poststop, state);
  for (const failure of failures) options.global.log.warn(failure.message);
}

import { closeSync } from 'node:fs';
import type { CgroupDriver } from '../cgroup/driver.ts';
import { loadConfig } from '../config/load.ts';
import { located } from '../config/locate.ts';
import { descriptorsFile, inheritedStreams, parseDescriptors } from '../criu/descriptors.ts';
import { requestTypes } from '../criu/messages.ts';
import { externalNamespaces, logFiles, type RestoreFlags, restoreOptions } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { loadNative } from '../native/load.ts';
import type { Context } from '../plan/context.ts';
import { planMountpoints, planRestore } from '../plan/criu.ts';
import { namespaceOrigin, planNamespaces } from '../plan/namespaces.ts';
import { questions } from '../plan/ops.ts';
import { checkContainerId } from '../store/ids.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Answers } from './conversation.ts';
import { Criu } from './criu.ts';
import { criuConfigFile, logElsewhere } from './criu-config.ts';
import { type CriuLocation, findWorkingCriu, oldestForLsm } from './criu-preflight.ts';
import { destroy } from './delete.ts';
import { PlanFds } from './fds.ts';
import { type ImagePaths, Images } from './images.ts';
import type { RunOptions } from './options.ts';
import { birthplace, born, check, fdSources, type Making, makeCgroup, reserve } from './prepare.ts';
import { refuseOwnNamespaces } from './refusals.ts';
import { restoreSources } from './restore-sources.ts';
import { Restored } from './restored.ts';
import { attend } from './run.ts';
import { runSteps } from './steps.ts';
import { type Undo, undoing } from './undo.ts';

export interface RestoreOptions extends Omit<RunOptions, 'keep'>, ImagePaths {
  readonly flags: RestoreFlags;
}

const SIGKILL = 9;

/**
 * Make a container of what `checkpoint` has written: with the bundle's configuration, but for its processes, which go on
 * where they were. In the foreground this process becomes the monitor, as in `run`; detached, it resolves to 0.
 *
 *   tsrunc restore                                      helper, then criu
 *     cgroups, limits
 *     missing mountpoints, by a helper that ends again
 *     spawn ──────────────────────────────────────────▶ joins the cgroups, makes the root a mountpoint, executes criu
 *     restore{images, mounts, namespaces, ...} ───────▶ makes the container's first process: our child, not its own
 *           ◀────────────── notify setup-namespaces     prestart, createRuntime hooks; loopback; network devices
 *           ◀────────────── notify orphan-pts-master    the terminal's descriptor, to the console socket or the monitor
 *           ◀────────────── notify post-restore         SELinux label? state.json, pid file
 *           ◀────────────── notify pre-resume           AppArmor profile?
 *           ◀────────────── restored                    it runs, and criu ends
 *
 * @throws TsruncError as create and run; HOST_UNSUITABLE, CRIU_FAILED. Nothing is left behind then.
 */
export async function restore(options: RestoreOptions): Promise<number> {
  const native = loadNative();
  // As in run: orphans of the container must never be handed to somebody else.
  if (!options.detach && !options.noSubreaper) native.setChildSubreaper();
  const { making, restored, record } = await undoing((undo) => revive(options, undo));
  const { directory, release, terminal } = making;
  try {
    if (!options.detach)
      attend(native, { directory, record, terminal: terminal.kept }, restored, { ...options, keep: false });
    closeSync(restored.pidfd);
  } catch (error) {
    await destroy(native, directory, record, options.global.log);
    throw error;
  } finally {
    release();
  }
  return 0;
}

interface Revived {
  readonly making: Making;
  readonly restored: { readonly pid: number; readonly pidfd: number };
  readonly record: ContainerRecord;
}

async function revive(options: RestoreOptions, undo: Undo): Promise<Revived> {
  checkContainerId(options.id);
  const config = await loadConfig(options.bundlePath);
  try {
    const request = await check(config, options, { hasListener: false, detached: options.detach });
    refuseShared(request);
    const configFile = criuConfigFile(config.spec);
    const namespaces = openNamespaces(request, undo);
    using images = new Images(options, { make: false, log: logElsewhere(configFile) });
    const location = await findCriu(request, options);
    const making = await reserve(request, undo);
    return { making, ...(await reviveFrom(images, making, options, { location, namespaces, configFile })) };
  } catch (error) {
    throw located(error, config.locate);
  }
}

function refuseShared({ config }: Pick<Making, 'config'>): void {
  if (config.spec.linux?.namespaces?.some(({ type }) => type === 'mount') === true) return;
  throw new TsruncError('UNSUPPORTED', 'A container without a mount namespace of its own cannot be restored', {
    place: { file: 'config.json', pointer: '/linux/namespaces' },
    hint: 'Add {"type": "mount"} to linux.namespaces.',
  });
}

function findCriu({ native, host }: Pick<Making, 'native' | 'host'>, { flags }: RestoreOptions): Promise<CriuLocation> {
  const hasLsm = flags.lsmProfile !== undefined || flags.lsmMountContext !== undefined;
  return findWorkingCriu({
    native,
    host,
    verb: 'restore',
    features: flags.lazyPages ? ['lazy_pages'] : [],
    ...(hasLsm ? { oldest: oldestForLsm } : {}),
  });
}

/** What was found before anything was made. */
interface Means {
  readonly location: CriuLocation;
  readonly namespaces: PlanFds;
  /** Of further options for criu. */
  readonly configFile: string | undefined;
}

async function reviveFrom(
  images: Images,
  making: Making,
  options: RestoreOptions,
  { location, namespaces, configFile }: Means,
): Promise<Omit<Revived, 'making'>> {
  const { native, undo } = making;
  const taken = takenByCriu(making);
  const criu = await spawnCriu(
    making,
    taken.flatMap(({ type }) => namespaces.byName.get(`ns:${type}`) ?? []),
  );
  undo.add('end the processes of the container', () => making.cgroup.kill(SIGKILL));
  undo.add('end criu', () => criu.end());
  const context = contextOf(making);
  await runSteps(native, planMountpoints(context), fdSources(making));
  await begin(criu, making, context, { ...location, fds: 1 + taken.length });
  namespaces.closeAll();
  const restored = new Restored(making, options, criu.pid);
  using directories = images.seenBy(criu.pid);
  const streams = inheritedStreams(descriptorsOf(images));
  const opts = restoreOptions(flagsFor(streams, options.flags), {
    ...restoreSources(making, criu.pid),
    directories,
    configFile,
    inherited: [...streams, ...taken.map(({ key }, index) => ({ key, fd: FIRST_NAMESPACE + index }))],
  });
  let isStuck = false;
  const response = await criu.request(
    { type: requestTypes.restore, opts },
    (notification) => restored.notified(notification),
    async () => {
      isStuck = restored.countSilence();
      if (isStuck) await making.cgroup.kill(SIGKILL).finally(() => criu.kill());
    },
  );
  if (response?.success !== true)
    throw images.failure(`restore container ${options.id}`, logFiles.restore, isStuck ? 'stuck' : response);
  await criu.end();
  return { restored: restored.process, record: restored.record };
}

/**
 * A terminal of ours that takes the place of another is all that --shell-job asks for: told both, criu looks for its own
 * standard input when it has given it away.
 */
const flagsFor = (streams: readonly { readonly key: string }[], flags: RestoreFlags): RestoreFlags => ({
  ...flags,
  shellJob: flags.shellJob && !streams.some(({ key }) => key.startsWith('tty[')),
});

/** After the standard streams and the socket of the conversation. */
const FIRST_NAMESPACE = 4;

/** criu opens the others itself, by their paths. */
const takenByCriu = ({ config }: Pick<Making, 'config'>) =>
  externalNamespaces.filter(({ type }) => namespaceOrigin(config.spec, type) === 'joined');

/** All that the configuration names, so that each is one that create would have joined. */
function openNamespaces({ native, config, host }: Pick<Making, 'native' | 'config' | 'host'>, undo: Undo): PlanFds {
  const { fds } = planNamespaces(config.spec, host);
  const opened = new PlanFds(fds, { native, locate: config.locate }, undo);
  refuseOwnNamespaces(config.spec, fds, opened.byName);
  return opened;
}

/** Its streams are the container's, and it lives where that is to live: its processes are its children. */
/** All that the way to criu asks. */
const asksForCgroups =
  (cgroup: Pick<CgroupDriver, 'ensureInside'>): Answers['ask'] =>
  async (question, pid) => {
    if (question !== questions.cgroups) throw new Error(`the steps on the way to criu ask question ${question}`);
    cgroup.ensureInside(pid);
  };

async function spawnCriu(making: Making, extraFds: readonly number[]): Promise<Criu> {
  const { native, cgroup, undo } = making;
  const cgroupFd = await birthplace(making);
  const criu = born(cgroupFd, () =>
    Criu.spawn({ native, cgroupFd, stdio: [0, 1, 2], extraFds, ask: asksForCgroups(cgroup) }),
  );
  if (cgroup.precedes) return criu;
  undo.add('end criu', () => criu.end());
  await makeCgroup(making, criu.pid);
  return criu;
}

async function begin(
  criu: Criu,
  making: Making,
  context: Context,
  program: Parameters<typeof planRestore>[1],
): Promise<void> {
  const plan = planRestore(context, program);
  const fds = new PlanFds(plan.fds, fdSources(making), making.undo);
  await criu.send(plan, fds.byName);
  fds.closeAll();
  await criu.begin();
}

function contextOf({ config, host, options, cgroup }: Making): Context {
  const none = { prefix: '', suffix: '' };
  return {
    spec: config.spec,
    host,
    options: {
      id: options.id,
      bundle: options.bundlePath,
      pivot: !options.noPivot,
      newKeyring: false,
      preserveFds: 0,
      listenFds: 0,
      hasListener: false,
      cgroup: cgroup.placement,
      hookState: () => none,
    },
  };
}

/** What the streams led to; a checkpoint without the list had none from outside. */
function descriptorsOf(images: Images): readonly string[] {
  try {
    return parseDescriptors(images.read(descriptorsFile));
  } catch (cause) {
    if (errnoName(cause) === 'ENOENT') return [];
    throw new TsruncError('SYSTEM', `Cannot read ${descriptorsFile} of the checkpoint: ${(cause as Error).message}`, {
      cause,
    });
  }
}

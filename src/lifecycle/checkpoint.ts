import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { processesOf } from '../cgroup/processes.ts';
import { directoryOf } from '../cgroup/record.ts';
import type { Spec } from '../config/spec.ts';
import { descriptorsFile, externalFiles } from '../criu/descriptors.ts';
import { type CriuFeature, requestTypes } from '../criu/messages.ts';
import { type MountLine, parseMounts } from '../criu/mounts.ts';
import { type DumpFlags, dumpOptions, logFiles } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { probeHost } from '../host/probe.ts';
import { tailOf } from '../host/tail.ts';
import { loadNative } from '../native/load.ts';
import type { Native } from '../native/native.ts';
import { planDump } from '../plan/criu.ts';
import type { ContainerRecord } from '../store/record.ts';
import { Criu, hiddenFile } from './criu.ts';
import { criuConfigFile, logElsewhere } from './criu-config.ts';
import { type CriuLocation, findWorkingCriu } from './criu-preflight.ts';
import { destroy } from './delete.ts';
import { frozenSpec } from './frozen.ts';
import { type ImagePaths, Images } from './images.ts';
import { labelToKeep } from './labels.ts';
import type { ContainerStatus, TargetOptions } from './options.ts';
import { cgroupOf } from './processes.ts';
import { resolveInside } from './resolve-inside.ts';
import { statusOf } from './status.ts';

export interface CheckpointOptions extends TargetOptions, ImagePaths {
  readonly flags: DumpFlags;
  /** Writable descriptor that gets one zero byte when the pages of a lazy dump can be fetched. */
  readonly statusFd: number | undefined;
}

/**
 * Write a container to a directory, from which `restore` makes it again. It is deleted then, unless it is to go on.
 *
 * @throws TsruncError CONTAINER_UNKNOWN, CONTAINER_WRONG_STATE, HOST_UNSUITABLE, UNSUPPORTED, CRIU_FAILED: the container runs on then
 */
export async function checkpoint(options: CheckpointOptions): Promise<void> {
  const native = loadNative();
  const directory = options.store.open(options.id);
  const unlock = await directory.lock(native);
  try {
    const record = directory.read();
    refuseUnlessRunning(statusOf(directory, record));
    const spec = frozenSpec(directory);
    refuseShared(spec);
    await dump({ native, record, spec, options, host: probeHost() });
    const { leaveRunning, preDump } = options.flags;
    if (!leaveRunning && !preDump) await destroy(native, directory, record, options.log);
  } finally {
    unlock();
    directory.close();
  }
}

/** The words are runc's. */
function refuseUnlessRunning(status: ContainerStatus): void {
  if (status === 'running' || status === 'paused') return;
  throw new TsruncError('CONTAINER_WRONG_STATE', `Container cannot be checkpointed in ${status} state`);
}

function refuseShared({ linux }: Spec): void {
  if (linux?.namespaces?.some(({ type }) => type === 'mount') === true) return;
  throw new TsruncError('UNSUPPORTED', 'A container without a mount namespace of its own cannot be checkpointed', {
    hint: 'Add {"type": "mount"} to linux.namespaces.',
  });
}

interface Work {
  readonly native: Native;
  readonly record: ContainerRecord;
  readonly spec: Spec;
  readonly options: CheckpointOptions;
  readonly host: HostFacts;
}

async function dump(work: Work): Promise<void> {
  const { native, options, host } = work;
  const configFile = criuConfigFile(work.spec);
  const location = await findWorkingCriu({
    native,
    host,
    verb: 'checkpoint',
    features: featuresOf(options.flags),
  });
  using images = new Images(options, { make: true, reader: rootGroup(work.spec), log: logElsewhere(configFile) });
  const nothing = openSync('/dev/null', 'r+');
  const output = hiddenFile();
  try {
    await dumpTo(images, work, { ...location, configFile }, [nothing, output, output]);
  } finally {
    closeSync(nothing);
    closeSync(output);
  }
}

/** The host's number of group 0 in a container with a user namespace of its own. */
const rootGroup = ({ linux }: Spec): number | undefined =>
  linux?.gidMappings?.find(({ containerID }) => containerID === 0)?.hostID;

function featuresOf({ preDump, parentPath, lazyPages }: DumpFlags): readonly CriuFeature[] {
  const tracks = preDump || parentPath !== undefined;
  return [...(tracks ? ['mem_track' as const] : []), ...(lazyPages ? ['lazy_pages' as const] : [])];
}

async function dumpTo(
  images: Images,
  { native, record, spec, options, host }: Work,
  { path, searchPath, configFile }: CriuLocation & { readonly configFile: string | undefined },
  stdio: readonly [number, number, number],
): Promise<void> {
  const { flags } = options;
  const { pid, streams } = record;
  images.invalidate();
  if (!flags.preDump) images.write(descriptorsFile, JSON.stringify(streams));
  const criu = Criu.spawn({ native, stdio });
  try {
    await criu.send({ ops: planDump({ path, searchPath, fds: 1 }), fds: [] });
    await criu.begin();
    const opts = dumpOptions(flags, {
      spec,
      pid,
      rootfs: record.rootfs,
      mounts: mountsOf(pid),
      resolve: (target) => resolveInside(pid, target),
      namespaceInode: (kernel) => statSync(`/proc/${pid}/ns/${kernel}`).ino,
      hierarchies: ownHierarchies(record),
      freezer: freezerOf(record),
      externalFiles: externalFiles(streams),
      directories: images,
      configFile,
    });
    const type = flags.preDump ? requestTypes.preDump : requestTypes.dump;
    const label = labelToKeep(pid, spec, host);
    const response = await criu.request({ type, opts }, async ({ script }) => {
      if (script === 'status-ready') tellReady(options);
      if (script !== 'post-dump' || label === undefined || images.someProcess(label.isIn)) return;
      images.invalidate();
      // criu lets the container go on.
      throw label.missing();
    });
    if (response?.success !== true)
      throw images.failure(`checkpoint container ${record.id}`, logFiles.dump, response, tailOf(stdio[2]));
  } finally {
    await criu.end();
  }
}

function tellReady({ statusFd }: CheckpointOptions): void {
  if (statusFd === undefined) return;
  writeSync(statusFd, Uint8Array.of(0));
  closeSync(statusFd);
}

const mountsOf = (pid: number): readonly MountLine[] => parseMounts(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'));

/** Those in which it lies in a cgroup that was made for it; somebody may have moved it since. */
function ownHierarchies({ cgroup, pid }: ContainerRecord): string[] {
  const own = (cgroup?.places ?? []).filter(
    (place) => place.path !== '/' && processesOf(directoryOf(place)).includes(pid),
  );
  return own.map(({ controllers }) => controllers.join(','));
}

/** Without one criu stops the processes one by one. */
function freezerOf(record: ContainerRecord): string | undefined {
  if (cgroupOf(record) === undefined) return undefined;
  const place = record.cgroup?.places.find(
    ({ controllers }) => record.cgroup?.layout === 'v2' || controllers.includes('freezer'),
  );
  return place && directoryOf(place);
}

/**
 * state.json: what delete must know when the process that created the container is long gone. It holds what the runtime
 * itself did; whether the container runs is read from the process, never from here.
 */
import { resolve } from 'node:path';
import type { CgroupRecord } from '../cgroup/record.ts';
import { parseCgroupRecord } from '../cgroup/record.ts';
import type { Resources, Spec } from '../config/spec.ts';
import { parseRdtRecord, type RdtRecord } from '../rdt/record.ts';
import { Fields } from './fields.ts';

/** Version of the layout of state.json; another one is refused. */
export const recordVersion = 1;

/** How far the runtime got: `creating` until the helper waits for start. */
export type Phase = 'creating' | 'created';

export interface ContainerRecord {
  readonly version: typeof recordVersion;
  readonly id: string;
  /** ociVersion of the container's configuration. */
  readonly ociVersion: string;
  /** The bundle as it was given, for `state`. */
  readonly bundle: string;
  /** The same directory, absolute and clean. */
  readonly bundlePath: string;
  /** Absolute path of the root file system. */
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** uid of the user who created it. */
  readonly owner: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly phase: Phase;
  /** First process of the container; 0 before there is one. */
  readonly pid: number;
  /** Its start time in clock ticks since boot; pid and start time together are its identity. */
  readonly startTime: number;
  /** Number of steps in the plan that its helper was given last. */
  readonly steps: number;
  /** Whether the configuration names a program; without one there is nothing to start. */
  readonly hasProgram: boolean;
  /** Whether poststart or poststop hooks have to run. */
  readonly hooks: boolean;
  /** Whether startContainer hooks have to run. */
  readonly startHooks: boolean;
  /** Whether the first process is pid 1 of a new pid namespace, so that its end is the end of all. */
  readonly ownPidNamespace: boolean;
  readonly terminal: boolean;
  /** What its standard streams lead to, in criu's notation; none where they are a terminal of its own. */
  readonly streams: readonly string[];
  /** Whether its processes have a session keyring of their own (not --no-new-keyring). */
  readonly newKeyring: boolean;
  /** Whether its mounts were made in the namespace of the runtime, where delete has to find them. */
  readonly sharesMounts: boolean;
  /** What delete must remove; missing where the container has no cgroup of its own. */
  readonly cgroup?: CgroupRecord;
  /** Why it has none, as the second half of a sentence. */
  readonly withoutCgroup?: string;
  /** Groups of Intel RDT; missing where the configuration says nothing of it. */
  readonly rdt?: RdtRecord;
  /** All limits that hold since `update` has changed some; until then they are those of the frozen configuration. */
  readonly resources?: Resources;
}

/** What a new record is made of. */
export interface RecordSource {
  readonly options: {
    readonly id: string;
    readonly bundle: string;
    readonly bundlePath: string;
    readonly noNewKeyring: boolean;
  };
  readonly spec: Spec;
  readonly cgroup: CgroupRecord | undefined;
  readonly rdt: RdtRecord | undefined;
  readonly streams: readonly string[];
}

/** The record of a container that has no process yet, owned by the caller and created now. */
export function newRecord({ options, spec, cgroup, rdt, streams }: RecordSource): ContainerRecord {
  const { startContainer = [], poststart = [], poststop = [] } = spec.hooks ?? {};
  return {
    version: recordVersion,
    id: options.id,
    ociVersion: spec.ociVersion,
    bundle: options.bundle,
    bundlePath: options.bundlePath,
    rootfs: resolve(options.bundlePath, spec.root?.path ?? ''),
    created: new Date().toISOString(),
    owner: process.geteuid?.() ?? 0,
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    phase: 'creating',
    pid: 0,
    startTime: 0,
    steps: 0,
    hasProgram: spec.process !== undefined,
    hooks: poststart.length + poststop.length > 0,
    startHooks: startContainer.length > 0,
    ownPidNamespace: spec.linux?.namespaces?.some(({ type, path }) => type === 'pid' && !path) ?? false,
    terminal: spec.process?.terminal ?? false,
    streams,
    newKeyring: !options.noNewKeyring,
    sharesMounts: !(spec.linux?.namespaces?.some(({ type }) => type === 'mount') ?? false),
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(rdt === undefined ? {} : { rdt }),
  };
}

/**
 * Parse the text of a state.json strictly: a file that was damaged, or written by another program or version, is refused.
 * @throws Error whose message says what is wrong with it, for the caller to wrap with the path.
 */
export function parseRecord(text: string): ContainerRecord {
  const fields = new Fields(JSON.parse(text), '');
  const version = fields.count('version');
  if (version !== recordVersion) throw new Error(`version is ${version}, this tsrunc reads version ${recordVersion}`);
  const annotations = fields.optional('annotations', (found) => found.texts());
  const cgroup = fields.optional('cgroup', parseCgroupRecord);
  const withoutCgroup = fields.all().withoutCgroup === undefined ? undefined : fields.text('withoutCgroup');
  const rdt = fields.optional('rdt', parseRdtRecord);
  // Validated when they were asked for, and only their owner can write them.
  const resources = fields.optional('resources', (found) => found.all() as Resources);
  return {
    version: recordVersion,
    id: fields.text('id'),
    ociVersion: fields.text('ociVersion'),
    bundle: fields.text('bundle'),
    bundlePath: fields.text('bundlePath'),
    rootfs: fields.text('rootfs'),
    created: fields.text('created'),
    owner: fields.count('owner'),
    ...(annotations === undefined ? {} : { annotations }),
    phase: fields.choice('phase', ['creating', 'created']),
    pid: fields.count('pid'),
    startTime: fields.count('startTime'),
    steps: fields.count('steps'),
    hasProgram: fields.flagOr('hasProgram', true),
    hooks: fields.flag('hooks'),
    startHooks: fields.flagOr('startHooks', false),
    ownPidNamespace: fields.flag('ownPidNamespace'),
    terminal: fields.flag('terminal'),
    streams: fields.textListOr('streams', []),
    newKeyring: fields.flag('newKeyring'),
    sharesMounts: fields.flag('sharesMounts'),
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(withoutCgroup === undefined ? {} : { withoutCgroup }),
    ...(rdt === undefined ? {} : { rdt }),
    ...(resources === undefined ? {} : { resources }),
  };
}

/**
 * What this version can do, as the runtime-spec's features document (features.md, features-linux.md). Every list is read from
 * the table that the planner or a driver works by, and whether a field works from the coverage of the configuration's schema:
 * what is implemented is in here without being told.
 */
import { propertyPrefix } from './cgroup/systemd/annotations.ts';
import { expand, planned, rejected } from './config/coverage.ts';
import { hookKinds } from './config/rules/hooks.ts';
import type { Features, LinuxFeatures, SeccompFeatures, SeccompFlag } from './config/spec.ts';
import { newestSpecVersion, oldestSpecVersion } from './config/spec-version.ts';
import type { HostFacts } from './host/facts.ts';
import { criuConfigAnnotation } from './lifecycle/criu-config.ts';
import { capabilityNumbers } from './plan/capabilities.ts';
import { memoryPolicyFlags, memoryPolicyModes } from './plan/memory-policy.ts';
import { knownMountOptions } from './plan/mounts/options.ts';
import { namespaceTypes } from './plan/namespaces.ts';
import { actions, architectures, flags, operators } from './seccomp/tables.ts';

export interface FeatureFacts {
  readonly kernel: Pick<HostFacts['kernel'], 'major' | 'minor'>;
  readonly version: string;
  readonly commit: string;
  readonly libseccompVersion: string;
  /** Whether containers can be saved and restored. */
  readonly checkpoint: boolean;
}

const names = (table: object): string[] => Object.keys(table).sort();

/** @param facts the few things that are not in any table */
export const features = (facts: FeatureFacts): Features => ({
  ociVersionMin: oldestSpecVersion,
  ociVersionMax: newestSpecVersion,
  hooks: [...hookKinds],
  mountOptions: knownMountOptions(),
  linux: linuxFeatures(facts),
  annotations: {
    'io.github.seccomp.libseccomp.version': facts.libseccompVersion,
    // The key that engines look for, whatever the runtime.
    'org.opencontainers.runc.checkpoint.enabled': String(facts.checkpoint),
    'tsrunc.commit': facts.commit,
    'tsrunc.version': facts.version,
  },
  potentiallyUnsafeConfigAnnotations: [propertyPrefix, criuConfigAnnotation],
});

const linuxFeatures = ({ kernel }: FeatureFacts): LinuxFeatures => ({
  namespaces: [...namespaceTypes].sort(),
  capabilities: Object.keys(capabilityNumbers),
  cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: applies('/linux/resources/rdma') },
  seccomp: seccompFeatures(kernel),
  apparmor: { enabled: applies('/process/apparmorProfile') },
  selinux: { enabled: applies('/process/selinuxLabel') },
  intelRdt: {
    enabled: applies('/linux/intelRdt'),
    schemata: applies('/linux/intelRdt/schemata'),
    monitoring: applies('/linux/intelRdt/enableMonitoring'),
  },
  memoryPolicy: { modes: names(memoryPolicyModes), flags: names(memoryPolicyFlags) },
  mountExtensions: { idmap: { enabled: applies('/mounts/*/uidMappings') } },
  netDevices: { enabled: applies('/linux/netDevices') },
});

const seccompFeatures = (kernel: FeatureFacts['kernel']): SeccompFeatures => ({
  enabled: applies('/linux/seccomp'),
  actions: names(actions),
  operators: names(operators),
  archs: names(architectures),
  knownFlags: names(flags),
  supportedFlags: names(flags).filter((flag) => isAtLeast(kernel, flagSince[flag as SeccompFlag])),
});

/** Linux versions that brought the flags of seccomp(2); undefined: older than any kernel that tsrunc runs on. */
const flagSince: Readonly<Partial<Record<SeccompFlag, readonly [major: number, minor: number]>>> = {
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: [5, 19],
};

function isAtLeast({ major, minor }: FeatureFacts['kernel'], since: readonly [number, number] | undefined): boolean {
  return since === undefined || major > since[0] || (major === since[0] && minor >= since[1]);
}

const plannedLeaves = Object.keys(planned).flatMap(expand);
const isBelow = (pointer: string, branch: string): boolean => pointer === branch || pointer.startsWith(`${branch}/`);

/** Whether some leaf of this branch of the configuration is applied, and the branch is not refused. */
const applies = (branch: string): boolean =>
  plannedLeaves.some((leaf) => isBelow(leaf, branch)) &&
  !Object.keys(rejected).some((refused) => isBelow(branch, refused));

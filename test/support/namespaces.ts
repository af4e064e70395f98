/** Namespaces of processes, as the host sees them. */
import { readlinkSync } from 'node:fs';
import type { Namespace, NamespaceType } from '../../src/config/spec.ts';
import type { Config } from './bundle.ts';

/** Names in /proc/PID/ns. */
const files = {
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
} as const satisfies Record<NamespaceType, string>;

export const namespaceTypes = Object.keys(files) as readonly NamespaceType[];

export const namespaceFile = (pid: number | 'self', type: NamespaceType): string => `/proc/${pid}/ns/${files[type]}`;

/** The namespace's identity, "net:[4026531840]". */
export const namespaceOf = (pid: number | 'self', type: NamespaceType): string =>
  readlinkSync(namespaceFile(pid, type));

/** The types in which two processes differ. */
export const differences = (pid: number, other: number | 'self' = 'self'): readonly NamespaceType[] =>
  namespaceTypes.filter((type) => namespaceOf(pid, type) !== namespaceOf(other, type));

/** 65536 ids that belong to nobody. */
export const idRange = { containerID: 0, hostID: 100_000, size: 65_536 };

/**
 * Give the container exactly these namespaces, an id map where it needs one, and of the rest of the config what the
 * kernel allows with them.
 */
export const withNamespaces =
  (...namespaces: readonly Namespace[]) =>
  (config: Config): void => {
    const find = (type: NamespaceType): Namespace | undefined => namespaces.find((entry) => entry.type === type);
    config.linux.namespaces = [...namespaces];
    if (find('uts') === undefined) delete config.hostname;
    if (find('user') !== undefined) {
      if (!find('user')?.path) Object.assign(config.linux, { uidMappings: [idRange], gidMappings: [idRange] });
      // These can be mounted by the owner of the namespace only.
      const owned = { proc: find('pid'), sysfs: find('network'), mqueue: find('ipc') };
      config.mounts = config.mounts.filter(({ type }) => !Object.hasOwn(owned, type ?? '') || owned[type as 'proc']);
    }
    if (find('mount') === undefined || find('mount')?.path) config.mounts = [];
    if (!config.mounts.some(({ type }) => type === 'proc')) {
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    }
  };

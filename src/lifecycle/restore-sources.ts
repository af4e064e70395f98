import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { directoryOf } from '../cgroup/record.ts';
import { parseMounts } from '../criu/mounts.ts';
import type { RestoreSource } from '../criu/options.ts';
import { parseCgroup } from '../host/parse.ts';
import { onHost } from '../plan/context.ts';
import type { Making } from './prepare.ts';

/**
 * What is outside of the container, on this host and now.
 * @param criu its process, in the container's cgroups already
 */
export function restoreSources(
  { config, options, record, cgroup }: Pick<Making, 'config' | 'options' | 'record' | 'cgroup'>,
  criu: number,
): Omit<RestoreSource, 'directories' | 'configFile' | 'inherited'> {
  return {
    spec: config.spec,
    rootfs: record.rootfs,
    sourceOf: ({ source = '' }) => onHost(options.bundlePath, source),
    cgroups: (cgroup.record?.places ?? []).map((place) => ({
      name: place.controllers.length === 0 ? '' : basename(place.mountpoint),
      path: directoryOf(place),
    })),
    hostMounts: parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')).map(({ mountpoint }) => mountpoint),
    cgroupRoots: parseCgroup(readFileSync(`/proc/${criu}/cgroup`, 'utf8')).map(({ controllers, path }) => ({
      ctrl: controllers.join(','),
      path,
    })),
  };
}

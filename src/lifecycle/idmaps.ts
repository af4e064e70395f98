import { writeFileSync } from 'node:fs';
import type { IdMapping } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { isCapable } from '../plan/namespaces.ts';
import type { MapperFailure } from './mapper-failure.ts';

const MAPPER_DEADLINE_MS = 10_000;

/**
 * Write the id mappings of a process that has just made its user namespace (user_namespaces(7)). With privileges the
 * runtime writes them itself; an ordinary user may map nothing but itself, so more needs newuidmap and newgidmap.
 *
 * @throws TsruncError SYSTEM naming the file that refused, or UNSUPPORTED when the helpers are missing.
 */
export async function writeIdMaps(
  pid: number,
  maps: { readonly uid: readonly IdMapping[]; readonly gid: readonly IdMapping[] },
  host: HostFacts,
): Promise<void> {
  if (isCapable(host)) {
    writeMap(pid, 'gid', maps.gid);
    writeMap(pid, 'uid', maps.uid);
    return;
  }
  if (isOnlySelf(maps.gid, host.user.egid)) {
    // Without this the kernel refuses an unprivileged gid_map: dropping groups could grant access (CVE-2014-8989).
    write(`/proc/${pid}/setgroups`, 'deny', '/linux/gidMappings');
    writeMap(pid, 'gid', maps.gid);
  } else await runMapper('newgidmap', pid, 'gid', maps.gid);
  if (isOnlySelf(maps.uid, host.user.euid)) writeMap(pid, 'uid', maps.uid);
  else await runMapper('newuidmap', pid, 'uid', maps.uid);
}

/** True when the maps need no helper program: one id, and that is the caller's own. */
export const isOnlySelf = (maps: readonly IdMapping[], own: number): boolean =>
  maps.length === 1 && maps[0]?.size === 1 && maps[0].hostID === own;

const format = (maps: readonly IdMapping[], separator: string): string =>
  maps.map((map) => `${map.containerID} ${map.hostID} ${map.size}`).join(separator);

const writeMap = (pid: number, kind: 'uid' | 'gid', maps: readonly IdMapping[]): void =>
  write(`/proc/${pid}/${kind}_map`, `${format(maps, '\n')}\n`, `/linux/${kind}Mappings`);

function write(path: string, text: string, pointer: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new TsruncError(
      'SYSTEM',
      `Cannot write "${text.trim()}" to ${path}: ${(cause as NodeJS.ErrnoException).code}`,
      {
        cause,
        place: { file: 'config.json', pointer },
        hint: 'A mapping may only name host ids that the calling user namespace has; compare with /proc/self/uid_map.',
      },
    );
  }
}

async function runMapper(program: string, pid: number, kind: 'uid' | 'gid', maps: readonly IdMapping[]): Promise<void> {
  const { execFile } = await import('node:child_process');
  const args = [String(pid), ...format(maps, ' ').split(' ')];
  const failure = await new Promise<MapperFailure | undefined>((resolve) => {
    execFile(program, args, { timeout: MAPPER_DEADLINE_MS }, (error, _stdout, stderr) =>
      resolve(error === null ? undefined : { error, stderr }),
    );
  });
  if (failure === undefined) return;
  throw (await import('./mapper-failure.ts')).mapperFailed(program, kind, failure);
}

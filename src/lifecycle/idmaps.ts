import { writeFileSync } from 'node:fs';
import type { IdMapping } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Native, SystemCallError } from '../native/native.ts';
import { isCapable } from '../plan/namespaces.ts';

const MAPPER_DEADLINE_MS = 10_000;
const mostWords = 4096;

type Runner = Pick<Native, 'runProgram'>;

/**
 * Write the id mappings of a process that has just made its user namespace (user_namespaces(7)). With privileges the
 * runtime writes them itself; an ordinary user may map nothing but itself, so more needs newuidmap and newgidmap.
 *
 * @throws TsruncError SYSTEM naming the file that refused, or UNSUPPORTED when the helpers are missing.
 */
export async function writeIdMaps(
  native: Runner,
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
  } else await runMapper(native, 'newgidmap', pid, 'gid', maps.gid);
  if (isOnlySelf(maps.uid, host.user.euid)) writeMap(pid, 'uid', maps.uid);
  else await runMapper(native, 'newuidmap', pid, 'uid', maps.uid);
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

/** As little of our environment as it takes: the programs are set-user-ID root. */
async function runMapper(
  native: Runner,
  program: string,
  pid: number,
  kind: 'uid' | 'gid',
  maps: readonly IdMapping[],
): Promise<void> {
  const end = await native
    .runProgram({
      path: program,
      argv: [program, String(pid), ...format(maps, ' ').split(' ')],
      env: [],
      cwd: '',
      input: '',
      timeoutMs: MAPPER_DEADLINE_MS,
      mostOutput: 0,
      mostComplaint: mostWords,
    })
    .catch((error: SystemCallError) => error);
  if (!(end instanceof Error) && end.code === 0 && !end.signaled) return;
  throw (await import('./mapper-failure.ts')).mapperFailed(program, kind, end);
}

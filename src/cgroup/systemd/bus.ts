/** How to reach systemd: the system's, or that of the user. */
import { socketPaths } from '../../dbus/address.ts';
import { Connection } from '../../dbus/connection.ts';
import { TsruncError } from '../../errors.ts';
import { errnoName } from '../../host/errno.ts';

export type ManagerKind = 'system' | 'user';

/** A connection, and whether a message bus is in between: that wants a greeting, and to be told which signals we want. */
export interface Opened {
  readonly connection: Connection;
  readonly bus: boolean;
}

interface Candidate {
  readonly path: string;
  readonly bus: boolean;
}

/**
 * The sockets to try: the message bus first, then systemd's private one, which is there also without a bus and lets in only
 * the user whose systemd it is.
 */
export function candidates(kind: ManagerKind, env: Readonly<Record<string, string | undefined>>): Candidate[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const address =
    kind === 'system'
      ? (env.DBUS_SYSTEM_BUS_ADDRESS ?? 'unix:path=/run/dbus/system_bus_socket')
      : (env.DBUS_SESSION_BUS_ADDRESS ?? (runtime ? `unix:path=${runtime}/bus` : ''));
  const own = kind === 'system' ? '/run/systemd/private' : runtime && `${runtime}/systemd/private`;
  const buses = socketPaths(address).map((path) => ({ path, bus: true }));
  return own ? [...buses, { path: own, bus: false }] : buses;
}

/** @throws TsruncError HOST_UNSUITABLE when no systemd answers */
export async function openSystemd(kind: ManagerKind, env = process.env): Promise<Opened> {
  const failures: string[] = [];
  for (const { path, bus } of candidates(kind, env)) {
    try {
      return { connection: await Connection.open(path), bus };
    } catch (error) {
      const reason = errnoName(error) ?? (error instanceof Error ? error.message : String(error));
      failures.push(`${path.replace('\0', '@')}: ${reason}`);
    }
  }
  throw unreachable(kind, failures);
}

function unreachable(kind: ManagerKind, failures: readonly string[]): TsruncError {
  const reasons = failures.length === 0 ? 'XDG_RUNTIME_DIR is not set' : failures.join('; ');
  const [whose, hint] =
    kind === 'system'
      ? ['systemd', 'Does it run on this host? Without --systemd-cgroup tsrunc makes cgroups itself.']
      : [
          "the user's systemd",
          'It needs a session (log in, or `loginctl enable-linger`), with XDG_RUNTIME_DIR in the environment.',
        ];
  return new TsruncError('HOST_UNSUITABLE', `Cannot reach ${whose} for --systemd-cgroup: ${reasons}`, { hint });
}

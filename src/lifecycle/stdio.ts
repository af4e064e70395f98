import { fstatSync, readFileSync, readlinkSync } from 'node:fs';
import { streamKey } from '../criu/descriptors.ts';
import { TsruncError } from '../errors.ts';
import type { CreateOptions } from './options.ts';

/** O_CLOEXEC as /proc/PID/fdinfo shows it, octal. */
const CLOEXEC = 0o2000000;

/** The descriptors of ours that become fds 0, 1, 2 of the container. */
export const stdioOf = ({ stdio = [0, 1, 2] }: Pick<CreateOptions, 'stdio'>): readonly [number, number, number] =>
  stdio;

/** Their names for a checkpoint. The program may put its streams aside later, so they are noted while they are still ours. */
export const streamKeys = (stdio: readonly number[]): string[] => stdio.map(streamKeyOf);

function streamKeyOf(fd: number): string {
  const { dev, ino, rdev, mode } = fstatSync(fd);
  return streamKey({
    target: readlinkSync(`/proc/self/fd/${fd}`),
    mountId: () => Number(/^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]),
    device: dev,
    inode: ino,
    characterDevice: (mode & 0o170000) === 0o020000 ? rdev : undefined,
  });
}

/**
 * The descriptors that the caller hands to the container besides stdio: LISTEN_FDS (sd_listen_fds(3)) and, after them,
 * --preserve-fds; numbered from 3 on.
 *
 * Whether a descriptor is really the caller's is told by its close-on-exec flag: what came through exec cannot have it,
 * while everything that the JS engine opened for itself (epoll, eventfd) has.
 */
export function inheritedFds({ listenFds, preserveFds }: Pick<CreateOptions, 'listenFds' | 'preserveFds'>): number[] {
  const fds = Array.from({ length: listenFds + preserveFds }, (_, index) => 3 + index);
  const missing = fds.find((fd) => !cameThroughExec(fd));
  if (missing === undefined) return fds;
  const source = missing < 3 + listenFds ? `LISTEN_FDS=${listenFds}` : `--preserve-fds=${preserveFds}`;
  throw new TsruncError(
    'USAGE',
    `file descriptor ${missing} is not open, but ${source} says that it is to be passed on`,
    {
      hint: `Open it in the calling process, without close-on-exec, before tsrunc is started.`,
    },
  );
}

function cameThroughExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOEXEC) === 0;
  } catch {
    return false;
  }
}

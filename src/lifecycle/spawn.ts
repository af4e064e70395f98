import { TsruncError } from '../errors.ts';
import type { SystemCallError } from '../native/native.ts';
import { deniedCallHint, missingCallHint } from '../plan/missing-call.ts';

/** The way out by errno. */
const hints: Readonly<Record<string, string>> = {
  EPERM: deniedCallHint,
  EAGAIN: 'The limit of processes is reached: see pids.max of the cgroups above, RLIMIT_NPROC and kernel.pid_max.',
  ENOMEM: 'There is not enough memory, for this process or in its cgroup.',
  ENOSPC: 'Too many namespaces, or nested too deep: see the limits in /proc/sys/user.',
  EMFILE: 'Too many files are open: raise RLIMIT_NOFILE (ulimit -n).',
  ENFILE: 'Too many files are open on this host: see fs.file-max.',
};

/**
 * Start a helper, or say why it cannot be started: a bare errno of clone3(2) tells nobody what it is about.
 * @throws TsruncError HOST_UNSUITABLE, SYSTEM
 */
export function spawning<T>(spawn: () => T): T {
  try {
    return spawn();
  } catch (cause) {
    throw explained(cause);
  }
}

function explained(cause: unknown): unknown {
  const { syscall, code } = cause as Partial<SystemCallError>;
  if (cause instanceof TsruncError || syscall === undefined || code === undefined) return cause;
  const isMissing = code === 'ENOSYS';
  const hint = isMissing ? missingCallHint : hints[code];
  return new TsruncError(
    isMissing ? 'HOST_UNSUITABLE' : 'SYSTEM',
    `Cannot start the init helper: ${syscall}: ${code}`,
    {
      cause,
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

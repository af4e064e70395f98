/** The way out where the kernel does not have a system call (ENOSYS). */
export const missingCallHint =
  'tsrunc needs Linux 5.12. On a newer kernel a filter hides the call: inside of a container its seccomp profile must allow it.';

/** Of a call that is denied (EPERM) although nothing else could forbid it. */
export const deniedCallHint =
  'A filter of system calls or a security module forbids it: inside of a container its seccomp profile must allow the call.';

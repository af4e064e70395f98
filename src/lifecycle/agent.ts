import { closeSync } from 'node:fs';
import type { Spec, State } from '../config/spec.ts';
import { type Place, TsruncError } from '../errors.ts';
import type { Native, SystemCallError } from '../native/native.ts';

export interface Handover {
  readonly native: Pick<Native, 'sendFd'>;
  readonly spec: Spec;
  /** Of the container, its pid the one of its first process. */
  readonly state: State;
  /** The process that the filter is for, as this runtime sees it. */
  readonly pid: number;
  readonly locate: (pointer: string) => Place;
}

/**
 * Give the listener of a filter with SCMP_ACT_NOTIFY to the agent: one connection with one container process state, and the
 * descriptor beside it (config-linux.md "The Container Process State"). The descriptor is closed here in any case: from then
 * on the agent alone answers, and when it dies the calls fail with ENOSYS instead of waiting for ever.
 *
 * @throws TsruncError SYSTEM when the agent cannot be reached
 */
export function handOverListener(listener: number, { native, spec, state, pid, locate }: Handover): void {
  const { listenerPath = '', listenerMetadata: metadata } = spec.linux?.seccomp ?? {};
  const processState = {
    ociVersion: spec.ociVersion,
    fds: ['seccompFd'],
    pid,
    ...(metadata === undefined ? {} : { metadata }),
    state,
  };
  try {
    native.sendFd(listenerPath, listener, JSON.stringify(processState));
  } catch (cause) {
    throw unreachable(listenerPath, cause as SystemCallError, locate);
  } finally {
    closeSync(listener);
  }
}

/** The beginning of the sentence is the one of runc, which scripts look for. */
function unreachable(path: string, cause: SystemCallError, locate: Handover['locate']): TsruncError {
  const message = `failed to connect with seccomp agent specified in the seccomp profile: "${path}": ${cause.syscall}: ${cause.code}`;
  return new TsruncError('SYSTEM', message, {
    cause,
    place: locate('/linux/seccomp/listenerPath'),
    hint: 'The agent must listen there on a Unix stream socket before the container is created.',
  });
}

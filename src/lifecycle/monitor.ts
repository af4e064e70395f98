import { encodePart } from '../native/encode.ts';
import type { Native } from '../native/native.ts';
import type { Op } from '../plan/ops.ts';

/** What the monitor looks after. */
export interface Supervised {
  readonly pid: number;
  readonly pidfd: number;
  /** Our end of its terminal. */
  readonly terminal: number | undefined;
}

/**
 * Replace this process by the monitor: it forwards signals, relays the terminal, does `afterwards` when the process has
 * ended, and ends with its status. Returns only by throwing.
 */
export function becomeMonitor(native: Native, { pid, pidfd, terminal }: Supervised, afterwards: readonly Op[]): never {
  const fds = terminal === undefined ? [pidfd] : [pidfd, terminal];
  const names = ['pidfd', 'terminal'].slice(0, fds.length);
  const supervise: Op = {
    op: 'supervise',
    from: '',
    pid,
    pidfd: 'pidfd',
    terminal: terminal === undefined ? '' : 'terminal',
  };
  return native.becomeMonitor(
    encodePart([supervise, ...afterwards, { op: 'exitAsProcess', from: '' }], (name) => names.indexOf(name)),
    fds,
  );
}

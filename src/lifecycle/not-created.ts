import { TsruncError } from '../errors.ts';
import type { ContainerStatus } from './options.ts';

/** The texts are runc's, engines know them. */
const messages = {
  creating: 'cannot start a container that is still being created',
  running: 'cannot start an already running container',
  paused: 'cannot start a container in the paused state',
  stopped: 'cannot start a container that has stopped',
} as const;

/** Of `start`. */
export const notCreated = (status: Exclude<ContainerStatus, 'created'>, id: string): TsruncError =>
  new TsruncError('CONTAINER_WRONG_STATE', messages[status], {
    ...(status === 'stopped' ? { hint: `Its program has ended: "tsrunc delete ${id}", then make it anew.` } : {}),
  });

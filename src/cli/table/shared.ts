/** Arguments and options that several commands have. */
import type { ContainerStatus } from '../../lifecycle/options.ts';
import type { OptionRow } from './rows.ts';

export const containerId = {
  name: 'container-id',
  required: true,
  about: 'name of the container, unique on this host',
} as const;

/** One that exists. */
export const container = <const S extends readonly ContainerStatus[]>(...statuses: S) =>
  ({ ...containerId, about: 'name of the container', offers: 'containers', statuses }) as const;

export const alive = container('created', 'running', 'paused');
export const anyContainer = container('creating', 'created', 'running', 'paused', 'stopped');

export const bundle = {
  long: 'bundle',
  short: 'b',
  type: 'text',
  value: 'DIR',
  about: 'the bundle: the folder that holds config.json',
  fallbackAbout: 'the current folder',
} as const satisfies OptionRow;

export const consoleSocket = {
  long: 'console-socket',
  type: 'text',
  value: 'SOCKET',
  about: 'send the master end of the terminal to this unix socket',
} as const satisfies OptionRow;

export const pidFile = {
  long: 'pid-file',
  type: 'text',
  value: 'FILE',
  about: 'write the process id of the init process to FILE',
} as const satisfies OptionRow;

export const preserveFds = {
  long: 'preserve-fds',
  type: 'count',
  value: 'N',
  fallback: 0,
  about: 'pass N more file descriptors, from 3 on',
} as const satisfies OptionRow;

export const noSubreaper = {
  long: 'no-subreaper',
  type: 'flag',
  about: "do not adopt the container's orphans",
} as const satisfies OptionRow;

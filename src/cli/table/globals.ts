/** Options before the command. */
import { logFormats, logLevels } from '../../log/line.ts';
import type { OptionRow } from './rows.ts';

export const globalOptions = [
  {
    long: 'root',
    type: 'text',
    value: 'DIR',
    about: 'keep the state of containers in DIR',
    fallbackAbout: '/run/tsrunc, or $XDG_RUNTIME_DIR/tsrunc for an ordinary user',
  },
  { long: 'log', type: 'text', value: 'FILE', about: 'append errors to FILE, besides standard error' },
  {
    long: 'log-format',
    type: 'text',
    value: 'FORMAT',
    choices: logFormats,
    fallback: 'text',
    about: 'format of the lines in FILE',
  },
  {
    long: 'log-level',
    type: 'text',
    value: 'LEVEL',
    choices: logLevels,
    about: 'least important level to write',
    fallbackAbout: 'warning; error with --log',
  },
  { long: 'debug', type: 'flag', about: 'the same as --log-level debug, and stack traces of internal errors' },
  { long: 'systemd-cgroup', type: 'flag', about: 'the same as --cgroup-manager systemd' },
  {
    long: 'cgroup-manager',
    type: 'text',
    value: 'MANAGER',
    choices: ['cgroupfs', 'systemd', 'disabled'],
    about: 'who makes the cgroups',
    fallbackAbout: 'cgroupfs',
  },
  {
    long: 'rootless',
    type: 'text',
    value: 'MODE',
    choices: ['auto', 'true', 'false'],
    fallback: 'auto',
    about: 'go on without the cgroups that an ordinary user may not make',
  },
  { long: 'version', short: 'v', type: 'flag', about: 'print the version' },
  { long: 'help', short: 'h', type: 'flag', about: 'print this help, or that of the command' },
] as const satisfies readonly OptionRow[];

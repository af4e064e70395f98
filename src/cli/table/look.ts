/** Looking at containers. */
import type { CommandRow, OptionRow } from './rows.ts';
import { alive, anyContainer } from './shared.ts';

const format = {
  long: 'format',
  short: 'f',
  type: 'text',
  value: 'FORMAT',
  choices: ['table', 'json'],
  fallback: 'table',
  about: 'how to print them',
} as const satisfies OptionRow;

export const lookCommands = [
  {
    name: 'state',
    group: 'Look at containers',
    about: 'Print the state of a container as JSON',
    positionals: [anyContainer],
    options: [],
    examples: [['tsrunc state web', 'its status, pid and bundle']],
  },
  {
    name: 'list',
    group: 'Look at containers',
    about: 'List the containers',
    positionals: [],
    options: [format, { long: 'quiet', short: 'q', type: 'flag', about: 'print the names only' }],
    examples: [['tsrunc list --format json', 'for programs']],
  },
  {
    name: 'ps',
    group: 'Look at containers',
    about: 'List the processes of a container',
    details: 'Runs ps of this host and prints what it says of them; as JSON, their numbers only.',
    positionals: [alive],
    rest: { name: 'ps-options', required: false, about: 'options of ps (default: -ef)' },
    options: [format],
    examples: [
      ['tsrunc ps web', 'as ps -ef has them'],
      ['tsrunc ps web -o pid,rss,args', 'chosen columns, PID among them'],
    ],
  },
  {
    name: 'events',
    group: 'Look at containers',
    about: 'Print what a container uses, and when it runs out of memory',
    details:
      'One JSON document a line: of type "stats" after each interval, "oom" when the memory has run out. Ends when the container does.',
    positionals: [alive],
    options: [
      {
        long: 'interval',
        type: 'text',
        value: 'TIME',
        fallback: '5s',
        about: 'time between two statistics, such as 500ms or 1m30s',
      },
      { long: 'stats', type: 'flag', about: 'print the statistics once, now' },
    ],
    examples: [
      ['tsrunc events --stats web', 'what it uses now'],
      ['tsrunc events --interval 1s web', 'follow it'],
    ],
  },
] as const satisfies readonly CommandRow[];

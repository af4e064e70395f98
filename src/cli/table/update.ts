import type { CommandRow } from './rows.ts';
import { alive } from './shared.ts';

export const updateCommand = [
  {
    name: 'update',
    group: 'Life of a container',
    about: 'Change the limits of a container',
    details:
      'All that is asked for is changed, or nothing. Sizes are bytes, or have a suffix (512M, 1.5G: powers of 1024); -1 lifts a limit, 0 leaves it as it is.',
    positionals: [alive],
    options: [
      {
        long: 'resources',
        short: 'r',
        type: 'text',
        value: 'FILE',
        about:
          'read linux.resources as JSON from FILE (- is standard input), and ignore the other options, but for those of RDT',
      },
      { long: 'blkio-weight', type: 'text', value: 'N', about: 'weight of block I/O, 10 to 1000' },
      { long: 'cpu-period', type: 'text', value: 'US', about: 'period of --cpu-quota, in microseconds' },
      { long: 'cpu-quota', type: 'text', value: 'US', about: 'CPU time in each period, in microseconds' },
      { long: 'cpu-burst', type: 'text', value: 'US', about: 'CPU time that may be saved up, in microseconds' },
      { long: 'cpu-share', type: 'text', value: 'N', about: 'weight of CPU time, 2 to 262144' },
      { long: 'cpu-rt-period', type: 'text', value: 'US', about: 'period of --cpu-rt-runtime, in microseconds' },
      {
        long: 'cpu-rt-runtime',
        type: 'text',
        value: 'US',
        about: 'real-time CPU time in each period, in microseconds',
      },
      { long: 'cpuset-cpus', type: 'text', value: 'LIST', about: 'CPUs that may be used, such as 0-3,7' },
      { long: 'cpuset-mems', type: 'text', value: 'LIST', about: 'memory nodes that may be used, such as 0-1' },
      { long: 'cpu-idle', type: 'text', value: 'N', about: '1: run only when nothing else wants to' },
      { long: 'memory', type: 'text', value: 'SIZE', about: 'limit of memory' },
      { long: 'memory-reservation', type: 'text', value: 'SIZE', about: 'soft limit of memory' },
      { long: 'memory-swap', type: 'text', value: 'SIZE', about: 'limit of memory and swap together' },
      { long: 'kernel-memory', type: 'text', value: 'SIZE', about: 'limit of kernel memory', hidden: true },
      { long: 'kernel-memory-tcp', type: 'text', value: 'SIZE', about: 'limit of TCP buffers', hidden: true },
      { long: 'pids-limit', type: 'text', value: 'N', about: 'limit of processes and threads (0 is a limit)' },
      { long: 'l3-cache-schema', type: 'text', value: 'SCHEMA', about: 'L3 cache schema of Intel RDT' },
      { long: 'mem-bw-schema', type: 'text', value: 'SCHEMA', about: 'memory bandwidth schema of Intel RDT' },
      { long: 'report', type: 'flag', about: 'print each control file that was written, before and after' },
    ],
    examples: [
      ['tsrunc update --memory 512M --memory-swap 1G web', 'give it more memory'],
      ['echo \'{"pids":{"limit":50}}\' | tsrunc update -r - web', 'as engines do'],
    ],
  },
] as const satisfies readonly CommandRow[];

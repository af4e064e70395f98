import { expect, test } from 'vitest';
import { checkRules } from './rules.ts';
import type { Spec } from './spec.ts';

const base: Spec = {
  ociVersion: '1.3.0',
  root: { path: 'rootfs' },
  process: { cwd: '/', args: ['sh'] },
};

/** Parts of a configuration over the base; those of process and linux are merged into the base's. */
const specWith = ({
  process,
  ...rest
}: Omit<Partial<Spec>, 'process'> & { process?: Partial<Spec['process']> }): Spec => ({
  ...base,
  process: { cwd: '/', args: ['sh'], ...process },
  ...rest,
});

const findings = (spec: Spec): string[] =>
  checkRules(spec, JSON.stringify(spec)).map(({ severity, pointer, message, hint }) =>
    [severity, pointer, message, ...(hint === undefined ? [] : [hint])].join(' | '),
  );

const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const userns = [{ type: 'user' }] as const;
const ids = [map(0, 100000, 65536)];

test('a remount needs no source and no type', () => {
  const mounts = [
    ['remount', 'ro'],
    ['bind', 'remount', 'ro'],
  ].map((options) => ({ destination: '/m', options }));
  expect(findings({ ...base, mounts })).toEqual([]);
});

test('the base configuration has no findings', () => {
  expect(findings(base)).toEqual([]);
});

const cases: readonly (readonly [string, Parameters<typeof specWith>[0], string])[] = [
  [
    'no version',
    { ociVersion: 'one' },
    'error | /ociVersion | "one" is not a version | Versions are like "1.3.0" (semver.org).',
  ],
  [
    'two parts',
    { ociVersion: '1.0' },
    'error | /ociVersion | "1.0" is not a version | Versions are like "1.3.0" (semver.org).',
  ],
  [
    'old version',
    { ociVersion: '0.5.0-dev' },
    'error | /ociVersion | Version 0.5.0-dev of the runtime-spec is not supported | Supported are 1.0.0 to 1.3.x.',
  ],
  [
    'next major',
    { ociVersion: '2.0.0' },
    'error | /ociVersion | Version 2.0.0 of the runtime-spec is not supported | Supported are 1.0.0 to 1.3.x.',
  ],
  [
    'next minor',
    { ociVersion: '1.4.0' },
    'warning | /ociVersion | Version 1.4.0 of the runtime-spec is newer than 1.3: what it adds is not looked at',
  ],
  ['empty annotation', { annotations: { '': 'x' } }, 'error | /annotations/ | An annotation has an empty name'],
  ['empty root', { root: { path: '' } }, 'error | /root/path | The path of the root file system is empty'],
  [
    'hostname',
    { hostname: 'box' },
    'error | /hostname | The hostname "box" would rename the host: the container has no uts namespace of its own | Add {"type": "uts"} to linux.namespaces.',
  ],
  [
    'domainname',
    { domainname: 'd' },
    'error | /domainname | The domainname "d" would rename the host: the container has no uts namespace of its own | Add {"type": "uts"} to linux.namespaces.',
  ],
  [
    'long hostname',
    { hostname: 'ä'.repeat(33), linux: { namespaces: [{ type: 'uts' }] } },
    'error | /hostname | The hostname is longer than the 64 bytes that the kernel takes',
  ],
  [
    'no args',
    { process: { args: [] } },
    'error | /process/args | process.args must not be empty | It names the program to run: ["/bin/sh"].',
  ],
  ['empty program', { process: { args: [''] } }, 'error | /process/args/0 | The name of the program is empty'],
  [
    'relative cwd',
    { process: { cwd: 'tmp' } },
    'error | /process/cwd | The working directory must be an absolute path, but is "tmp"',
  ],
  [
    'env without =',
    { process: { env: ['A=1', 'B'] } },
    'error | /process/env/1 | The environment entry "B" has no "=" | Entries are NAME=value.',
  ],
  [
    'env without name',
    { process: { env: ['=1'] } },
    'error | /process/env/0 | The environment entry "=1" has no name before the "="',
  ],
  [
    'consoleSize',
    { process: { consoleSize: { height: 1, width: 1 } } },
    'warning | /process/consoleSize | The size of the console has no effect: process.terminal is not true',
  ],
  [
    'rlimit order',
    { process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 2 ** 64, hard: 1 }] } },
    'error | /process/rlimits/0/soft | The soft limit of RLIMIT_CORE (18446744073709551615) is above its hard limit (1)',
  ],
  [
    'rlimit twice',
    {
      process: {
        rlimits: [
          { type: 'RLIMIT_CPU', soft: 1, hard: 1 },
          { type: 'RLIMIT_CPU', soft: 1, hard: 1 },
        ],
      },
    },
    'error | /process/rlimits/1/type | RLIMIT_CPU is already limited by /process/rlimits/0 | Keep one of them.',
  ],
  [
    'nice range',
    { process: { scheduler: { policy: 'SCHED_OTHER', nice: 20 } } },
    'error | /process/scheduler/nice | The nice value is 20; allowed are -20 to 19',
  ],
  [
    'nice of FIFO',
    { process: { scheduler: { policy: 'SCHED_FIFO', priority: 1, nice: 5 } } },
    'error | /process/scheduler/nice | nice belongs to SCHED_OTHER and SCHED_BATCH, but the policy is SCHED_FIFO',
  ],
  [
    'priority range',
    { process: { scheduler: { policy: 'SCHED_RR' } } },
    'error | /process/scheduler/priority | The priority of SCHED_RR is 0; allowed are 1 to 99',
  ],
  [
    'priority of OTHER',
    { process: { scheduler: { policy: 'SCHED_OTHER', priority: 3 } } },
    'error | /process/scheduler/priority | priority belongs to SCHED_FIFO and SCHED_RR, but the policy is SCHED_OTHER',
  ],
  [
    'runtime of BATCH',
    { process: { scheduler: { policy: 'SCHED_BATCH', runtime: 3 } } },
    'error | /process/scheduler/runtime | runtime belongs to SCHED_DEADLINE, but the policy is SCHED_BATCH',
  ],
  [
    'affinity of exec',
    { process: { execCPUAffinity: { initial: '0-3, 7', final: '3-1' } } },
    'error | /process/execCPUAffinity/final | The list of CPUs "3-1" has the range 3-1, which ends before it begins',
  ],
  [
    'network devices without a network namespace',
    { linux: { netDevices: { eth0: {} } } },
    'error | /linux/netDevices | There are network devices to move, but the container has no network namespace of its own | Add {"type": "network"} to linux.namespaces.',
  ],
  [
    'network device with an impossible name',
    { linux: { namespaces: [{ type: 'network' }], netDevices: { 'e/0': {} } } },
    'error | /linux/netDevices/e~10 | "e/0" cannot be the name of a network device: it has a slash, a colon or a blank in it',
  ],
  [
    'network device with a long name inside',
    { linux: { namespaces: [{ type: 'network' }], netDevices: { e: { name: 'sixteen-letters!' } } } },
    'error | /linux/netDevices/e/name | "sixteen-letters!" cannot be the name of a network device: it is longer than 15 bytes',
  ],
  [
    'network device with a wrong template',
    { linux: { namespaces: [{ type: 'network' }], netDevices: { eth0: { name: 'eth%s' }, eth1: { name: 'e%d' } } } },
    'error | /linux/netDevices/eth0/name | "eth%s" is no template of a name | The only one is a single "%d", as in "eth%d".',
  ],
  [
    'network devices of the same name',
    { linux: { namespaces: [{ type: 'network' }], netDevices: { eth0: { name: 'x' }, x: {} } } },
    'error | /linux/netDevices/x | "x" and "eth0" get the same name in the container, "x"',
  ],
  [
    'memory policy without a mode',
    { linux: { memoryPolicy: { nodes: '0' } } },
    'error | /linux/memoryPolicy | The memory policy has no mode',
  ],
  [
    'memory policy that takes no nodes',
    { linux: { memoryPolicy: { mode: 'MPOL_LOCAL', nodes: '0' } } },
    'error | /linux/memoryPolicy/nodes | MPOL_LOCAL takes no nodes',
  ],
  [
    'memory policy that needs nodes',
    { linux: { memoryPolicy: { mode: 'MPOL_INTERLEAVE' } } },
    'error | /linux/memoryPolicy | MPOL_INTERLEAVE needs nodes | Add nodes, such as "0-1".',
  ],
  [
    'memory policy of no such nodes',
    { linux: { memoryPolicy: { mode: 'MPOL_BIND', nodes: '0-1024' } } },
    'error | /linux/memoryPolicy/nodes | The list of memory nodes "0-1024" has 1024, but the highest possible is 1023',
  ],
  [
    'flags of memory policy that exclude each other',
    {
      linux: {
        memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES'] },
      },
    },
    'error | /linux/memoryPolicy/flags | MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other',
  ],
  [
    'flag of memory policy without nodes',
    { linux: { memoryPolicy: { mode: 'MPOL_PREFERRED', flags: ['MPOL_F_STATIC_NODES'] } } },
    'error | /linux/memoryPolicy/flags | MPOL_F_STATIC_NODES speaks of nodes, but there are none',
  ],
  [
    'misspelled capability',
    { process: { capabilities: { bounding: ['CAP_NET_ADMNI'] } } },
    'warning | /process/capabilities/bounding/0 | "CAP_NET_ADMNI" is not a known capability and is left out | Did you mean CAP_NET_ADMIN?',
  ],
  [
    'capability without CAP_',
    { process: { capabilities: { bounding: ['net_admin'] } } },
    'warning | /process/capabilities/bounding/0 | "net_admin" is not a known capability and is left out | Did you mean CAP_NET_ADMIN?',
  ],
  [
    'effective beyond permitted',
    { process: { capabilities: { effective: ['CAP_KILL'] } } },
    'error | /process/capabilities/effective/0 | CAP_KILL is effective but not permitted | Add it to the permitted set.',
  ],
  [
    'ambient beyond inheritable',
    { process: { capabilities: { ambient: ['CAP_KILL'], permitted: ['CAP_KILL'] } } },
    'warning | /process/capabilities/ambient/0 | CAP_KILL cannot be ambient: it is not both permitted and inheritable',
  ],
  [
    'one ambient of several, none inheritable',
    {
      process: {
        capabilities: {
          bounding: ['CAP_KILL', 'CAP_CHOWN'],
          permitted: ['CAP_KILL', 'CAP_CHOWN'],
          ambient: ['CAP_CHOWN'],
        },
      },
    },
    'warning | /process/capabilities/ambient/0 | CAP_CHOWN cannot be ambient: it is not both permitted and inheritable',
  ],
  [
    'empty destination',
    { mounts: [{ destination: '', type: 'tmpfs' }] },
    'error | /mounts/0/destination | The destination of the mount is empty',
  ],
  [
    'settings of a bind mount',
    { mounts: [{ destination: '/m', type: 'bind', source: '/s', options: ['rbind', 'mode=755'] }] },
    'warning | /mounts/0/options/1 | The option "mode=755" has no effect on the bind mount at "/m"',
  ],
  [
    'relative destination',
    { mounts: [{ destination: 'tmp', type: 'tmpfs' }] },
    'warning | /mounts/0/destination | The destination "tmp" is relative, which is deprecated | Write "/tmp".',
  ],
  [
    'bind without source',
    { mounts: [{ destination: '/m', options: ['rbind'] }] },
    'error | /mounts/0 | The bind mount at "/m" has no source',
  ],
  [
    'mount without type',
    { mounts: [{ destination: '/m', source: 'x' }] },
    'error | /mounts/0 | The mount at "/m" has no type | Give it a file system type, or the option "bind" or "rbind".',
  ],
  [
    'half an idmap',
    { mounts: [{ destination: '/m', type: 'tmpfs', uidMappings: ids }] },
    'error | /mounts/0 | The mount has uidMappings but no gidMappings | An idmapped mount needs both.',
  ],
  [
    'idmap of nothing',
    { mounts: [{ destination: '/m', type: 'bind', source: '/x', options: ['idmap'] }] },
    'error | /mounts/0 | The mount is to be idmapped, but neither it nor a user namespace of the container has mappings | Give the mount uidMappings and gidMappings.',
  ],
  [
    'relative hook',
    { hooks: { poststop: [{ path: 'x' }] } },
    'error | /hooks/poststop/0/path | The path of the hook must be absolute, but is "x"',
  ],
  [
    'hook env',
    { hooks: { prestart: [{ path: '/x', env: ['A'] }] } },
    'error | /hooks/prestart/0/env/0 | The environment entry "A" has no "=" | Entries are NAME=value.',
  ],
  [
    'relative namespace',
    { linux: { namespaces: [{ type: 'pid', path: 'x' }] } },
    'error | /linux/namespaces/0/path | The path of the pid namespace must be absolute, but is "x"',
  ],
  [
    'namespace twice',
    { linux: { namespaces: [{ type: 'pid' }, { type: 'pid' }] } },
    'error | /linux/namespaces/1/type | The pid namespace is already given by /linux/namespaces/0 | A container has one namespace of each type: keep one of them.',
  ],
  [
    'mappings without user namespace',
    { linux: { uidMappings: ids } },
    'error | /linux/uidMappings | There are uidMappings, but the container has no user namespace of its own | Add {"type": "user"} to linux.namespaces.',
  ],
  [
    'user namespace without a map',
    { linux: { namespaces: [...userns], uidMappings: ids } },
    'error | /linux | The container gets a new user namespace without gidMappings: it would have no usable ids | Add linux.gidMappings, such as [{"containerID": 0, "hostID": 100000, "size": 65536}].',
  ],
  [
    'mappings of a joined namespace',
    { linux: { namespaces: [{ type: 'user', path: '/proc/1/ns/user' }], uidMappings: ids } },
    'warning | /linux/uidMappings | The uidMappings have no effect: the user namespace that is joined has its own',
  ],
  [
    'empty range',
    { linux: { namespaces: [...userns], uidMappings: [map(0, 0, 0)], gidMappings: ids } },
    'error | /linux/uidMappings/0/size | The id range is empty: its size is 0',
  ],
  [
    'endless range',
    { linux: { namespaces: [...userns], uidMappings: [map(0, 4294967295, 2)], gidMappings: ids } },
    'error | /linux/uidMappings/0/size | The id range ends beyond the largest id: hostID 4294967295 + 2',
  ],
  [
    'overlapping ranges',
    { linux: { namespaces: [...userns], uidMappings: [map(0, 0, 10), map(9, 100, 1)], gidMappings: ids } },
    'error | /linux/uidMappings/1/containerID | The id range overlaps range 0 in containerID | Ranges must be disjoint.',
  ],
  [
    'too many ranges',
    {
      linux: {
        namespaces: [...userns],
        uidMappings: Array.from({ length: 341 }, (_, i) => map(i, i, 1)),
        gidMappings: ids,
      },
    },
    'error | /linux/uidMappings | There are 341 id ranges, but the kernel takes at most 340',
  ],
  [
    'time offsets',
    { linux: { timeOffsets: { boottime: { secs: 1 } } } },
    'error | /linux/timeOffsets | There are time offsets, but the container has no time namespace of its own | Add {"type": "time"} to linux.namespaces.',
  ],
  [
    'offsets of a joined namespace',
    { linux: { namespaces: [{ type: 'time', path: '/proc/1/ns/time' }], timeOffsets: { monotonic: { nanosecs: 1 } } } },
    'error | /linux/timeOffsets | The offsets of a time namespace that is joined cannot be changed',
  ],
  [
    'sysctl of the host',
    { linux: { sysctl: { 'kernel.core_pattern': 'x' } } },
    'error | /linux/sysctl/kernel.core_pattern | The kernel parameter "kernel.core_pattern" belongs to no namespace: it would change the host | Set it on the host.',
  ],
  [
    'sysctl without its namespace',
    { linux: { sysctl: { 'net/core/somaxconn': '1' } } },
    'error | /linux/sysctl/net~1core~1somaxconn | The kernel parameter "net/core/somaxconn" would change the host: the container has no network namespace of its own | Add {"type": "network"} to linux.namespaces.',
  ],
  [
    'sysctl that climbs',
    { linux: { sysctl: { 'net/../kernel/core_pattern': 'x' } } },
    'error | /linux/sysctl/net~1..~1kernel~1core_pattern | "net/../kernel/core_pattern" is not the name of a kernel parameter | Names are like net.ipv4.ip_forward or net/ipv4/conf/eth0.1/forwarding.',
  ],
  [
    'sysctl twice',
    { linux: { namespaces: [{ type: 'network' }], sysctl: { 'net.a': '1', 'net/a': '2' } } },
    'error | /linux/sysctl/net~1a | "net/a" and "net.a" are the same kernel parameter | Keep one of them.',
  ],
  [
    'hostname as sysctl',
    { linux: { namespaces: [{ type: 'uts' }], sysctl: { 'kernel.hostname': 'x' } } },
    'error | /linux/sysctl/kernel.hostname | The host name is not set by a kernel parameter here | Use the field hostname.',
  ],
  [
    'relative device',
    { linux: { devices: [{ type: 'p', path: 'x' }] } },
    'error | /linux/devices/0/path | The path of the device must be absolute, but is "x"',
  ],
  [
    'device without number',
    { linux: { devices: [{ type: 'c', path: '/x', major: 1 }] } },
    'error | /linux/devices/0 | The device "/x" has no minor number',
  ],
  [
    'device number range',
    { linux: { devices: [{ type: 'b', path: '/x', major: 4096, minor: 0 }] } },
    'error | /linux/devices/0/major | The major number of "/x" is 4096; allowed are 0 to 4095',
  ],
  [
    'device twice',
    {
      linux: {
        devices: [
          { type: 'p', path: '/x' },
          { type: 'p', path: '/x' },
        ],
      },
    },
    'warning | /linux/devices/1/path | "/x" is already made by /linux/devices/0',
  ],
  [
    'relative masked path',
    { linux: { maskedPaths: ['proc'] } },
    'error | /linux/maskedPaths/0 | maskedPaths must be absolute, but this one is "proc"',
  ],
  [
    'masked root',
    { linux: { maskedPaths: ['/./'] } },
    'error | /linux/maskedPaths/0 | maskedPaths cannot have the root of the container in it | Name what is to be hidden in it.',
  ],
  [
    'root as read-only path',
    { linux: { readonlyPaths: ['/'] } },
    'error | /linux/readonlyPaths/0 | readonlyPaths cannot have the root of the container in it | Use root.readonly.',
  ],
  [
    'relative read-only path',
    { linux: { readonlyPaths: ['/a', 'proc'] } },
    'error | /linux/readonlyPaths/1 | readonlyPaths must be absolute, but this one is "proc"',
  ],
  [
    'negative memory',
    { linux: { resources: { memory: { limit: -2 } } } },
    'error | /linux/resources/memory/limit | memory.limit is -2; -1 means no limit',
  ],
  [
    'swap alone',
    { linux: { resources: { memory: { swap: 5 } } } },
    'error | /linux/resources/memory/swap | memory.swap needs memory.limit: it limits memory and swap together',
  ],
  [
    'swap below memory',
    { linux: { resources: { memory: { limit: 6, swap: 5 } } } },
    'error | /linux/resources/memory/swap | memory.swap (5) is below memory.limit (6) | It limits memory and swap together: no swap at all is the value of memory.limit.',
  ],
  [
    'cpu list',
    { linux: { resources: { cpu: { cpus: '0-' } } } },
    'error | /linux/resources/cpu/cpus | "0-" is not a list | Lists are like "0-3,7".',
  ],
  [
    'cpu idle',
    { linux: { resources: { cpu: { idle: 2 } } } },
    'error | /linux/resources/cpu/idle | cpu.idle is 2; allowed are 0 and 1',
  ],
  [
    'block I/O weights',
    { linux: { resources: { blockIO: { weight: 5, leafWeight: 0 } } } },
    'error | /linux/resources/blockIO/weight | The weight is 5; allowed are 10 to 1000',
  ],
  [
    'block I/O weights of a device',
    { linux: { resources: { blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 1001 }] } } } },
    'error | /linux/resources/blockIO/weightDevice/0/weight | The weight is 1001; allowed are 10 to 1000',
  ],
  [
    'weight of a device without one',
    { linux: { resources: { blockIO: { weightDevice: [{ major: 8, minor: 16 }] } } } },
    'error | /linux/resources/blockIO/weightDevice/0 | The device 8:16 has no weight',
  ],
  [
    'RDMA',
    { linux: { resources: { rdma: { mlx5_1: {} } } } },
    'error | /linux/resources/rdma/mlx5_1 | The RDMA device "mlx5_1" has no limit',
  ],
  [
    'device rule',
    { linux: { resources: { devices: [{ allow: true, major: -2 }] } } },
    'error | /linux/resources/devices/0/major | The major number is -2; -1 means all',
  ],
  [
    'errno of ALLOW',
    { linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 } } },
    'error | /linux/seccomp/defaultErrnoRet | SCMP_ACT_ALLOW returns no errno | Only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do.',
  ],
  [
    'errno of KILL',
    {
      linux: {
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: ['x'], action: 'SCMP_ACT_KILL', errnoRet: 1 }],
        },
      },
    },
    'error | /linux/seccomp/syscalls/0/errnoRet | SCMP_ACT_KILL returns no errno | Only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do.',
  ],
  [
    'errno beyond the kernel',
    { linux: { seccomp: { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4095 } } },
    'error | /linux/seccomp/defaultErrnoRet | The errno 4095 is too large: SCMP_ACT_ERRNO returns at most 4094',
  ],
  [
    'number beyond a tracer',
    {
      linux: {
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: ['x'], action: 'SCMP_ACT_TRACE', errnoRet: 65536 }],
        },
      },
    },
    'error | /linux/seccomp/syscalls/0/errnoRet | The errno 65536 is too large: SCMP_ACT_TRACE returns at most 65535',
  ],
  [
    'several conditions on one argument',
    {
      linux: {
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [
            {
              names: ['x'],
              action: 'SCMP_ACT_ERRNO',
              args: [
                { index: 0, op: 'SCMP_CMP_GE', value: 1 },
                { index: 0, op: 'SCMP_CMP_LE', value: 5 },
              ],
            },
          ],
        },
      },
    },
    'warning | /linux/seccomp/syscalls/0/args | Several conditions are on one argument: each of them is enough for the rule, they need not all hold',
  ],
  [
    'metadata for nobody',
    { linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW', listenerMetadata: 'x' } } },
    'error | /linux/seccomp/listenerMetadata | listenerMetadata must not be set without listenerPath',
  ],
  [
    'notify by default',
    { linux: { seccomp: { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/s' } } },
    'error | /linux/seccomp/defaultAction | SCMP_ACT_NOTIFY cannot be used as default action',
  ],
  [
    'notify without listener',
    {
      linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['x'], action: 'SCMP_ACT_NOTIFY' }] } },
    },
    'error | /linux/seccomp/syscalls/0/action | SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath, the socket of the agent that is asked',
  ],
  [
    'notify of write',
    {
      linux: {
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          listenerPath: '/s',
          syscalls: [{ names: ['write'], action: 'SCMP_ACT_NOTIFY' }],
        },
      },
    },
    'error | /linux/seccomp/syscalls/0/action | SCMP_ACT_NOTIFY cannot be used for the write syscall',
  ],
  [
    'NUL',
    { process: { args: ['sh', 'a\0b'] } },
    'error | /process/args/1 | The text holds a NUL character, at which the kernel would cut it',
  ],
];

test.each(cases)('%s', (_, parts, expected) => {
  expect(findings(specWith(parts))).toEqual([expected]);
});

test('a configuration needs a root, but a process only to start', () => {
  expect(findings({ ociVersion: '1.0.2-dev' })).toEqual([
    'error |  | The configuration has no root | Add "root": {"path": "rootfs"}.',
    'warning |  | The configuration has no process: the container can be created, but not started',
  ]);
});

test('buildah’s ambient copy of the bounding set is no mistake', () => {
  const all = ['CAP_KILL', 'CAP_CHOWN'];
  const capabilities = { bounding: all, effective: all, permitted: all, ambient: all };
  expect(findings(specWith({ process: { capabilities } }))).toEqual([]);
});

test('what clients send for "unset" is no mistake', () => {
  const spec = specWith({
    hostname: '',
    process: { consoleSize: { height: 0, width: 0 }, capabilities: {} },
    linux: {
      namespaces: [{ type: 'network', path: '' }],
      uidMappings: [],
      timeOffsets: {},
      sysctl: { 'net.ipv4.ping_group_range': '0 0' },
      resources: { memory: { limit: 0, swap: 0, reservation: 0 }, cpu: { cpus: '', shares: 0 }, pids: { limit: 0 } },
    },
  });
  expect(findings(spec)).toEqual([]);
});

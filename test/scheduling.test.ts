/** runtime-spec config.md "Linux Process" (scheduler, ioPriority) and config-linux.md "Memory policy", read from inside. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { MemoryPolicy, Scheduler, SchedulerFlag } from '../src/config/spec.ts';
import { type Box, type Config, expect, type Outcome, type Patch, test } from './support/box.ts';
import { hasCommand, isCgroupV2, repository, runtime } from './support/host.ts';
import { exec } from './support/process.ts';

/** The numbers of proc_pid_stat(5) that tell how `cat` itself is scheduled. */
async function scheduling(box: Box, patch: (config: Config) => void) {
  const { stdout, stderr } = await box.probe('', (config) => {
    config.process.args = ['cat', '/proc/self/stat'];
    patch(config);
  });
  expect(stderr).toBe('');
  const fields = stdout.trim().split(' ');
  return { nice: Number(fields[18]), priority: Number(fields[39]), policy: Number(fields[40]) };
}

// A kernel with real-time groups gives a new v1 cgroup no run time at all; v2 has none of these groups.
const needsBudget = !isCgroupV2;
const withBudget =
  (scheduler: Scheduler): ((config: Config) => void) =>
  (config) => {
    config.process.scheduler = scheduler;
    if (needsBudget) config.linux.resources = { cpu: { realtimeRuntime: 1000 } };
  };

// Covers /process/scheduler
describe('scheduler', () => {
  test.for<[Scheduler, { nice: number; priority: number; policy: number }]>([
    [{ policy: 'SCHED_OTHER' }, { nice: 0, priority: 0, policy: 0 }],
    [
      { policy: 'SCHED_OTHER', nice: -7 },
      { nice: -7, priority: 0, policy: 0 },
    ],
    [
      { policy: 'SCHED_BATCH', nice: 19 },
      { nice: 19, priority: 0, policy: 3 },
    ],
    [{ policy: 'SCHED_IDLE' }, { nice: 0, priority: 0, policy: 5 }],
    [
      { policy: 'SCHED_FIFO', priority: 1 },
      { nice: 0, priority: 1, policy: 1 },
    ],
    [
      { policy: 'SCHED_RR', priority: 99 },
      { nice: 0, priority: 99, policy: 2 },
    ],
  ])('%j', async ([scheduler, expected], { box }) => {
    expect(await scheduling(box, withBudget(scheduler))).toEqual(expected);
  });

  test('SCHED_DEADLINE with its three times', async ({ box }) => {
    const times = { runtime: 1_000_000, deadline: 20_000_000, period: 30_000_000 };
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      config.process.scheduler = { policy: 'SCHED_DEADLINE', ...times };
    });
    const id = await box.create(bundle);
    await box.ok('start', id);
    const { pid } = await box.state(id);
    const { stdout } = await exec('chrt', ['-p', String(pid)]);
    expect(stdout).toContain('SCHED_DEADLINE');
    expect(stdout).toMatch(/1000000\/20000000\/30000000/);
  });

  test.for([['SCHED_FLAG_RESET_ON_FORK', 'SCHED_RESET_ON_FORK']] as const)(
    'flag %s',
    async ([flag, shown], { box }) => {
      const bundle = await box.bundle((config) => {
        config.process.args = ['sleep', '100'];
        config.process.scheduler = { policy: 'SCHED_BATCH', flags: [flag] };
      });
      const id = await box.create(bundle);
      await box.ok('start', id);
      const { pid } = await box.state(id);
      expect((await exec('chrt', ['-p', String(pid)])).stdout).toContain(shown);
    },
  );

  describe('flags', () => {
    const program = join(repository, 'build', `scheduling-${process.pid}`);
    beforeAll(() => {
      const source = join(import.meta.dirname, 'support/scheduling.c');
      execFileSync('musl-gcc', ['-static', '-O1', '-s', '-o', program, source]);
    });
    afterAll(() => rmSync(program, { force: true }));

    const scheduled = async (box: Box, scheduler?: Scheduler): Promise<Outcome> => {
      const bundle = await box.bundle((config) => {
        config.process.args = ['/bin/scheduling'];
        if (scheduler !== undefined) config.process.scheduler = scheduler;
      });
      copyFileSync(program, join(bundle.rootfs, 'bin/scheduling'));
      return box.run(bundle);
    };
    const batch = (...flags: SchedulerFlag[]): Scheduler => ({ policy: 'SCHED_BATCH', nice: 5, flags });

    test('KEEP_POLICY leaves the policy of the caller and sets the rest', async ({ box }) => {
      const { stdout } = await scheduled(box, batch('SCHED_FLAG_KEEP_POLICY'));
      expect(stdout).toMatch(/^policy=0 flags=0x0 nice=5 /);
    });

    // It keeps the policy as well: __setscheduler() of the kernel.
    test('KEEP_PARAMS leaves everything of the caller', async ({ box }) => {
      const { stdout } = await scheduled(box, batch('SCHED_FLAG_KEEP_PARAMS'));
      expect(stdout).toBe((await scheduled(box)).stdout);
      expect((await scheduled(box, batch())).stdout).toMatch(/^policy=3 flags=0x0 nice=5 /);
    });

    test.for<[SchedulerFlag[], string]>([
      [['SCHED_FLAG_RESET_ON_FORK'], '0x1'],
      [['SCHED_FLAG_RECLAIM'], '0x2'],
      [['SCHED_FLAG_DL_OVERRUN'], '0x4'],
      [['SCHED_FLAG_RECLAIM', 'SCHED_FLAG_DL_OVERRUN'], '0x6'],
    ])('SCHED_DEADLINE keeps %j', async ([flags, kept], { box }) => {
      const times = { runtime: 1_000_000, deadline: 20_000_000, period: 30_000_000 };
      const { stdout } = await scheduled(box, { policy: 'SCHED_DEADLINE', flags, ...times });
      expect(stdout).toContain(`policy=6 flags=${kept} `);
    });

    // The specification has no values for the clamps: they are 0.
    const clamps = existsSync('/proc/sys/kernel/sched_util_clamp_max');
    test.runIf(clamps).for<[SchedulerFlag[], string]>([
      [['SCHED_FLAG_UTIL_CLAMP_MIN'], '0-1024'],
      [['SCHED_FLAG_UTIL_CLAMP_MAX'], '0-0'],
      [['SCHED_FLAG_UTIL_CLAMP_MIN', 'SCHED_FLAG_UTIL_CLAMP_MAX'], '0-0'],
    ])('%j clamps the utilization to %s', async ([flags, clamped], { box }) => {
      expect((await scheduled(box)).stdout).toContain('clamp=0-1024\n');
      expect((await scheduled(box, batch(...flags))).stdout).toContain(`nice=5 clamp=${clamped}\n`);
    });

    test.skipIf(clamps).for(['SCHED_FLAG_UTIL_CLAMP_MIN', 'SCHED_FLAG_UTIL_CLAMP_MAX'] as const)(
      '%s is refused where the kernel clamps nothing',
      async (flag, { box }) => {
        const { code, stderr } = await scheduled(box, batch(flag));
        expect(code).toBe(1);
        expect(stderr).toContain('Cannot set the scheduling policy to SCHED_BATCH: sched_setattr: EOPNOTSUPP');
        expect(stderr).toContain('/process/scheduler');
      },
    );
  });

  test('what the kernel refuses is told with its place', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      // The kernel reserves the number and implements no such policy.
      config.process.scheduler = { policy: 'SCHED_ISO' };
    });
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot set the scheduling policy to SCHED_ISO');
    expect(stderr).toContain('/process/scheduler');
  });

  test.runIf(needsBudget)('real time without run time of the cgroup is refused with a hint', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      config.process.scheduler = { policy: 'SCHED_FIFO', priority: 1 };
    });
    expect(code).toBe(1);
    expect(stderr).toContain('sched_setattr: EPERM');
    expect(stderr).toContain('realtimeRuntime');
  });
});

// Covers /process/ioPriority
describe('ioPriority', () => {
  test.for([
    ['IOPRIO_CLASS_RT', 0, 'realtime: prio 0'],
    ['IOPRIO_CLASS_RT', 7, 'realtime: prio 7'],
    ['IOPRIO_CLASS_BE', 2, 'best-effort: prio 2'],
    ['IOPRIO_CLASS_IDLE', 0, 'idle'],
  ] as const)('%s, level %i', async ([name, priority, shown], { box }) => {
    const { stdout } = await box.probe('ionice', (config) => {
      config.process.ioPriority = { class: name, priority };
    });
    expect(stdout.trim()).toBe(shown);
  });
});

// Covers /linux/memoryPolicy
describe('memoryPolicy', () => {
  const mapsWith = async (box: Box, memoryPolicy: MemoryPolicy) => {
    const { stdout, stderr } = await box.probe('', (config) => {
      config.process.args = ['cat', '/proc/self/numa_maps'];
      config.linux.memoryPolicy = memoryPolicy;
    });
    expect(stderr).toBe('');
    return stdout;
  };

  test.for<[MemoryPolicy, string]>([
    [{ mode: 'MPOL_BIND', nodes: '0' }, ' bind:0 '],
    [{ mode: 'MPOL_INTERLEAVE', nodes: '0' }, ' interleave:0 '],
    [{ mode: 'MPOL_WEIGHTED_INTERLEAVE', nodes: '0' }, ' weighted interleave:0 '],
    [{ mode: 'MPOL_PREFERRED', nodes: '0' }, ' prefer:0 '],
    [{ mode: 'MPOL_PREFERRED_MANY', nodes: '0' }, ' prefer (many):0 '],
    [{ mode: 'MPOL_PREFERRED' }, ' local '],
    [{ mode: 'MPOL_LOCAL' }, ' local '],
    [{ mode: 'MPOL_DEFAULT' }, ' default '],
    [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] }, ' bind=static:0 '],
    [{ mode: 'MPOL_INTERLEAVE', nodes: '0', flags: ['MPOL_F_RELATIVE_NODES'] }, ' interleave=relative:0 '],
    [{ mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_NUMA_BALANCING'] }, ' bind'],
  ])('%j', async ([policy, shown], { box }) => {
    expect(await mapsWith(box, policy)).toContain(shown);
  });

  test('of nodes that are not there is refused with its place', async ({ box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      config.linux.memoryPolicy = { mode: 'MPOL_BIND', nodes: '1000' };
    });
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot set the NUMA policy to MPOL_BIND: set_mempolicy: EINVAL');
    expect(stderr).toContain('/linux/memoryPolicy');
  });
});

describe('CPU affinity', () => {
  const cpus = '/proc/self/status';
  const allowed = (status: string) => /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1];
  const all = allowed(readFileSync(cpus, 'utf8'));
  const status: Patch = (config) => {
    config.process.args = ['cat', cpus];
  };

  test.skipIf(!hasCommand('taskset') || all === '0')(
    'the container has all CPUs of its cgroup, however few its runtime was started on',
    async ({ box }) => {
      const bundle = await box.bundle(status);
      const command = [runtime, '--root', box.root, 'run', '--bundle', bundle.path, box.id()];
      expect(allowed((await exec('taskset', ['-c', '0', ...command])).stdout)).toBe(all);
    },
  );

  test.skipIf(!hasCommand('taskset') || all === '0')('or those of its cpuset', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['cat', cpus];
      config.linux.resources = { cpu: { cpus: '1', mems: '0' } };
    });
    const command = [runtime, '--root', box.root, 'run', '--bundle', bundle.path, box.id()];
    expect(allowed((await exec('taskset', ['-c', '0-1', ...command])).stdout)).toBe('1');
  });

  test('execCPUAffinity does not touch the first process', async ({ box }) => {
    const { stdout } = await box.probe('', (config) => {
      config.process.args = ['cat', cpus];
      config.process.execCPUAffinity = { initial: '0', final: '0' };
    });
    expect(allowed(stdout)).toBe(all);
  });
});

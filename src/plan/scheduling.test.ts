import { describe, expect, test } from 'vitest';
import type { Process, Spec } from '../config/spec.ts';
import { planFinalAffinity, planInitialAffinity, planOwnAffinity } from './affinity.ts';
import { explainOp } from './explain.ts';
import { onV1, rootOnV1, withoutCgroup } from './fixtures.ts';
import { planMemoryPolicy } from './memory-policy.ts';
import { planScheduling, schedulerFlags, schedulerPolicies } from './scheduling.ts';

const spec = (process: Partial<Process>, linux: Spec['linux'] = {}): Spec => ({
  ociVersion: '1.3.0',
  process: { cwd: '/', ...process },
  linux,
});

test('each policy and flag of the scheduler has the number of linux/sched.h', () => {
  for (const [policy, number] of Object.entries(schedulerPolicies)) {
    const scheduler = { policy: policy as keyof typeof schedulerPolicies };
    expect(planScheduling(spec({ scheduler }))).toMatchObject([{ op: 'setScheduler', policy: number, flags: 0n }]);
  }
  const flags = Object.keys(schedulerFlags) as (keyof typeof schedulerFlags)[];
  expect(planScheduling(spec({ scheduler: { policy: 'SCHED_OTHER', flags } }))).toMatchObject([{ flags: 0x7fn }]);
});

test('a deadline is three times in nanoseconds', () => {
  const scheduler = { policy: 'SCHED_DEADLINE', runtime: 1e6, deadline: 5e6, period: 2 ** 53 } as const;
  expect(planScheduling(spec({ scheduler }))).toMatchObject([
    { policy: 6, runtime: 1_000_000n, deadline: 5_000_000n, period: 2n ** 53n, nice: 0, priority: 0 },
  ]);
});

test.each([
  ['IOPRIO_CLASS_RT', 7, 0x2007],
  ['IOPRIO_CLASS_BE', 0, 0x4000],
  ['IOPRIO_CLASS_IDLE', undefined, 0x6000],
] as const)('I/O priority %s %s', (name, priority, value) => {
  const ioPriority = priority === undefined ? { class: name } : { class: name, priority };
  expect(planScheduling(spec({ ioPriority }))).toMatchObject([{ op: 'setIoPriority', value }]);
});

describe('NUMA policy', () => {
  test.each([
    [{ mode: 'MPOL_DEFAULT' }, 0, [], 'set the NUMA policy to MPOL_DEFAULT'],
    [{ mode: 'MPOL_LOCAL', nodes: '' }, 4, [], 'set the NUMA policy to MPOL_LOCAL'],
    [{ mode: 'MPOL_PREFERRED' }, 1, [], 'set the NUMA policy to MPOL_PREFERRED'],
    [{ mode: 'MPOL_PREFERRED_MANY', nodes: '1' }, 5, [2], 'set the NUMA policy to MPOL_PREFERRED_MANY (nodes 1)'],
    [{ mode: 'MPOL_WEIGHTED_INTERLEAVE', nodes: '0,9' }, 6, [1, 2], undefined],
    [
      { mode: 'MPOL_INTERLEAVE', nodes: '2-3', flags: ['MPOL_F_STATIC_NODES'] },
      0x8003,
      [12],
      'set the NUMA policy to MPOL_INTERLEAVE (MPOL_F_STATIC_NODES, nodes 2 3)',
    ],
    [
      { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_NUMA_BALANCING', 'MPOL_F_RELATIVE_NODES'] },
      0x6002,
      [1],
      undefined,
    ],
  ] as const)('%j', (memoryPolicy, mode, nodes, words) => {
    const given = { ...memoryPolicy, flags: [...('flags' in memoryPolicy ? memoryPolicy.flags : [])] };
    const ops = planMemoryPolicy(spec({}, { memoryPolicy: given }));
    expect(ops).toEqual([{ op: 'setMemoryPolicy', mode, nodes: new Uint8Array(nodes), from: '/linux/memoryPolicy' }]);
    if (words !== undefined) expect(ops.map(explainOp)).toEqual([`${words}  [/linux/memoryPolicy]`]);
  });

  test('is not set unless there is a mode', () => {
    expect(planMemoryPolicy(spec({}, {}))).toEqual([]);
    expect(planMemoryPolicy(spec({}, { memoryPolicy: {} }))).toEqual([]);
  });
});

describe('affinity', () => {
  test('is that of the cgroup, where there is one', () => {
    const context = { spec: spec({}), host: rootOnV1 };
    const [op, ...others] = planOwnAffinity({ ...context, options: onV1 });
    expect(op).toMatchObject({ op: 'setAffinity', cpus: new Uint8Array() });
    expect(others).toEqual([]);
    expect(planOwnAffinity({ ...context, options: withoutCgroup })).toEqual([]);
  });

  test('of a further process is given for before and after it enters the cgroup', () => {
    const process = { cwd: '/', execCPUAffinity: { initial: '0', final: '1-2' } };
    expect([...planInitialAffinity(process), ...planFinalAffinity(process)].map(explainOp)).toEqual([
      'restrict the process to CPU 0  [/process/execCPUAffinity/initial]',
      'restrict the process to CPU 1 2  [/process/execCPUAffinity/final]',
    ]);
    expect(planInitialAffinity({ cwd: '/' })).toEqual([]);
    expect(planFinalAffinity({ cwd: '/' }).map(explainOp)).toEqual(['allow every CPU of the cgroup']);
  });
});

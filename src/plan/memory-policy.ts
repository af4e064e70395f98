import { mostNodes, parseIndexList } from '../config/index-list.ts';
import type { MemoryPolicyFlag, MemoryPolicyMode, Spec } from '../config/spec.ts';
import { refuse } from './context.ts';
import type { Op } from './ops.ts';

/** MPOL_* of linux/mempolicy.h. */
export const memoryPolicyModes = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const satisfies Record<MemoryPolicyMode, number>;

/** MPOL_F_* of linux/mempolicy.h, which travel with the mode. */
export const memoryPolicyFlags = {
  MPOL_F_NUMA_BALANCING: 0x2000,
  MPOL_F_RELATIVE_NODES: 0x4000,
  MPOL_F_STATIC_NODES: 0x8000,
} as const satisfies Record<MemoryPolicyFlag, number>;

/** NUMA policy of the program (config-linux.md "Memory policy"). */
export function planMemoryPolicy({ linux }: Spec): readonly Op[] {
  const { mode, nodes = '', flags = [] } = linux?.memoryPolicy ?? {};
  if (mode === undefined) return [];
  const bits = flags.reduce<number>((sum, flag) => sum | memoryPolicyFlags[flag], memoryPolicyModes[mode]);
  return [{ op: 'setMemoryPolicy', mode: bits, nodes: nodeMask(nodes), from: '/linux/memoryPolicy' }];
}

function nodeMask(text: string): Uint8Array {
  const list = parseIndexList(text, mostNodes);
  if ('mask' in list) return list.mask;
  return refuse('CONFIG_INVALID', '/linux/memoryPolicy/nodes', `The list of memory nodes "${text}" ${list.wrong}`);
}

/** Rules about the NUMA policy: config-linux.md "Memory policy" and set_mempolicy(2). */
import { mostNodes, parseIndexList } from '../index-list.ts';
import type { MemoryPolicy, MemoryPolicyMode } from '../spec.ts';
import { quoted, type Report, type Rule } from './helpers.ts';

const withoutNodes: readonly MemoryPolicyMode[] = ['MPOL_DEFAULT', 'MPOL_LOCAL'];
/** MPOL_PREFERRED takes nodes, or none, which means the local one. */
const withNodes: readonly MemoryPolicyMode[] = [
  'MPOL_BIND',
  'MPOL_INTERLEAVE',
  'MPOL_WEIGHTED_INTERLEAVE',
  'MPOL_PREFERRED_MANY',
];

export const memoryPolicyRule: Rule = ({ linux }, report) => {
  const policy = linux?.memoryPolicy;
  if (policy === undefined) return;
  const { mode, nodes = '', flags = [] } = policy;
  if (mode === undefined) {
    if (nodes !== '' || flags.length > 0) report.mistake('/linux/memoryPolicy', 'The memory policy has no mode');
    return;
  }
  checkNodes(report, mode, nodes);
  checkFlags(report, mode, policy);
};

function checkNodes(report: Report, mode: MemoryPolicyMode, nodes: string): void {
  const pointer = '/linux/memoryPolicy/nodes';
  const list = parseIndexList(nodes, mostNodes);
  if ('wrong' in list) report.mistake(pointer, `The list of memory nodes ${quoted(nodes)} ${list.wrong}`);
  else if (nodes !== '' && withoutNodes.includes(mode)) report.mistake(pointer, `${mode} takes no nodes`);
  else if (nodes === '' && withNodes.includes(mode)) {
    report.mistake('/linux/memoryPolicy', `${mode} needs nodes`, 'Add nodes, such as "0-1".');
  }
}

function checkFlags(report: Report, mode: MemoryPolicyMode, { flags = [], nodes = '' }: MemoryPolicy): void {
  const pointer = '/linux/memoryPolicy/flags';
  if (flags.includes('MPOL_F_STATIC_NODES') && flags.includes('MPOL_F_RELATIVE_NODES')) {
    report.mistake(pointer, 'MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other');
  }
  const numbering = flags.find((flag) => flag !== 'MPOL_F_NUMA_BALANCING');
  if (numbering !== undefined && nodes === '' && !withNodes.includes(mode)) {
    report.mistake(pointer, `${numbering} speaks of nodes, but there are none`);
  }
}

/** linux.resources.network (config-linux.md "Network"): marks on packets, which v2 leaves to nftables and BPF. */
import { type Controller, digits, isSet, pointer, unsupported, v1Only, type Write } from './write.ts';

const hint = 'On cgroup v2 nftables and BPF programs match the cgroup itself.';

export const network: Controller = ({ network: wanted }, layout) => {
  if (!wanted) return [];
  const { classID, priorities = [] } = wanted;
  const writes: Write[] = [];
  if (isSet(classID)) {
    const from = pointer('network', 'classID');
    writes.push({ controller: 'net_cls', file: 'net_cls.classid', value: digits(classID), from });
  }
  for (const [index, { name, priority }] of priorities.entries()) {
    writes.push({
      controller: 'net_prio',
      file: 'net_prio.ifpriomap',
      value: `${name} ${priority}`,
      from: pointer('network', 'priorities', index),
      former: { kind: 'line', none: '0' },
    });
  }
  const [first] = writes;
  if (layout === 'v2' && first !== undefined) throw unsupported(first.from, v1Only, hint);
  return writes;
};

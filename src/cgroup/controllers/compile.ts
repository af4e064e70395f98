/** All controllers in the order in which their writes are made. A new knob is one line in one of them. */
import type { Resources } from '../../config/spec.ts';
import { blockIo } from './block-io.ts';
import { cpu } from './cpu.ts';
import { cpuset } from './cpuset.ts';
import { devices } from './devices.ts';
import { hugetlb } from './hugetlb.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { pids } from './pids.ts';
import { rdma } from './rdma.ts';
import { unified, unifiedFields, withoutUnified } from './unified.ts';
import { type Controller, isLost, type Layout, type Write } from './write.ts';

/** `unified` comes last: it is the most exact, so it wins over what the others derived. */
const limits: readonly Controller[] = [cpu, cpuset, memory, pids, blockIo, hugetlb, network, rdma, unified];

/** The writes that limit; devices are not among them. @throws TsruncError UNSUPPORTED, CONFIG_INVALID */
export function limitWrites(resources: Resources, layout: Layout): Write[] {
  return limits.flatMap((controller) => controller(resources, layout));
}

/** The writes for device access; none on v2, where a program decides (device-program.ts). */
export function accessWrites(resources: Resources, layout: Layout): Write[] {
  return devices(resources, layout);
}

/**
 * JSON pointers of the fields that ask for more than what holds without any cgroup, device rules aside.
 * @param layout what this has not is an error, as it is where there is a cgroup; but for `unified` v1 has everything
 * @throws TsruncError UNSUPPORTED, CONFIG_INVALID
 */
export function askedLimits(resources: Resources, layout: Layout): string[] {
  const writes = limitWrites(layout === 'v1' ? withoutUnified(resources) : resources, layout);
  const fields = writes.filter(isLost).flatMap(({ from, also }) => (also === undefined ? [from] : [from, also]));
  return [...new Set([...fields, ...unifiedFields(resources)])];
}

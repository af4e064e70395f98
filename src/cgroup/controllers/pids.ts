/** linux.resources.pids (config-linux.md "PIDs"): the same file in v1 and v2. */
import { type Controller, digits, pointer, write } from './write.ts';

/**
 * -1 is no limit. 0 is a real limit since spec 1.3: no process besides the first. It is written as 1, which the kernel
 * takes for the same once the first process is in: with 0, clone3 into the cgroup would refuse that one too.
 */
export const pids: Controller = ({ pids: wanted }) => {
  const limit = wanted?.limit;
  if (limit === undefined || limit === null) return [];
  const value = limit < 0 ? 'max' : digits(Math.max(limit, 1));
  return [write('pids', 'pids.max', value, pointer('pids', 'limit'))];
};

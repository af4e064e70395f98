/** linux.resources.cpu.cpus and mems: lists such as "0-3,7", the same files in v1 and v2. */
import { type Controller, pointer, type Write } from './write.ts';

export const cpuset: Controller = ({ cpu }) => {
  const to = (field: 'cpus' | 'mems'): Write[] => {
    const value = cpu?.[field];
    return value ? [{ controller: 'cpuset', file: `cpuset.${field}`, value, from: pointer('cpu', field) }] : [];
  };
  return [...to('cpus'), ...to('mems')];
};

import { mostCpus, parseIndexList } from '../config/index-list.ts';
import type { Process } from '../config/spec.ts';
import { type Context, refuse } from './context.ts';
import type { Op } from './ops.ts';

const everyCpu = new Uint8Array();

/**
 * A container runs on all CPUs of its cgroup, however few its runtime was started on: since Linux 6.2 a process keeps the
 * affinity that it was once given also where it enters another cpuset. Without a cgroup of its own it is left as it is.
 */
export const planOwnAffinity = ({ options }: Context): readonly Op[] =>
  options.cgroup.kind === 'none' ? [] : [{ op: 'setAffinity', cpus: everyCpu, from: '' }];

/** Of a further process, before it enters the container's cgroup (config.md "Linux Process", execCPUAffinity). */
export function planInitialAffinity({ execCPUAffinity: { initial = '' } = {} }: Process): readonly Op[] {
  if (initial === '') return [];
  const from = '/process/execCPUAffinity/initial';
  return [{ op: 'setAffinity', cpus: cpuMask(initial, from), from }];
}

/** Of a further process, once it is in the container's cgroup; without `final`: all CPUs of the cgroup. */
export function planFinalAffinity({ execCPUAffinity: { final = '' } = {} }: Process): readonly Op[] {
  const from = '/process/execCPUAffinity/final';
  return final === ''
    ? [{ op: 'setAffinity', cpus: everyCpu, from: '' }]
    : [{ op: 'setAffinity', cpus: cpuMask(final, from), from }];
}

function cpuMask(text: string, pointer: string): Uint8Array {
  const list = parseIndexList(text, mostCpus);
  return 'mask' in list ? list.mask : refuse('CONFIG_INVALID', pointer, `The list of CPUs "${text}" ${list.wrong}`);
}

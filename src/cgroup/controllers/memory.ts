/** linux.resources.memory (config-linux.md "Memory"); all limits in bytes. */
import type { Memory } from '../../config/spec.ts';
import { type Controller, digits, invalid, isSet, pointer, unsupported, v1Only, type Write, write } from './write.ts';

export const memory: Controller = ({ memory: wanted }, layout) => {
  if (!wanted) return [];
  return layout === 'v1' ? memoryV1(wanted) : memoryV2(wanted);
};

const at = (field: keyof Memory): string => pointer('memory', field);

const to = (file: string, field: keyof Memory, value: string): Write => write('memory', file, value, at(field));

function memoryV1(wanted: Memory): Write[] {
  const { limit, reservation, kernel, kernelTCP, swappiness, disableOOMKiller, useHierarchy } = wanted;
  // Lifting the limit alone would leave the one of memory + swap in force.
  const swap = limit === -1 && !isSet(wanted.swap) ? -1 : wanted.swap;
  const writes: Write[] = [];
  if (useHierarchy !== undefined) writes.push(flag('memory.use_hierarchy', 'useHierarchy', useHierarchy, true));
  // The kernel demands limit <= memsw at every moment: raising needs the other order than lowering, which retry finds.
  if (isSet(limit)) {
    const usage = 'memory.usage_in_bytes';
    writes.push({ ...to('memory.limit_in_bytes', 'limit', digits(limit)), retry: true, usage });
  }
  if (isSet(swap)) writes.push(swapV1(swap, isSet(wanted.swap)));
  if (isSet(reservation)) writes.push(to('memory.soft_limit_in_bytes', 'reservation', digits(reservation)));
  if (isSet(kernel)) writes.push({ ...to('memory.kmem.limit_in_bytes', 'kernel', digits(kernel)), mayBeGone: true });
  if (isSet(kernelTCP)) writes.push(to('memory.kmem.tcp.limit_in_bytes', 'kernelTCP', digits(kernelTCP)));
  if (swappiness !== undefined) writes.push(to('memory.swappiness', 'swappiness', digits(swappiness)));
  if (disableOOMKiller !== undefined)
    writes.push({ ...flag('memory.oom_control', 'disableOOMKiller', disableOOMKiller, false), former: oomKillDisable });
  return writes;
}

const oomKillDisable = { kind: 'key', key: 'oom_kill_disable' } as const;

/** @param usual what holds without the write */
function flag(file: string, field: keyof Memory, value: boolean, usual: boolean): Write {
  const asked = to(file, field, value ? '1' : '0');
  return value === usual ? { ...asked, ifMissing: 'skip' } : asked;
}

function swapV1(swap: number, asked: boolean): Write {
  const usage = 'memory.memsw.usage_in_bytes';
  return { ...to('memory.memsw.limit_in_bytes', asked ? 'swap' : 'limit', digits(swap)), retry: true, usage };
}

function memoryV2(wanted: Memory): Write[] {
  refuseV1Only(wanted);
  const { limit, reservation, checkBeforeUpdate } = wanted;
  const swap = swapV2(wanted);
  const writes: Write[] = [];
  if (isSet(limit)) {
    const asked = { ...to('memory.max', 'limit', orMax(limit)), usage: 'memory.current' };
    // v1 answers EBUSY to a limit below the usage; v2 takes it and kills, unless somebody looks first.
    writes.push(checkBeforeUpdate && limit > 0 ? { ...asked, aboveUsage: true } : asked);
  }
  if (swap !== undefined) writes.push(swap);
  if (isSet(reservation)) writes.push(to('memory.low', 'reservation', orMax(reservation)));
  return writes;
}

/** v1 limits memory + swap, v2 swap alone. */
function swapV2({ limit, swap }: Memory): Write | undefined {
  const file = 'memory.swap.max';
  if (!isSet(swap)) return limit === -1 ? to(file, 'limit', 'max') : undefined;
  if (swap === -1) return to(file, 'swap', 'max');
  if (!isSet(limit) || limit < 0)
    throw invalid(at('swap'), 'memory.swap needs a memory.limit: it limits memory and swap together');
  if (swap < limit)
    throw invalid(
      at('swap'),
      `memory.swap (${swap}) is below memory.limit (${limit}): it limits memory and swap together`,
    );
  const asked = { ...to(file, 'swap', digits(swap - limit)), also: at('limit') };
  // Where swap is not counted there is none to forbid.
  return swap === limit ? { ...asked, ifMissing: 'uncounted' } : asked;
}

function refuseV1Only({ kernel, kernelTCP, swappiness, disableOOMKiller, useHierarchy }: Memory): void {
  // "No limit" is what v2 has.
  if (isSet(kernel) && kernel !== -1)
    throw unsupported(at('kernel'), v1Only, 'On v2 memory.limit includes the kernel memory.');
  if (isSet(kernelTCP) && kernelTCP !== -1)
    throw unsupported(at('kernelTCP'), v1Only, 'On v2 memory.limit includes socket buffers.');
  if (swappiness !== undefined) throw unsupported(at('swappiness'), v1Only);
  if (disableOOMKiller) throw unsupported(at('disableOOMKiller'), v1Only);
  if (useHierarchy === false) throw unsupported(at('useHierarchy'), 'cgroup v2 always counts hierarchically');
}

const orMax = (value: number): string => (value === -1 ? 'max' : digits(value));

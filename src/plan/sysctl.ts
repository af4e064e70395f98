import { sysctlPath } from '../config/sysctl.ts';
import { type Context, pointerToken, refuse } from './context.ts';
import type { Op } from './ops.ts';

/**
 * Kernel parameters of the container's namespaces, in the order of config.json (config-linux.md "Sysctl"). After the hooks, which
 * may make the network devices, and before /proc/sys becomes read-only: a confined runtime has no other way to them.
 */
export const planSysctl = ({ spec }: Context): readonly Op[] =>
  Object.entries(spec.linux?.sysctl ?? {}).map(([name, value]) => {
    const from = `/linux/sysctl/${pointerToken(name)}`;
    const path = sysctlPath(name) ?? refuse('CONFIG_INVALID', from, `"${name}" is not the name of a kernel parameter`);
    // A write of nothing changes nothing: a line without a value is how lists of the kernel are emptied, and else refused.
    return { op: 'setSysctl', path, value: value === '' ? '\n' : value, from };
  });

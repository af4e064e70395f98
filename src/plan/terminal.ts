import type { Context } from './context.ts';
import { isBoundDev } from './devices.ts';
import type { Op } from './ops.ts';
import { hasOwnMounts } from './rootfs.ts';

/** After the change of root: the terminal must be one of the container's own devpts (CVE-2025-52565). */
export function planTerminal(context: Context): readonly Op[] {
  const { process } = context.spec;
  if (process?.terminal !== true) return [];
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  // A /dev of the host is not to be given a file for it.
  const bindConsole = hasOwnMounts(context) ? (isBoundDev(context) ? 2 : 1) : 0;
  return [{ op: 'openConsole', width, height, uid: process.user?.uid ?? 0, bindConsole, from: '/process/terminal' }];
}

import type { Context } from './context.ts';
import { hasOwnMounts } from './namespaces.ts';
import type { Op } from './ops.ts';

/**
 * After the change of root: the terminal must be one of the container's own devpts (CVE-2025-52565).
 * @param devIsBound a /dev of the host, which is not to be given a file for it
 */
export const planTerminal = (context: Context, devIsBound: boolean): readonly Op[] =>
  openConsole(context, hasOwnMounts(context) ? (devIsBound ? 2 : 1) : 0);

/** /dev/console is that of the container's own program. */
export const planFurtherTerminal = (context: Context): readonly Op[] => openConsole(context, 0);

function openConsole({ spec: { process } }: Context, bindConsole: number): readonly Op[] {
  if (process?.terminal !== true) return [{ op: 'adoptNull', from: '' }];
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  return [{ op: 'openConsole', width, height, uid: process.user?.uid ?? 0, bindConsole, from: '/process/terminal' }];
}

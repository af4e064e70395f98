/** The engines that the tests start: the host's own, or those of a tree like /usr that TSRUNC_ENGINES names (scripts/engines.mjs). */
import { execFileSync } from 'node:child_process';
import { layOver, under } from '../../scripts/engines.mjs';

const tree = process.env.TSRUNC_ENGINES;

/** Shell commands for a private mount namespace, before anything is started there. */
export const layEngines: readonly string[] = tree === undefined ? [] : [layOver(tree)];

/** What an engine says of itself. @param engine "containerd" */
export const versionOf = (engine: string): string => {
  const [command = '', ...words] = [...(tree === undefined ? [] : under(tree)), engine, '--version'];
  return execFileSync(command, words, { encoding: 'utf8' });
};

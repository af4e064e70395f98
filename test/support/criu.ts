/** criu on this host. */
import { execFileSync, spawnSync } from 'node:child_process';
import { searchPathOf } from '../../src/criu/find.ts';
import { isRoot } from './host.ts';

/** For starting it. */
export const criuEnvironment = { ...process.env, PATH: searchPathOf(process.env.PATH) };

/** Why nothing can be checkpointed here; undefined where it can. */
export const withoutCriu = ((): string | undefined => {
  if (!isRoot) return 'criu needs root';
  const { status, error, stderr } = spawnSync('criu', ['check'], { env: criuEnvironment, encoding: 'utf8' });
  if (error !== undefined) return 'criu is not installed';
  return status === 0 ? undefined : `criu does not work on this host: ${stderr.trim().split('\n').at(-1)}`;
})();

/** Whether this kernel has a feature of `criu check --feature`. */
export const criuHas = (feature: string): boolean =>
  withoutCriu === undefined &&
  spawnSync('criu', ['check', '--feature', feature], { env: criuEnvironment }).status === 0;

/** "4.1.1" */
export const criuVersion = (): string =>
  /\d[\d.]*/.exec(execFileSync('criu', ['--version'], { env: criuEnvironment, encoding: 'utf8' }))?.[0] ?? '';

/** criu on this host: its own, or the one that scripts/criu.mjs has fetched; whatever the tests start finds it in PATH. */
import { execFileSync, spawnSync } from 'node:child_process';
import { workingCriu } from '../../scripts/criu.mjs';
import { searchPathOf } from '../../src/criu/find.ts';

const { path, reason } = workingCriu(searchPathOf(process.env.PATH));
if (path !== undefined) process.env.PATH = path;

/** For starting it. */
export const criuEnvironment = { ...process.env, PATH: searchPathOf(process.env.PATH) };

/** Why nothing can be checkpointed here; undefined where it can. */
export const withoutCriu = reason;

/** Whether this kernel has a feature of `criu check --feature`. */
export const criuHas = (feature: string): boolean =>
  withoutCriu === undefined &&
  spawnSync('criu', ['check', '--feature', feature], { env: criuEnvironment }).status === 0;

/** "4.1.1" */
export const criuVersion = (): string =>
  /\d[\d.]*/.exec(execFileSync('criu', ['--version'], { env: criuEnvironment, encoding: 'utf8' }))?.[0] ?? '';

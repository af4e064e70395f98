/** criu on this host: its own, or the one that scripts/criu.mjs has fetched; whatever the tests start finds it in PATH. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { workingCriu } from '../../scripts/criu.mjs';
import { searchPathOf } from '../../src/criu/find.ts';

const own = searchPathOf(process.env.PATH);
const { path = own, reason } = workingCriu(own);
process.env.PATH = path;

/** What a PATH has to begin with: "/a/directory:", or nothing where the host's own criu works. */
export const criuPrefix = path.slice(0, -own.length);

/** For starting it. */
export const criuEnvironment = { ...process.env };

/** Why nothing can be checkpointed here; undefined where it can. */
export const withoutCriu = reason;

/** Whether this kernel has a feature of `criu check --feature`. */
export const criuHas = (feature: string): boolean =>
  withoutCriu === undefined &&
  spawnSync('criu', ['check', '--feature', feature], { env: criuEnvironment }).status === 0;

/** Bytes of the pipe from which criu serves pages. */
const pipeOfPages = 3_354_624;
const CAP_SYS_RESOURCE = 24n;

/** Whether criu may make it: its failure to do so shows only when the first page is asked for. */
export const criuServesPages = ((): boolean => {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const mayExceed = ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
  return mayExceed || Number(readFileSync('/proc/sys/fs/pipe-max-size', 'utf8')) >= pipeOfPages;
})();

/** "4.1.1" */
export const criuVersion = (): string =>
  /\d[\d.]*/.exec(execFileSync('criu', ['--version'], { env: criuEnvironment, encoding: 'utf8' }))?.[0] ?? '';

import { arch } from 'node:os';
import type { Seccomp, Spec } from '../config/spec.ts';
import { commit, version } from '../generated/version.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Logger } from '../log/logger.ts';
import type { Native } from '../native/native.ts';
import { filterFlags } from '../plan/seccomp.ts';
import { cachedFilter, type FilterCache, storeFilter } from '../seccomp/cache.ts';
import { exactIntegers } from '../seccomp/exact.ts';
import type { ExactIntegers } from '../seccomp/profile.ts';

export interface FilterRequestOptions {
  readonly spec: Spec;
  /** The text of the configuration. */
  readonly text: () => string;
  readonly host: HostFacts;
  readonly native: Native;
  /** The state root, where compiled filters are kept. */
  readonly root: string;
  readonly log: Logger;
}

/**
 * The program of the container's filter of system calls: from the cache, or compiled and put there. A cache that cannot be
 * used costs time and nothing else.
 *
 * @throws TsruncError CONFIG_INVALID, UNSUPPORTED
 */
export async function filterOf(options: FilterRequestOptions): Promise<Uint8Array | undefined> {
  const { spec, log, native, root } = options;
  const seccomp = spec.linux?.seccomp;
  if (seccomp === undefined) return undefined;
  log.debug('seccomp', `seccomp filter flags: ${filterFlags(seccomp)}`);
  const exact = exactIntegers(seccomp, options.text);
  const text = cacheText(seccomp, exact, options);
  const cache: FilterCache = { root, native };
  return (
    unlessFailing(log, () => cachedFilter(cache, text)) ?? (await compile({ seccomp, exact, text, cache }, options))
  );
}

/** All that the program depends on. */
function cacheText(seccomp: Seccomp, exact: ExactIntegers, { native, host }: FilterRequestOptions): string {
  const { listenerPath: _path, listenerMetadata: _metadata, flags: _flags, ...profile } = seccomp;
  const bits = [...exact].map(([pointer, value]) => [pointer, String(value)]);
  const makers = [version, commit, native.libseccompVersion, host.kernel.release, arch()];
  return JSON.stringify([makers, bits, profile]);
}

interface Missing {
  readonly seccomp: Seccomp;
  readonly exact: ExactIntegers;
  readonly text: string;
  readonly cache: FilterCache;
}

async function compile(
  { seccomp, exact, text, cache }: Missing,
  { native, log }: FilterRequestOptions,
): Promise<Uint8Array> {
  const { compileFilter } = await import('../seccomp/compile.ts');
  const { program, unknown } = compileFilter({ seccomp, exact, machine: arch() }, native);
  if (unknown.length > 0)
    log.debug('seccomp', `no rule for system calls that libseccomp does not know: ${unknown.join(' ')}`);
  unlessFailing(log, () => storeFilter(cache, text, program));
  return program;
}

function unlessFailing<T>(log: Logger, use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    log.debug('seccomp', `the cache of filters is not used: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** The program of syscall.c for containers. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Seccomp } from '../../src/config/spec.ts';
import type { Box, Bundle, Patch } from './box.ts';
import { repository } from './host.ts';

const program = join(repository, 'build', `syscall-${process.pid}`);

/** Compile the program for the tests of this file. */
export function useSyscalls(): void {
  beforeAll(() => {
    execFileSync('musl-gcc', ['-static', '-O1', '-s', '-o', program, join(import.meta.dirname, 'syscall.c')]);
  });
  afterAll(() => rmSync(program, { force: true }));
}

/** A bundle that makes the calls under the profile and prints one word for each. */
export async function callingBundle(
  box: Box,
  seccomp: Seccomp | undefined,
  words: readonly string[],
  patch?: Patch,
): Promise<Bundle> {
  const bundle = await box.bundle((config) => {
    config.process.args = ['/bin/syscall', ...words];
    if (seccomp !== undefined) config.linux.seccomp = seccomp;
    return patch?.(config);
  });
  copyFileSync(program, join(bundle.rootfs, 'bin/syscall'));
  return bundle;
}

/** What the calls give: the words, or how the container ended otherwise. */
export async function outcomeOfCalls(
  box: Box,
  seccomp: Seccomp | undefined,
  words: readonly string[],
  patch?: Patch,
): Promise<string> {
  const { code, signal, stdout, stderr } = await box.run(await callingBundle(box, seccomp, words, patch));
  return code === 0 ? stdout.trim() : `exit ${code ?? signal}${stderr === '' ? '' : `: ${stderr.trim()}`}`;
}

/** The program of deny.c: a kernel that lacks some system calls, or refuses them. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Box, Outcome } from './box.ts';
import { repository, runtime } from './host.ts';
import { exec, patient } from './process.ts';

const program = join(repository, 'build', `deny-${process.pid}`);

/** Compile the program for the tests of this file. */
export function useDeny(): void {
  beforeAll(() => {
    execFileSync('cc', ['-O1', '-o', program, join(import.meta.dirname, 'deny.c')]);
  }, patient(30_000));
  afterAll(() => rmSync(program, { force: true }));
}

/** The runtime where some calls are denied, each in the words of deny.c: "clone3=38". */
export const denying = (box: Box, denied: readonly string[], words: readonly string[]): Promise<Outcome> =>
  exec(program, [...denied, '--', runtime, '--root', box.root, ...words]);

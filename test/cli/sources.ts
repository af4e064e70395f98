/** Run the command line from its sources, for what needs neither addon nor executable. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from 'vitest';
import { repository } from '../support/host.ts';
import { type ExecOptions, exec, type Outcome } from '../support/process.ts';

export const bun = join(repository, 'node_modules/.bin/bun');
export const main = join(repository, 'src/main.ts');

export const tsrunc = (args: readonly string[], options: ExecOptions = {}): Promise<Outcome> =>
  exec(bun, [main, ...args], options);

/** A test with a folder of its own. */
export const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of the fixtures that are used from this pattern
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'tsrunc-test-cli-'));
    await use(folder);
    rmSync(folder, { recursive: true });
  },
});

/** Our default configuration against that of runc. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Spec } from '../../src/config/spec.ts';
import { hasCommand } from '../support/host.ts';
import { output } from '../support/process.ts';
import { test, tsrunc } from './sources.ts';

/** The differences that we want; everything else has to be equal. */
function withOurChoices(theirs: Spec, ours: Spec): Spec {
  const { ambient: _, ...capabilities } = theirs.process?.capabilities ?? {};
  return {
    ...theirs,
    ociVersion: ours.ociVersion,
    hostname: 'tsrunc',
    // Ambient capabilities that are not inheritable cannot be raised (capabilities(7)); newer runc dropped them as well.
    ...(theirs.process === undefined ? {} : { process: { ...theirs.process, capabilities } }),
  };
}

describe.skipIf(!hasCommand('runc'))('spec writes what runc spec writes', () => {
  test.for([{ options: [] }, { options: ['--rootless'] }])('$options', async ({ options }, { folder }) => {
    const file = join(folder, 'config.json');
    await output('runc', ['spec', '--bundle', folder, ...options]);
    const theirs: Spec = JSON.parse(readFileSync(file, 'utf8'));
    rmSync(file);
    expect((await tsrunc(['spec', '--bundle', folder, ...options])).code).toBe(0);
    const text = readFileSync(file, 'utf8');
    const ours: Spec = JSON.parse(text);
    expect(ours).toEqual(withOurChoices(theirs, ours));
    expect(text).toMatch(/^\{\n\t"ociVersion": "1\.3\.0",\n\t"process": \{\n\t\t"terminal": true,/);
  });
});

/** The verb spec; our default configuration against that of runc. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Spec } from '../../src/config/spec.ts';
import { hasCommand, isRoot } from '../support/host.ts';
import { exec, output } from '../support/process.ts';
import { bun, main, test, tsrunc } from './sources.ts';

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

describe('--config names the file', () => {
  test('in the bundle, or anywhere', async ({ folder }) => {
    expect((await tsrunc(['spec', '--bundle', folder, '--config', 'other.json'])).code).toBe(0);
    expect(readdirSync(folder)).toEqual(['other.json']);
    expect((await tsrunc(['spec', '-f', join(folder, 'third.json')])).code).toBe(0);
    expect(readdirSync(folder)).toEqual(['other.json', 'third.json']);
    const again = await tsrunc(['spec', '-b', folder, '-f', 'other.json']);
    expect(again.stderr).toContain(`file "${folder}/other.json" exists`);
  });
});

describe('a file that cannot be written', () => {
  test('says which folder has to be made', async ({ folder }) => {
    const { code, stderr } = await tsrunc(['spec', '-b', join(folder, 'missing')]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Hint: Make the folder first: mkdir ${folder}/missing\n`);
  });

  test.skipIf(!isRoot || !hasCommand('unshare'))('leaves nothing on a full disk', async ({ folder }) => {
    const script = `mount -t tmpfs -o size=4k none "$0" && cd "$0" && echo x > filler && "$1" "$2" spec; echo $?; ls`;
    const { stdout, stderr } = await exec('unshare', ['--mount', 'sh', '-c', script, folder, bun, main]);
    expect(stdout).toBe('1\nfiller\n');
    expect(stderr).toContain(`cannot write "${folder}/config.json": ENOSPC`);
  });
});

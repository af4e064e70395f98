/** `features`: what engines decide by, compared with what the installed runc says of itself. */
import { describe } from 'vitest';
import { exec, expect, test } from './support/box.ts';
import { hasCommand } from './support/host.ts';

type Json = { readonly [key: string]: unknown };

/** Every path of keys in a document, "linux.cgroup.v1". */
const paths = (value: unknown, prefix = ''): string[] =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? [prefix]
    : Object.entries(value).flatMap(([key, member]) => paths(member, prefix === '' ? key : `${prefix}.${key}`));

const at = (document: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Json | undefined)?.[key], document);

test('is one JSON document, indented by four blanks', async ({ box }) => {
  const { stdout } = await box.ok('features');
  expect(stdout).toBe(`${JSON.stringify(JSON.parse(stdout), null, 4)}\n`);
});

describe.skipIf(!hasCommand('runc'))('beside runc', () => {
  const both = async (box: { ok: (...words: string[]) => Promise<{ stdout: string }> }) => ({
    ours: JSON.parse((await box.ok('features')).stdout) as Json,
    theirs: JSON.parse((await exec('runc', ['features'])).stdout) as Json,
  });

  test('has every key, in the same order', async ({ box }) => {
    const { ours, theirs } = await both(box);
    // The annotations are each runtime's own.
    const known = paths({ ...theirs, annotations: {} });
    const own = paths({ ...ours, annotations: {} });
    expect(own.filter((path) => known.includes(path))).toEqual(known);
  });

  test('knows everything that it knows', async ({ box }) => {
    const { ours, theirs } = await both(box);
    // Options of file systems, which are passed on to them; and runc keeps the bundle among the annotations, which may replace it.
    const ofNoConcern = ['acl', 'noacl', 'bundle'];
    for (const path of paths(theirs).filter((each) => Array.isArray(at(theirs, each)))) {
      const missing = (at(theirs, path) as string[]).filter((name) => !(at(ours, path) as string[]).includes(name));
      expect({ path, missing: missing.filter((name) => !ofNoConcern.includes(name)) }).toEqual({ path, missing: [] });
    }
  });
});

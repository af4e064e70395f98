/**
 * Our schema against that of the runtime-spec, over its own samples and over generated configurations. The upstream schema
 * is no part of this repository: TSRUNC_UPSTREAM_SCHEMA names its directory, ../shared/runtime-spec-schema is the default,
 * and without it these tests are skipped. Every difference must stand in the tables below, with its reason.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { pointerParts } from '../../src/config/position.ts';
import { validateConfig } from '../../src/config/validate.ts';
import { validate as explain } from '../../src/generated/explain-config.ts';
import { validate as validateFeatures } from '../../src/generated/validate-features.ts';
import { validate as validateState } from '../../src/generated/validate-state.ts';
import { configurations } from './generated.ts';

vi.setConfig({ testTimeout: 60_000 });

const directory =
  process.env.TSRUNC_UPSTREAM_SCHEMA ?? join(import.meta.dirname, '../../../shared/runtime-spec-schema');

/** Where our schema refuses what the upstream one takes. */
const stricter: Readonly<Record<string, string>> = {
  '/process/consoleSize/height': 'the kernel has 16 bits for it',
  '/process/consoleSize/width': 'the kernel has 16 bits for it',
  '/process/oomScoreAdj': 'the kernel refuses values outside -1000 to 1000',
  '/process/user/uid': '2^32-1 is no id: setresuid(2) and chown(2) take it for "unchanged"',
  '/process/user/gid': '2^32-1 is no id: setresuid(2) and chown(2) take it for "unchanged"',
  '/process/user/additionalGids/*': '2^32-1 is no id: setresuid(2) and chown(2) take it for "unchanged"',
  '/linux/devices/*/uid': '2^32-1 is no id: setresuid(2) and chown(2) take it for "unchanged"',
  '/linux/devices/*/gid': '2^32-1 is no id: setresuid(2) and chown(2) take it for "unchanged"',
  '/process/user/umask': 'the kernel cuts off all but nine bits',
  '/process/ioPriority/priority': 'there are eight levels',
  '/process/rlimits/*/type': 'an unknown resource MUST be an error (config.md "POSIX process")',
  '/linux/resources/devices/*/type': 'there are no other types of rules (config-linux.md "Allowed Device list")',
  '/linux/resources/devices/*/access': 'there is no other access than r, w and m',
  '/linux/resources/memory/swappiness': 'the kernel refuses values above 200',
  '/linux/seccomp/syscalls/*/args/*/index': 'system calls have six arguments',
  '/linux/timeOffsets/boottime/nanosecs': 'the kernel refuses a second and more',
  '/linux/timeOffsets/monotonic/nanosecs': 'the kernel refuses a second and more',
  '/hooks/*/*/timeout': 'more milliseconds than 32 bits hold cannot be waited for',
  '/annotations/*': 'values of an empty name are checked too',
  '/linux/sysctl/*': 'values of an empty name are checked too',
  '/linux/resources/unified/*': 'values of an empty name are checked too',
};

/** Where our schema takes what the upstream one refuses. */
const laxer: Readonly<Record<string, string>> = {
  '/linux/devices/*/fileMode': 'clients send the bits of the file type along, and Go programs set-id and sticky bits',
  '/linux/resources/pids': 'limit: since 1.3 Go clients leave it out for "unset"',
  '/linux/rootfsPropagation': 'runc takes the recursive forms, and clients send them',
  '/windows': 'settings of other platforms are not looked into',
  '/vm': 'settings of other platforms are not looked into',
};

const load = (...path: string[]): unknown => JSON.parse(readFileSync(join(directory, ...path), 'utf8'));

function upstreamValidator(name: string): ValidateFunction {
  // The dialect is draft-04; what these schemas use of it means the same in later ones.
  const ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false });
  for (const file of readdirSync(directory).filter((entry) => entry.endsWith('.json'))) {
    const { $schema: _, ...schema } = load(file) as AnySchemaObject;
    ajv.addSchema(schema, file);
  }
  const validator = ajv.getSchema(name);
  if (validator === undefined) throw new Error(`no schema ${name}`);
  return validator;
}

/** Pointers of the mistakes with * for indices and for names that are data. */
function places(errors: readonly Pick<ErrorObject, 'instancePath' | 'keyword'>[] | null | undefined): Set<string> {
  const general = (pointer: string): string => {
    const parts = pointerParts(pointer).map((part) => (/^\d+$/.test(part) ? '*' : part));
    if (parts[0] === 'hooks' && parts.length > 1) parts[1] = '*';
    if (['annotations', 'rdma', 'netDevices', 'sysctl', 'unified'].includes(parts.at(-2) ?? ''))
      parts[parts.length - 1] = '*';
    return parts.map((part) => `/${part}`).join('');
  };
  return new Set(
    (errors ?? []).filter(({ keyword }) => !/Of$/.test(keyword)).map(({ instancePath }) => general(instancePath)),
  );
}

const without = (all: Set<string>, others: Set<string>, known: Readonly<Record<string, string>>): string[] =>
  [...all].filter((place) => !others.has(place) && !Object.hasOwn(known, place));

describe.skipIf(!existsSync(directory))('the schema of the runtime-spec', () => {
  test('differs from ours over generated configurations only as listed', () => {
    const upstream = upstreamValidator('config-schema.json');
    fc.assert(
      fc.property(configurations, (document) => {
        upstream(document);
        explain(document);
        const theirs = places(upstream.errors);
        const ours = places(explain.errors);
        expect(without(ours, theirs, stricter), 'only ours refuses').toEqual([]);
        expect(without(theirs, ours, laxer), 'only upstream refuses').toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  /** Good samples that we refuse, and bad ones that we take. */
  const sampleDifferences: Readonly<Record<string, readonly string[]>> = {
    // Older than 1.0.0.
    'good/spec-example.json': ['/ociVersion'],
    // Made for other platforms, where no namespace is needed for a host name.
    'good/zos-example.json': ['/ociVersion', '/hostname'],
    'good/freebsd-example.json': ['/hostname'],
    // Shows the field alone, without the network namespace that its devices would go to.
    'good/linux-netdevice.json': ['/linux/netDevices'],
    // The mistake is in the settings of another platform, which are not looked into.
    'bad/freebsd-vnet-disable.json': [],
  };

  const configSamples = existsSync(directory)
    ? ['good', 'bad'].flatMap((kind) =>
        readdirSync(join(directory, 'test/config', kind)).map((name) => `${kind}/${name}`),
      )
    : [];

  test.each(configSamples)('config sample %s', async (sample) => {
    const text = readFileSync(join(directory, 'test/config', sample), 'utf8');
    const errors = (await validateConfig(text, sample)).filter(({ severity }) => severity === 'error');
    const known = sampleDifferences[sample];
    if (known !== undefined) expect(errors.map(({ pointer }) => pointer)).toEqual(known);
    else if (sample.startsWith('bad/')) expect(errors).not.toEqual([]);
    else expect(errors).toEqual([]);
  });

  test.each([
    ['state', validateState],
    ['features', validateFeatures],
  ] as const)('samples of %s', (kind, validate) => {
    for (const name of readdirSync(join(directory, 'test', kind, 'good'))) {
      expect(validate(load('test', kind, 'good', name)), name).toBe(true);
    }
    for (const name of readdirSync(join(directory, 'test', kind, 'bad')).filter(
      (file) => file !== 'invalid-json.json',
    )) {
      expect(validate(load('test', kind, 'bad', name)), name).toBe(false);
    }
  });
});

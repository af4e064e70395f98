import { describe, expect, test } from 'vitest';
import { annotatedProperties } from './annotations.ts';

const property = (name: string, text: string) => annotatedProperties({ [`org.systemd.property.${name}`]: text });

describe('annotations org.systemd.property.*', () => {
  test.each([
    ['TimeoutStopUSec', 'uint64 123456789', 't', 123_456_789n],
    ['TimeoutStopSec', '1.5', 't', 1_500_000n],
    ['CollectMode', "'inactive-or-failed'", 's', 'inactive-or-failed'],
    ['Description', '"a container"', 's', 'a container'],
    ['KillSignal', '15', 'i', 15n],
    ['KillSignal', 'int32 0x9', 'i', 9n],
    ['SendSIGHUP', 'true', 'b', true],
    ['MemoryHigh', '18446744073709551615', 't', 2n ** 64n - 1n],
    ['After', '[\'one.service\', "two.service"]', 'as', ['one.service', 'two.service']],
    ['Before', '[]', 'as', []],
  ])('%s: %s', (name, text, signature, value) => {
    const asProperty = name.replace(/([^U])Sec$/, '$1USec');
    expect(property(name, text)).toEqual([{ name: asProperty, signature, value }]);
  });

  test.each([
    'ExecStartPre',
    'ExecStopPost',
    'BindsTo',
    'Conflicts',
    'OnFailure',
    'Slice',
    'PIDs',
    'Delegate',
    'constructor',
  ])('%s would do more than limit the container (CVE-2024-3154)', (name) => {
    expect(() => property(name, 'true')).toThrow(`The systemd property "${name}" cannot be set by an annotation`);
  });

  test.each([
    ['TasksMax', '-1'],
    ['TasksMax', '18446744073709551616'],
    ['TasksMax', '12 apples'],
    ['TasksMax', ''],
    ['KillSignal', "'SIGTERM'"],
    ['SendSIGHUP', '1'],
    ['CollectMode', 'inactive'],
    ['After', 'one.service'],
    ['After', '[one.service]'],
    ['RuntimeMaxSec', 'infinity'],
  ])('%s: "%s" is no value of it', (name, text) => {
    expect(() => property(name, text)).toThrow(`"${text}" is no value of the systemd property "${name}"`);
  });

  test('the error has its place', () => {
    expect(() => property('TasksMax', 'x')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        hint: 'Write it as GVariant text: uint64 100.',
        place: { file: 'config.json', pointer: '/annotations/org.systemd.property.TasksMax' },
      }),
    );
  });

  test('other annotations are not for systemd', () => {
    expect(annotatedProperties({ 'org.example': 'x' })).toEqual([]);
    expect(annotatedProperties(undefined)).toEqual([]);
  });
});

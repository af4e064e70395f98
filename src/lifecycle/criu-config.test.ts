import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import { criuConfigFile, logElsewhere } from './criu-config.ts';

const fileFor = (annotation: string) => {
  const spec: Spec = { ociVersion: '1.3.0', annotations: { 'org.criu.config': annotation } };
  return criuConfigFile(spec);
};

test('the annotation chooses between the files of the administrator', () => {
  expect(fileFor('/etc/criu/other.conf')).toBe('/etc/criu/other.conf');
  expect(fileFor('')).toBeUndefined();
});

test.each(['/var/lib/layer/evil.conf', '/etc/criu/../../evil.conf', '/etc/criu', '/etc/criu2/x', 'etc/criu/x', '.'])(
  'it may not name %j, as an image could',
  (path) => {
    expect(() => fileFor(path)).toThrow(`org.criu.config names "${path}", which is not in /etc/criu`);
  },
);

describe('where a configuration sends the log', () => {
  const logOf = (text: string): string | undefined => {
    const directory = mkdtempSync(join(tmpdir(), 'tsrunc-criu-config-'));
    const file = join(directory, 'criu.conf');
    writeFileSync(file, text);
    try {
      return logElsewhere(file);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };

  test.each([
    ['log-file /var/log/criu.log', '/var/log/criu.log'],
    ['# where to\ntcp-established\n  log-file=/var/log/criu.log # there', '/var/log/criu.log'],
    ['log-file "/var/my \\"logs\\"/criu.log"', '/var/my "logs"/criu.log'],
    ['log-file /first\nlog-file /last\n', '/last'],
  ])('%j', (text, expected) => expect(logOf(text)).toBe(expected));

  test.each([
    '',
    '# log-file /var/log/criu.log',
    'log-file criu.log',
    'log-file /first\nlog-file last',
    'log-file',
    'log-files /x',
  ])('%j sends it nowhere else', (text) => expect(logOf(text)).toBeUndefined());

  test('without a file, or one that cannot be read, it goes nowhere else', () =>
    expect([logElsewhere(undefined), logElsewhere('/nosuch/criu.conf')]).toEqual([undefined, undefined]));
});

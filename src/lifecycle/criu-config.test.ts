import { expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import { criuConfigFile } from './criu-config.ts';

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

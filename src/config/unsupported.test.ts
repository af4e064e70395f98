import { expect, test } from 'vitest';
import type { Linux, Spec } from './spec.ts';
import { refuseUnsupported, unsupported } from './unsupported.ts';

const specWith = (linux: Linux): Spec => ({ ociVersion: '1.3.0', linux });
const places = (spec: Spec): string[] => unsupported(spec).map(({ severity, pointer }) => `${severity} ${pointer}`);

test.each<[string, Linux]>([
  ['/linux/personality/flags', { personality: { domain: 'LINUX', flags: ['X'] } }],
  ['/linux/resources/blockIO/leafWeight', { resources: { blockIO: { weight: 20, leafWeight: 20 } } }],
  [
    '/linux/resources/blockIO/weightDevice/1/leafWeight',
    {
      resources: {
        blockIO: {
          weightDevice: [
            { major: 8, minor: 0, weight: 20, leafWeight: 0 },
            { major: 8, minor: 16, leafWeight: 20 },
          ],
        },
      },
    },
  ],
])('%s is refused when set', (pointer, linux) => {
  expect(places(specWith(linux))).toEqual([`error ${pointer}`]);
});

test('empty objects, zeros and empty strings count as unset', () => {
  const spec: Spec = {
    ociVersion: '1.3.0',
    process: { cwd: '/', apparmorProfile: '', selinuxLabel: '', execCPUAffinity: {} },
    linux: {
      mountLabel: '',
      intelRdt: {},
      memoryPolicy: {},
      netDevices: {},
      resources: { blockIO: { leafWeight: 0 } },
    },
  };
  expect(places(spec)).toEqual([]);
});

test('create gets one error with the place', () => {
  const spec = specWith({ personality: { domain: 'LINUX', flags: ['X'] } });
  const locate = (pointer: string) => ({ file: 'config.json', pointer, line: 7, column: 1 });
  expect(() => refuseUnsupported(spec, locate)).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED',
      message: 'The runtime-spec defines no flags of personality',
      place: { file: 'config.json', pointer: '/linux/personality/flags', line: 7, column: 1 },
    }),
  );
  expect(() => refuseUnsupported({ ociVersion: '1.3.0' }, locate)).not.toThrow();
});

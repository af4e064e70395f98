import { expect, test } from 'vitest';
import { validate as validateFeatures } from '../../src/generated/validate-features.ts';
import { validate as validateState } from '../../src/generated/validate-state.ts';

const state = { ociVersion: '1.3.0', id: 'box', status: 'running', pid: 4422, bundle: '/b', annotations: { a: 'b' } };

test('a state is accepted, with what runc adds to it', () => {
  expect(validateState(state)).toBe(true);
  expect(validateState({ ...state, status: 'paused', rootfs: '/b/rootfs', created: 'now', owner: '', more: 1 })).toBe(
    true,
  );
});

test.each([{ status: 'dead' }, { pid: -1 }, { id: 3 }, { bundle: undefined }, { annotations: { a: 1 } }])(
  'a state with %j is not',
  (change) => {
    expect(validateState(JSON.parse(JSON.stringify({ ...state, ...change })))).toBe(false);
  },
);

test('features need both versions, and capabilities have names', () => {
  const versions = { ociVersionMin: '1.0.0', ociVersionMax: '1.3.0' };
  expect(validateFeatures(versions)).toBe(true);
  expect(validateFeatures({ ociVersionMin: '1.0.0' })).toBe(false);
  expect(validateFeatures({ ...versions, linux: { capabilities: ['chown'] } })).toBe(false);
  expect(validateFeatures({ ...versions, linux: { intelRdt: { enabled: true, schemata: true } } })).toBe(true);
});

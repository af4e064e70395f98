import { expect, test } from 'vitest';
import { isLost } from './restored-label.ts';

const ours = 'system_u:system_r:container_runtime_t:s0';
const container = 'system_u:system_r:container_t:s0:c1,c2';

test.for([
  ['the profile is there', 'web', 'web (enforce)', 'unconfined', false],
  ['the runtime is under the same one', 'web', 'web (complain)', 'web (complain)', false],
  ['unconfined was wanted', 'unconfined', 'unconfined', 'unconfined', false],
  ['the checkpoint had another one', 'web', 'older (enforce)', 'unconfined', false],
  ['the profile is not there', 'web', 'unconfined', 'unconfined', true],
  ['it has that of the runtime', 'web', 'lxc (enforce)', 'lxc (enforce)', true],
  ['the context is there', container, container, ours, false],
  ['the context is not there', container, ours, ours, true],
] as const)('%s', ([, wanted, label, own, expected]) => {
  expect(isLost(wanted, label, own)).toBe(expected);
});

import { expect, test } from 'vitest';
import { isLost } from './labels.ts';

const criu = 'system_u:system_r:container_runtime_t:s0';
const container = 'system_u:system_r:container_t:s0:c1,c2';

test.for([
  ['the profile is there', 'web', 'web (enforce)', 'unconfined', false],
  ['criu is under the same one', 'web', 'web (complain)', 'web (complain)', false],
  ['the checkpoint had another one', 'web', 'older (enforce)', 'unconfined', false],
  ['the profile is not there', 'web', 'unconfined', 'unconfined', true],
  ['it has that of criu', 'web', 'lxc (enforce)', 'lxc (enforce)', true],
  ['the context is there', container, container, criu, false],
  ['the context is not there', container, criu, criu, true],
] as const)('%s', ([, wanted, label, ofCriu, expected]) => {
  expect(isLost(wanted, label, ofCriu)).toBe(expected);
});

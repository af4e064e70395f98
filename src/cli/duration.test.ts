import { expect, test } from 'vitest';
import { durationMs } from './duration.ts';

test.each([
  ['5s', 5000],
  ['100ms', 100],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['2.s', 2000],
  ['1h2m3s4ms', 3_723_004],
  ['250us', 0.25],
  ['250µs', 0.25],
  ['1000000ns', 1],
  ['0', 0],
  ['+5s', 5000],
  ['-5s', -5000],
])('%s is %d ms', (text, ms) => {
  expect(durationMs(text)).toBeCloseTo(ms, 9);
});

test.each(['', '5', 's', '5 s', '5sec', 'x5s', '5s!', '1,5s', '--5s', '1e3s', '.s'])('"%s" is none', (text) => {
  expect(durationMs(text)).toBeUndefined();
});

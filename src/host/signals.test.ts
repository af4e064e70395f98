import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { signalNumber, signals } from './signals.ts';

test('the table agrees with the C library', () => {
  for (const [name, number] of Object.entries(constants.signals)) expect(signalNumber(name)).toBe(number);
  expect(Object.keys(signals).length).toBeGreaterThanOrEqual(Object.keys(constants.signals).length);
});

test.each([
  ['TERM', 15],
  ['SIGTERM', 15],
  ['sigterm', 15],
  ['9', 9],
  ['0', 0],
  ['64', 64],
  ['RTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['RTMAX', 64],
  ['SIGRTMAX-2', 62],
])('%s is %d', (text, number) => expect(signalNumber(text)).toBe(number));

describe('refused', () => {
  test.each(['', '-9', '+9', '65', '099', '1x', 'SIG', 'RTMIN-1', 'RTMAX+1', 'RTMIN+31', 'toString', '9 '])(
    '"%s"',
    (text) => {
      expect(() => signalNumber(text)).toThrow(`unknown signal "${text}"`);
    },
  );
  test('with the nearest name', () => {
    expect(() => signalNumber('TREM')).toThrow('unknown signal "TREM": did you mean TERM?');
  });
});

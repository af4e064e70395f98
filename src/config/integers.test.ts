import { expect, test } from 'vitest';
import { toI64, toU64 } from './integers.ts';

test('RLIM_INFINITY survives JSON.parse', () => {
  expect(toU64(JSON.parse('18446744073709551615') as number)).toBe(18446744073709551615n);
});

test('the largest signed limit survives JSON.parse', () => {
  expect(toI64(JSON.parse('9223372036854775807') as number)).toBe(9223372036854775807n);
  expect(toI64(JSON.parse('-9223372036854775808') as number)).toBe(-9223372036854775808n);
});

test('values that a double holds stay exact', () => {
  expect(toI64(JSON.parse('9223372036854771712') as number)).toBe(9223372036854771712n);
  expect(toU64(1024)).toBe(1024n);
  expect(toI64(-1)).toBe(-1n);
});

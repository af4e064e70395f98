import { expect, test } from 'vitest';
import { didYouMean, editDistance, nearest } from './nearest.ts';

test.each([
  ['', '', 0],
  ['pid', 'pid', 0],
  ['pid', 'PID', 0],
  ['pids', 'pid', 1],
  ['netwrok', 'network', 1],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
])('the distance of "%s" and "%s" is %i', (one, other, distance) => {
  expect(editDistance(one, other)).toBe(distance);
  expect(editDistance(other, one)).toBe(distance);
});

test.each([
  ['strat', 'start'],
  ['hostnam', 'hostname'],
  ['Hostname', 'hostname'],
  ['kil', 'kill'],
])('nearest to "%s" is "%s"', (word, candidate) => {
  expect(nearest(word, ['hostname', 'kill', 'start', 'state'])).toBe(candidate);
});

test('nothing is near to an unrelated, an empty or an endless word', () => {
  expect(nearest('checkpoint', ['start', 'kill'])).toBeUndefined();
  expect(nearest('', ['a'])).toBeUndefined();
  expect(nearest('a'.repeat(1000), ['a'.repeat(999)])).toBeUndefined();
});

test('didYouMean is a question or nothing', () => {
  expect(didYouMean('CAP_NET_ADMNI', ['CAP_NET_ADMIN', 'CAP_NET_RAW'])).toBe('Did you mean CAP_NET_ADMIN?');
  expect(didYouMean('something', ['else'])).toBeUndefined();
});

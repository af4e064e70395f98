import { describe, expect, test } from 'vitest';
import { ancestry, cleanPath, commonParent, placeInV1, placeInV2 } from './paths.ts';

test.each([
  ['/a/b', '/a/b'],
  ['a//b/./c/', '/a/b/c'],
  ['../../etc', '/etc'],
  ['/a/../../b', '/b'],
  ['', '/'],
  ['/', '/'],
])('cleanPath(%j) is %s', (path, expected) => expect(cleanPath(path)).toBe(expected));

describe('v1', () => {
  const hierarchy = { controllers: ['memory'], mountpoint: '/m', root: '/', ownPath: '/own' };
  const inContainer = { ...hierarchy, root: '/docker/x', ownPath: '/docker/x/y' };

  test.each([
    ['absolute: below the root', hierarchy, '/a/b', '/a/b'],
    ['absolute and dirty', hierarchy, '/../a//b', '/a/b'],
    ['relative: below our own', hierarchy, 'a/b', '/own/a/b'],
    ['relative: cannot leave our own', hierarchy, '../../a', '/own/a'],
    ['none: the id below our own', hierarchy, undefined, '/own/id'],
    ['empty: as none', hierarchy, '', '/own/id'],
    ['root: as it says', hierarchy, '/', '/'],
    ['systemd notation is only a name', hierarchy, 'a.slice:b:c', '/own/a.slice:b:c'],
    ['a mount that shows a part', inContainer, undefined, '/y/id'],
  ])('%s', (_, where, cgroupsPath, path) => {
    expect(placeInV1(where, { cgroupsPath, id: 'id' })).toEqual({ controllers: ['memory'], mountpoint: '/m', path });
  });
});

describe('v2', () => {
  const facts = (ownPath: string) => ({ layout: 'v2', mountpoint: '/c', ownPath, controllers: [] }) as const;

  test.each([
    ['absolute: below the root', '/u/s', '/a', '/a'],
    ['relative: beside our own', '/u/s', 'a', '/u/a'],
    ['none: the id beside our own', '/u/s', undefined, '/u/id'],
    ['own is the root', '/', undefined, '/id'],
    ['relative: cannot leave the parent', '/u/s', '../../../a', '/u/a'],
  ])('%s', (_, own, cgroupsPath, path) => expect(placeInV2(facts(own), { cgroupsPath, id: 'id' }).path).toBe(path));
});

test('ancestry', () => {
  expect(ancestry({ controllers: [], mountpoint: '/c', path: '/a/b' })).toEqual(['/c/a', '/c/a/b']);
  expect(ancestry({ controllers: [], mountpoint: '/c', path: '/' })).toEqual([]);
});

test.each([
  ['/a/b/c', '/a/b/d/e', '/a/b'],
  ['/a/b', '/a/b', '/a/b'],
  ['/a', '/a/b', '/a'],
  ['/a/b', '/a', '/a'],
  ['/ab', '/a', '/'],
  ['/sys/fs/cgroup/', '/sys/fs/cgroup/a', '/sys/fs/cgroup'],
  ['/', '/a', '/'],
])('the innermost directory that holds %s and %s is %s', (one, other, common) => {
  expect(commonParent(one, other)).toBe(common);
});

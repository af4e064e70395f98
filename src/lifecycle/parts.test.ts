import { expect, test } from 'vitest';
import type { Op, OpNamed } from '../plan/ops.ts';
import { fdsOf, splitParts } from './parts.ts';

const joining = (namespace: string): Op => ({ op: 'joinNamespace', namespace, flag: 0, from: '' });
const ready: Op = { op: 'ready', from: '' };
const bind = (tree: string, idmap: string): OpNamed<'bind'> => ({
  op: 'bind',
  source: '',
  tree,
  target: '/m',
  recursive: 0,
  sourceNoFollow: 0,
  targetNoFollow: 0,
  copyLink: 0,
  attrsSet: 0n,
  attrsClear: 0n,
  recursiveSet: 0n,
  recursiveClear: 0n,
  propagation: 0,
  propagationRecursive: 0,
  keepLocked: 0,
  idmap,
  idmapRecursive: 0,
  from: '',
});

test('an operation names what its fd fields hold', () => {
  expect(fdsOf(bind('tree', 'map'))).toEqual(['tree', 'map']);
  expect(fdsOf(bind('', 'map'))).toEqual(['map']);
  expect(fdsOf(ready)).toEqual([]);
});

test('operations with few file descriptors stay together', () => {
  const ops = [joining('a'), ready, joining('b')];
  expect(splitParts(ops, 2)).toEqual([{ ops, names: ['a', 'b'] }]);
  expect(splitParts([], 2)).toEqual([{ ops: [], names: [] }]);
});

test('no part names more than the limit, and the order is kept', () => {
  const ops = [ready, ...['a', 'b', 'c', 'd', 'e'].map(joining), ready];
  const parts = splitParts(ops, 2);
  expect(parts.map(({ names }) => names)).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  expect(parts.flatMap((part) => part.ops)).toEqual(ops);
});

test('a file descriptor that several operations name counts once in a part, and goes with each part that needs it', () => {
  const ops = [bind('a', 'map'), bind('b', 'map'), bind('c', 'map')];
  expect(splitParts(ops, 3).map(({ names }) => names)).toEqual([
    ['a', 'map', 'b'],
    ['c', 'map'],
  ]);
});

import { describe, expect, test } from 'vitest';
import type { NamespaceType } from '../config/spec.ts';
import type { HostFacts } from '../host/facts.ts';
import { nested, rootless, rootOnV1, specWith } from './fixtures.ts';
import { namespaceFlags, namespaceNames, planNamespaces } from './namespaces.ts';
import type { Op } from './ops.ts';

type Given = NamespaceType | readonly [NamespaceType, string];

function short(op: Op): string {
  switch (op.op) {
    case 'joinNamespace':
      return `join ${namespaceNames(op.flag)}`;
    case 'unshare':
    case 'fork':
      return op.flags === 0 ? op.op : `${op.op} ${namespaceNames(op.flags)}`;
    case 'ask':
      return 'ask idMaps';
    case 'setTimeOffset':
      return `offset ${op.clock} ${op.seconds} ${op.nanoseconds}`;
    default:
      return op.op;
  }
}

const steps = (host: HostFacts, ...given: readonly Given[]) => {
  const { cloneFlags, prologue } = planNamespaces(specWith(...given), host);
  return [namespaceNames(cloneFlags), ...prologue.slice(1).map(short)].join(' · ');
};

const user: Given = ['user', '/u'];

describe('as root', () => {
  test.each<[readonly Given[], string]>([
    [[], 'no · protect'],
    [['pid'], 'pid · protect'],
    [['mount', 'uts', 'ipc'], 'no · protect · unshare ipc, uts, mount'],
    [['pid', 'network', 'mount', 'cgroup'], 'pid · protect · unshare network, mount · bringLoopbackUp'],
    [[['network', '/n'], 'mount'], 'no · protect · join network · unshare mount'],
    [[['pid', '/p'], 'mount'], 'no · protect · join pid · unshare mount · fork'],
    [['time', 'pid'], 'no · protect · unshare time · fork pid'],
    [[['time', '/t'], 'pid'], 'no · protect · join time · fork pid'],
    [
      [
        ['time', '/t'],
        ['pid', '/p'],
      ],
      'no · protect · join time · join pid · fork',
    ],
    [['user'], 'no · dropGroups · unshare user · ask idMaps · assumeIdentity · protect'],
    [
      ['user', 'pid', 'mount'],
      'no · dropGroups · unshare user · ask idMaps · assumeIdentity · protect · unshare mount · fork pid',
    ],
    [
      ['user', 'pid', 'time', 'network'],
      'no · dropGroups · unshare user · ask idMaps · unshare time · assumeIdentity · protect · unshare network · bringLoopbackUp · fork pid',
    ],
    [
      ['user', ['network', '/n'], 'mount'],
      'no · dropGroups · join network · unshare user · ask idMaps · assumeIdentity · protect · unshare mount',
    ],
    [[user, 'mount'], 'no · protect · dropGroups · join user · assumeIdentity · protect · unshare mount'],
    [
      [user, ['network', '/n'], ['mount', '/m'], 'pid'],
      'no · protect · dropGroups · join network · join mount · join user · assumeIdentity · protect · fork pid',
    ],
  ])('%j', (given, expected) => {
    expect(steps(rootOnV1, ...given)).toBe(expected);
  });
});

describe('as an ordinary user', () => {
  test.each<[readonly Given[], string]>([
    [
      ['user', 'pid', 'mount'],
      'no · unshare user · ask idMaps · dropGroups · assumeIdentity · protect · unshare mount · fork pid',
    ],
    [
      [user, ['network', '/n'], 'mount'],
      'no · join user · dropGroups · assumeIdentity · protect · join network · unshare mount',
    ],
  ])('%j', (given, expected) => {
    expect(steps(rootless, ...given)).toBe(expected);
  });
});

test('in the user namespace of an engine, as root of it', () => {
  expect(steps(nested, 'pid', 'mount', ['network', '/n'])).toBe('pid · protect · join network · unshare mount');
});

/** All 3^8 ways to inherit, make or join the eight types. */
function* combinations(): Generator<readonly Given[]> {
  const types = Object.keys(namespaceFlags) as NamespaceType[];
  for (let mask = 0; mask < 3 ** types.length; mask++) {
    yield types.flatMap((type, index): Given[] => {
      const origin = Math.trunc(mask / 3 ** index) % 3;
      return origin === 0 ? [] : [origin === 1 ? type : [type, `/${type}`]];
    });
  }
}

const flagsOf = (given: readonly Given[], joined: boolean): number =>
  given.reduce((sum, one) => {
    const [type, path] = typeof one === 'string' ? [one, ''] : one;
    return (path !== '') === joined ? sum | namespaceFlags[type] : sum;
  }, 0);

/** What a plan for these namespaces must be, as a list of what it is not. */
function faults(given: readonly Given[], host: HostFacts): readonly string[] {
  const { cloneFlags, prologue, fds } = planNamespaces(specWith(...given), host);
  const made = prologue.reduce(
    (sum, op) => (op.op === 'unshare' || op.op === 'fork' ? sum | op.flags : sum),
    cloneFlags,
  );
  const joins = prologue.flatMap((op) => (op.op === 'joinNamespace' ? [op] : []));
  const forks = prologue.filter(({ op }) => op === 'fork').length;
  const tags = prologue.map(({ op }) => op);
  const entersUser = prologue.findIndex(
    (op) => (op.op === 'unshare' || op.op === 'joinNamespace') && short(op).endsWith('user'),
  );
  const firstMade = prologue.findIndex((op) => op.op === 'unshare' && !short(op).endsWith('user'));
  const checks: Readonly<Record<string, boolean>> = {
    // The cgroup namespace is made later, in the container's cgroup.
    'makes what is new': made === (flagsOf(given, false) & ~namespaceFlags.cgroup),
    'joins what has a path': joins.reduce((sum, { flag }) => sum | flag, 0) === flagsOf(given, true),
    'asks for what it joins':
      fds.length === joins.length && joins.every(({ namespace }) => fds.some(({ name }) => name === namespace)),
    'forks once at most, and then clones no pid 1': forks === 0 || (forks === 1 && cloneFlags === 0),
    'forks last': forks === 0 || tags.at(-1) === 'fork',
    'makes nothing before its owner': entersUser < 0 || firstMade < 0 || firstMade > entersUser,
    'is protected': tags.includes('protect'),
  };
  return Object.keys(checks)
    .filter((name) => checks[name] !== true)
    .map((name) => `${JSON.stringify(given)}: ${name}`);
}

test('every combination is sound', () => {
  const found = [...combinations()].flatMap((given) => [rootOnV1, rootless].flatMap((host) => faults(given, host)));
  expect(found).toEqual([]);
});

test('time offsets are written before anybody is in the namespace', () => {
  const spec = specWith('time');
  const { prologue } = planNamespaces(
    { ...spec, linux: { ...spec.linux, timeOffsets: { monotonic: { secs: 5 }, boottime: { secs: -3, nanosecs: 7 } } } },
    rootOnV1,
  );
  expect(prologue.slice(2).map(short)).toEqual(['unshare time', 'offset 1 5 0', 'offset 7 -3 7', 'fork']);
});

describe('the identity in a user namespace', () => {
  const identity = (mappings: readonly { containerID: number; hostID: number; size: number }[]) => {
    const linux = { namespaces: [{ type: 'user' as const }], uidMappings: [...mappings], gidMappings: [...mappings] };
    return planNamespaces({ ociVersion: '1.3.0', linux }, rootOnV1).prologue.find(({ op }) => op === 'assumeIdentity');
  };

  test('is root where that is mapped', () => {
    const mappings = [
      { containerID: 5, hostID: 1, size: 1 },
      { containerID: 0, hostID: 2, size: 1 },
    ];
    expect(identity(mappings)).toMatchObject({ uid: 0, gid: 0 });
  });

  test('is the first mapped one elsewhere', () => {
    expect(identity([{ containerID: 1000, hostID: 1000, size: 1 }])).toMatchObject({ uid: 1000, gid: 1000 });
  });
});

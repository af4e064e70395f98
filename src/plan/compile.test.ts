import { describe, expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { capabilityMask, capabilityNames } from './capabilities.ts';
import { compile, compileInit, type PlanOptions, planAfterStart } from './compile.ts';
import {
  full,
  namespaces,
  nested,
  onV1,
  onV2,
  rootless,
  rootlessSpec,
  rootOnV1,
  rootOnV2,
  specWith,
  standard,
  withoutCgroup,
} from './fixtures.ts';
import { namespaceFlags } from './namespaces.ts';
import { type Op, type OpName, type OpNamed, questions } from './ops.ts';
import { lastOf, uniqueEnv } from './process.ts';

const init = (spec: Spec, host: HostFacts = rootOnV1, options: PlanOptions = onV1): readonly Op[] =>
  compileInit(spec, host, options).ops;

const only = <N extends OpName>(ops: readonly Op[], name: N): OpNamed<N>[] =>
  ops.filter((op): op is OpNamed<N> => op.op === name);

const linux = (patch: Spec['linux']): Spec => ({ ...standard, linux: { ...standard.linux, ...patch } });
const process = (patch: Partial<NonNullable<Spec['process']>>): Spec => ({
  ...standard,
  process: { cwd: '/', args: ['/a'], ...patch },
});

function errorOf(spec: Spec): TsruncError {
  try {
    init(spec);
  } catch (error) {
    if (error instanceof TsruncError) return error;
  }
  throw new Error('the configuration was planned');
}

const before = (ops: readonly Op[], first: OpName, second: OpName): boolean => {
  const tags = ops.map(({ op }) => op);
  return tags.includes(first) && tags.includes(second) && tags.lastIndexOf(first) < tags.indexOf(second);
};

describe('the order', () => {
  test.each<[OpName, OpName]>([
    ['joinCgroup', 'unshare'],
    ['unshare', 'openRoot'],
    ['openRoot', 'mount'],
    ['mount', 'device'],
    ['device', 'ask'],
    ['ask', 'maskPath'],
    ['maskPath', 'pivotRoot'],
    ['readonlyPath', 'maskPath'],
    ['pivotRoot', 'setRootAttrs'],
    ['ask', 'setHostname'],
    ['ask', 'setSysctl'],
    ['setSysctl', 'readonlyPath'],
    ['setRootAttrs', 'setNoNewPrivileges'],
    ['setNoNewPrivileges', 'setUser'],
    ['changeDirectory', 'setUser'],
    ['setRlimit', 'setUser'],
    ['setBoundingCapabilities', 'setUser'],
    ['setUser', 'setCapabilities'],
    ['setCapabilities', 'findProgram'],
    ['closeFds', 'ready'],
    ['ready', 'awaitStart'],
    ['awaitStart', 'exec'],
  ])('%s before %s', (first, second) => {
    const asksForHooks = (op: Op): boolean => op.op !== 'ask' || op.question === questions.runtimeHooks;
    expect(before(init(full).filter(asksForHooks), first, second)).toBe(true);
  });

  test('on v1 the runtime looks for the cgroups when all are joined, and before a namespace begins in them', () => {
    const ops = init(full);
    const at = ops.findIndex((op) => op.op === 'ask' && op.question === questions.cgroups);
    expect(ops.slice(0, at).map(({ op }) => op)).toEqual(only(ops, 'joinCgroup').map(({ op }) => op));
    expect(ops[at + 1]).toMatchObject({ op: 'unshare', flags: namespaceFlags.cgroup });
  });

  test('createContainer hooks run before, startContainer hooks after the change of root and the word to start', () => {
    const ops = init(full);
    const [create, start] = only(ops, 'runHook');
    const at = (name: OpName): number => ops.findIndex(({ op }) => op === name);
    expect(create).toMatchObject({ path: '/usr/bin/gpu', args: ['/usr/bin/gpu'], env: [], timeoutSeconds: 5 });
    expect(create?.statePrefix).toContain('created');
    expect(start?.statePrefix).toContain('created');
    expect(ops.indexOf(create as Op)).toBeLessThan(at('pivotRoot'));
    expect(ops.indexOf(start as Op)).toBeGreaterThan(at('awaitStart'));
  });

  test('the tail after start is that of the plan', () => {
    const tail = planAfterStart(full, { prefix: '', suffix: '' });
    expect(
      init(full)
        .slice(-tail.length)
        .map(({ op }) => op),
    ).toEqual(tail.map(({ op }) => op));
  });
});

test('plans cannot be changed', () => {
  const plan = compile(standard, rootOnV1, onV1);
  expect([plan, plan.init, plan.init[0], plan.prologue, plan.fds, plan.fds[0]].every(Object.isFrozen)).toBe(true);
});

test('every file descriptor that is named is asked for, once', () => {
  for (const [spec, host, options] of [
    [full, rootOnV1, onV1],
    [full, rootOnV2, onV2],
    [{ ...full, linux: { ...full.linux, ...specWith('user', 'mount', 'pid').linux } }, rootOnV1, onV1],
    [rootlessSpec, rootless, withoutCgroup],
    [standard, nested, onV2],
  ] as const) {
    const plan = compile(spec, host, options);
    const named = [...plan.prologue, ...plan.init].flatMap((op) =>
      [
        Reflect.get(op, 'namespace'),
        Reflect.get(op, 'tree'),
        Reflect.get(op, 'idmap'),
        Reflect.get(op, 'file'),
        Reflect.get(op, 'listener'),
      ].filter((name): name is string => typeof name === 'string' && name !== ''),
    );
    expect(plan.fds.map(({ name }) => name).sort()).toEqual(named.sort());
  }
});

describe('the root', () => {
  test.each([
    [undefined, 'slave', 1, 0],
    ['slave', 'slave', 1, 0],
    ['rslave', 'slave', 1, 0],
    ['private', 'private', 1, 0],
    ['unbindable', 'private', 1, 0],
    ['shared', 'shared', 0, 1],
    ['rshared', 'shared', 1, 1],
  ])('propagation %s', (asked, kind, recursive, privateParent) => {
    const flags: Readonly<Record<string, number>> = {
      slave: 0x80000,
      private: 0x40000,
      shared: 0x100000,
      unbindable: 0x20000,
    };
    // Engines write the recursive forms too, which the types do not know.
    const ops = init(linux(asked === undefined ? {} : { rootfsPropagation: asked as 'slave' }));
    expect(only(ops, 'setPropagation')).toMatchObject([{ propagation: flags[kind], recursive }]);
    expect(only(ops, 'openRoot')).toMatchObject([{ path: '/bundles/box/rootfs', privateParent }]);
    const after = only(ops, 'setRootAttrs').filter(({ propagation }) => propagation !== 0);
    const expected =
      asked === undefined ? [] : [{ propagation: flags[asked.replace(/^r/, '')], propagationRecursive: 0 }];
    expect(after).toMatchObject(expected);
  });

  test.each([namespaces('pid'), [{ type: 'mount' as const, path: '/proc/1/ns/mnt' }]])(
    'without a mount namespace of its own "/" is left alone: %j',
    (...given) => {
      const spec = { ...linux({ namespaces: given.flat() }), root: { path: '.' } };
      const ops = init(spec, rootOnV1, { ...onV1, pivot: false });
      expect(only(ops, 'useRoot')).toMatchObject([{ path: '/bundles/box' }]);
      expect(ops.at(0)).toBeDefined();
      const untouched: readonly OpName[] = ['setPropagation', 'openRoot', 'pivotRoot', 'moveRoot', 'setRootAttrs'];
      expect(ops.filter(({ op }) => untouched.includes(op))).toEqual([]);
      expect(only(ops, 'changeRoot')).toHaveLength(1);
      expect(only(ops, 'openConsole')).toMatchObject([{ bindConsole: 0 }]);
    },
  );

  test('what would change "/" of the host is refused', () => {
    expect(errorOf(linux({ namespaces: [] })).place?.pointer).toBe('/root/readonly');
    const shared = { ...linux({ namespaces: [], rootfsPropagation: 'shared' }), root: { path: 'rootfs' } };
    expect(errorOf(shared).place?.pointer).toBe('/linux/rootfsPropagation');
  });

  test('--no-pivot', () => {
    const ops = init(standard, rootOnV1, { ...onV1, pivot: false });
    expect(only(ops, 'moveRoot')).toHaveLength(1);
    expect(only(ops, 'pivotRoot')).toHaveLength(0);
  });
});

describe('devices', () => {
  test('a device of the config replaces a default one', () => {
    const devices = only(
      init(linux({ devices: [{ type: 'c', path: '/dev/null', major: 1, minor: 3, fileMode: 0o100600 }] })),
      'device',
    );
    expect(devices.filter(({ path }) => path === '/dev/null')).toMatchObject([
      { mode: 0o020600, from: '/linux/devices/0' },
    ]);
  });

  test('nothing is made in a /dev of the host', () => {
    const mounts = [{ destination: '/dev/', source: '/dev', options: ['rbind'] }];
    const ops = init({ ...standard, mounts });
    expect(ops.filter(({ op }) => op === 'device' || op === 'symlink')).toEqual([]);
  });

  test.each([
    ['as root', standard, rootOnV1, 0],
    ['rootless', rootlessSpec, rootless, 1],
    ['in an outer user namespace', standard, nested, 1],
  ] as const)('bound from the host: %s', (_name, spec, host, bindOnly) => {
    const devices = only(init(spec, host, withoutCgroup), 'device');
    expect(devices).toHaveLength(6);
    expect(devices.every((device) => device.bindOnly === bindOnly && device.fallback === device.path)).toBe(true);
  });

  test('FIFOs are made everywhere', () => {
    const spec = {
      ...rootlessSpec,
      linux: { ...rootlessSpec.linux, devices: [{ type: 'p' as const, path: '/dev/f' }] },
    };
    expect(only(init(spec, rootless, withoutCgroup), 'device').at(-1)).toMatchObject({
      mode: 0o010666,
      bindOnly: 0,
      fallback: '',
    });
  });
});

describe('the process', () => {
  test('capabilities are exactly those of the config', () => {
    const capabilities = { bounding: ['CAP_KILL', 'CAP_UNHEARD_OF'], permitted: ['CAP_BPF'], ambient: [] };
    const ops = init(process({ capabilities }));
    expect(only(ops, 'setBoundingCapabilities')).toMatchObject([{ keep: 1n << 5n }]);
    expect(only(ops, 'setCapabilities')).toMatchObject([
      { effective: 0n, permitted: 1n << 39n, inheritable: 0n, ambient: 0n },
    ]);
  });

  test('without capabilities in the config there are none', () => {
    expect(only(init(process({})), 'setCapabilities')).toMatchObject([
      { effective: 0n, permitted: 0n, inheritable: 0n },
    ]);
    expect(only(init(process({})), 'setBoundingCapabilities')).toMatchObject([{ keep: 0n }]);
  });

  test('names of capabilities', () => {
    expect(capabilityMask(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE', 'toString'])).toBe(0x100_0000_0001n);
    expect(capabilityNames(0x8000_0000_0000_0001n)).toEqual(['CAP_CHOWN', '0x8000000000000000']);
  });

  test('limits: 2^64-1 is unlimited, and the caller keeps its limit of open files', () => {
    const ops = init(process({ rlimits: [{ type: 'RLIMIT_CORE', soft: 0, hard: Number('18446744073709551615') }] }));
    expect(only(ops, 'setRlimit')).toMatchObject([
      { resource: 4, soft: 0n, hard: (1n << 64n) - 1n },
      { resource: 7, soft: 1024n, hard: 1048576n, from: '' },
    ]);
  });

  test('in a user namespace the runtime sets the limits, where it has the power', () => {
    const spec = { ...standard, linux: specWith('user', 'mount').linux ?? {} };
    expect(only(init(spec), 'ask')).toMatchObject([{ question: questions.cgroups }, { question: questions.rlimits }]);
    expect(only(init(rootlessSpec, rootless, withoutCgroup), 'setRlimit')).toHaveLength(1);
  });

  test('groups are dropped where that is allowed', () => {
    const setGroups = (spec: Spec, host: HostFacts) => only(init(spec, host, withoutCgroup), 'setUser')[0]?.setGroups;
    expect(setGroups(standard, rootOnV1)).toBe(1);
    expect(setGroups(rootlessSpec, rootless)).toBe(0);
    expect(
      setGroups(
        { ...rootlessSpec, ...{ process: process({ user: { additionalGids: [5] } }).process } } as Spec,
        rootless,
      ),
    ).toBe(1);
    expect(setGroups(standard, { ...nested, user: { ...nested.user, setgroupsDenied: true } })).toBe(0);
  });

  test('the program is looked for in PATH of its own environment', () => {
    const directories = (patch: Parameters<typeof process>[0]) =>
      only(init(process(patch)), 'findProgram')[0]?.directories;
    expect(directories({ args: ['sh'], env: ['PATH=/a', 'PATH=/b::/c'] })).toEqual(['/b', '', '/c']);
    expect(directories({ args: ['sh'] })).toContain('/usr/bin');
    expect(directories({ args: ['bin/sh'], env: ['PATH=/a'] })).toEqual([]);
  });

  test('HOME is looked up where there is none', () => {
    expect(only(init(process({ env: ['HOME=/h'] })), 'findHome')).toEqual([]);
    const ops = init(process({ env: ['HOME='], user: { uid: 7 } }));
    expect(only(ops, 'findHome')).toMatchObject([{ uid: 7 }]);
    expect(only(ops, 'exec')).toMatchObject([{ env: [] }]);
  });

  test('the environment has each variable once, with its last value', () => {
    expect(uniqueEnv(['A=1', 'B=2', 'A=3', 'odd', '=x'])).toEqual(['A=3', 'B=2', 'odd', '=x']);
    expect(lastOf(['A=1', 'A=2=3'], 'A')).toBe('2=3');
  });

  test('sockets that are passed are announced', () => {
    const ops = init(process({}), rootOnV1, { ...onV1, listenFds: 2, preserveFds: 3 });
    expect(only(ops, 'exec')).toMatchObject([{ env: ['LISTEN_FDS=2', 'LISTEN_PID=1'] }]);
    expect(only(ops, 'closeFds')).toMatchObject([{ preserve: 3 }]);
  });

  test('umask', () => {
    expect(only(init(process({})), 'setUmask')).toMatchObject([{ mask: 0o022 }]);
    expect(only(init(process({ user: { umask: 0 } })), 'setUmask')).toMatchObject([{ mask: 0 }]);
  });

  test('terminal', () => {
    const spec = process({ terminal: true, consoleSize: { width: 80, height: 24 }, user: { uid: 5 } });
    expect(only(init(spec), 'openConsole')).toMatchObject([{ width: 80, height: 24, uid: 5, bindConsole: 1 }]);
  });

  test('a container without process ends its plan with the wait for start', () => {
    const { process: _, ...spec } = standard;
    expect(init(spec).at(-1)).toMatchObject({ op: 'awaitStart', listener: 'start' });
  });

  test('personality flags do not exist yet', () => {
    expect(errorOf(linux({ personality: { domain: 'LINUX', flags: ['X'] } })).place?.pointer).toBe(
      '/linux/personality/flags/0',
    );
  });
});

test('places with special characters are JSON pointers', () => {
  expect(only(init(linux({ sysctl: { 'net/ipv4/ip_forward': '1' } })), 'setSysctl')).toMatchObject([
    { path: 'net/ipv4/ip_forward', from: '/linux/sysctl/net~1ipv4~1ip_forward' },
  ]);
});

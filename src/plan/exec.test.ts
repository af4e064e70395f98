import { describe, expect, test } from 'vitest';
import { compileExec, type ExecPlanOptions, type ExecSpec } from './exec.ts';
import { explainOp } from './explain.ts';
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
  standard,
} from './fixtures.ts';
import { namespaceTypes } from './namespaces.ts';

const usual = ['ipc', 'uts', 'network', 'pid', 'mount'] as const;
const given = (more: Partial<ExecPlanOptions> = {}): ExecPlanOptions => ({ ...onV1, namespaces: usual, ...more });
const running = (spec = standard, process = {}): ExecSpec => ({
  ...spec,
  process: { cwd: '/', args: ['true'], ...spec.process, terminal: false, ...process },
});
const names = (...args: Parameters<typeof compileExec>): string[] => compileExec(...args).ops.map(({ op }) => op);
const precedes = (ops: readonly string[], first: string, second: string): boolean =>
  ops.indexOf(first) >= 0 && ops.indexOf(first) < ops.lastIndexOf(second);

describe('a further process of a container', () => {
  test('enters the cgroups, gives up being traced, joins, and only then is somebody', () => {
    expect(names(running(), rootOnV1, given())).toEqual([
      'resetProcess',
      ...(onV1.cgroup.kind === 'v1' ? onV1.cgroup.hierarchies.map(() => 'joinCgroup') : []),
      'setAffinity',
      'protect',
      'joinProcess',
      'fork',
      'startSession',
      'joinKeyring',
      'useRoot',
      'adoptNull',
      'setNoNewPrivileges',
      'setUmask',
      'changeDirectory',
      'setRlimit',
      'setBoundingCapabilities',
      'setUser',
      'protect',
      'setCapabilities',
      'findHome',
      'findProgram',
      'closeFds',
      'ready',
      'awaitStart',
      'exec',
    ]);
  });

  test('runs no hook, mounts nothing, and makes no directory', () => {
    const { ops } = compileExec(running(full), rootOnV1, given());
    const never = [
      'runHook',
      'mount',
      'bind',
      'remount',
      'device',
      'maskPath',
      'makeDirectory',
      'setHostname',
      'setSysctl',
    ];
    expect(ops.map(({ op }) => op).filter((op) => never.includes(op))).toEqual([]);
    expect(ops).toContainEqual({ op: 'changeDirectory', path: '/srv', create: 0, from: '/process/cwd' });
  });

  test('joins exactly the namespaces that the container does not share, by one descriptor', () => {
    const plan = compileExec(running(), rootOnV1, given({ namespaces: ['mount', 'network'] }));
    expect(plan.ops.map(explainOp)).toContain('join namespaces of the container: network, mount');
    expect(plan.ops.map(({ op }) => op)).not.toContain('fork');
    expect(plan.fds.filter(({ kind }) => kind === 'container')).toEqual([
      { name: 'container', kind: 'container', from: '' },
    ]);
  });

  test('shares everything with the runtime: nothing is joined, its directory is entered', () => {
    const spec = running({ ...standard, root: { path: 'rootfs' }, linux: { namespaces: [] } });
    const { ops, fds } = compileExec(spec, rootOnV2, { ...onV2, namespaces: [] });
    expect(fds).toEqual([]);
    expect(ops.map(({ op }) => op)).not.toContain('joinProcess');
    expect(ops).toContainEqual({ op: 'useRoot', path: '/bundles/box/rootfs', from: '/root/path' });
    expect(ops).toContainEqual({ op: 'changeRoot', from: '/root/path' });
  });

  test('on v2 it is born in the cgroup, unless CPUs are to hold until then', () => {
    const options = { ...onV2, namespaces: usual };
    expect(names(running(), rootOnV2, options)).not.toContain('joinCgroup');
    const spec = running(standard, { execCPUAffinity: { initial: '0', final: '1' } });
    const ops = names(spec, rootOnV2, options);
    expect(ops.filter((op) => op === 'setAffinity')).toHaveLength(2);
    expect(precedes(ops, 'setAffinity', 'joinCgroup')).toBe(true);
    expect(precedes(ops, 'joinCgroup', 'setAffinity')).toBe(true);
  });

  test('a terminal is not /dev/console', () => {
    const { ops } = compileExec(running(standard, { terminal: true }), rootOnV1, given());
    expect(ops).toContainEqual(expect.objectContaining({ op: 'openConsole', bindConsole: 0 }));
  });

  test('--no-new-keyring of create holds for it as well', () => {
    expect(names(running(), rootOnV1, given({ newKeyring: false }))).not.toContain('joinKeyring');
  });
});

describe('into a user namespace', () => {
  const all = { ...onV1, namespaces: namespaceTypes };
  const mapped = running({
    ...standard,
    linux: {
      ...standard.linux,
      namespaces: namespaces('pid', 'mount', 'user'),
      uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
      gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    },
  });

  test('root drops its groups outside, takes an id inside, and refuses tracing again before the pid namespace', () => {
    const ops = names(mapped, rootOnV1, all);
    const entering = ops.slice(ops.indexOf('protect'), ops.indexOf('fork') + 1);
    expect(entering).toEqual(['protect', 'dropGroups', 'joinProcess', 'assumeIdentity', 'protect', 'fork']);
  });

  test.each([['an ordinary user', running(rootlessSpec), rootless]])('%s drops them inside', (_, spec, host) => {
    const ops = names(spec, host, { ...all, cgroup: { kind: 'none' } });
    const entering = ops.slice(ops.indexOf('protect'), ops.indexOf('fork') + 1);
    expect(entering).toEqual(['protect', 'joinProcess', 'dropGroups', 'assumeIdentity', 'protect', 'fork']);
  });

  test('without a cgroup it stays on the CPUs of the runtime', () => {
    expect(names(running(), nested, given({ cgroup: { kind: 'none' } }))).not.toContain('setAffinity');
  });
});

import { describe, expect, test } from 'vitest';
import type { Process, Seccomp, Spec } from '../config/spec.ts';
import { capabilityMask } from './capabilities.ts';
import { compileInit, planAfterStart } from './compile.ts';
import { compileExec } from './exec.ts';
import { onV1, rootOnV1, standard } from './fixtures.ts';
import type { Op, OpName, OpNamed } from './ops.ts';
import { filterFlags } from './seccomp.ts';

const silent: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
const asking: Seccomp = { ...silent, listenerPath: '/s', syscalls: [{ names: ['sync'], action: 'SCMP_ACT_NOTIFY' }] };
const KILL = capabilityMask(['CAP_KILL']);
const SYS_ADMIN = capabilityMask(['CAP_SYS_ADMIN']);

const filter = new Uint8Array(8);

const specWith = (seccomp: Seccomp, process: Partial<Process> = {}): Spec & { process: Process } => ({
  ...standard,
  process: {
    cwd: '/',
    args: ['/a'],
    capabilities: { effective: ['CAP_KILL'], permitted: ['CAP_KILL'], inheritable: [], bounding: [] },
    ...process,
  },
  hooks: { startContainer: [{ path: '/hook' }] },
  linux: { ...standard.linux, seccomp },
});

const plans: Readonly<Record<string, (spec: Spec & { process: Process }) => readonly Op[]>> = {
  container: (spec) => compileInit(spec, rootOnV1, { ...onV1, filter }).ops,
  exec: (spec) => compileExec(spec, rootOnV1, { ...onV1, filter, namespaces: ['mount'] }).ops,
};

const named = <N extends OpName>(ops: readonly Op[], name: N): OpNamed<N>[] =>
  ops.filter((op): op is OpNamed<N> => op.op === name);
const tagsFrom = (ops: readonly Op[], name: OpName): OpName[] => {
  const tags = ops.map(({ op }) => op);
  return tags.slice(tags.indexOf(name));
};

describe.each(Object.keys(plans))('the plan of a %s', (kind) => {
  const opsOf = (spec: Spec & { process: Process }): readonly Op[] => plans[kind]?.(spec) ?? [];
  const hook: OpName[] = kind === 'container' ? ['runHook', 'takeGo'] : [];

  test('loads a filter after the word to start', () => {
    const ops = opsOf(specWith(silent, { noNewPrivileges: true }));
    expect(tagsFrom(ops, 'closeFds')).toEqual(['closeFds', 'ready', 'awaitStart', 'loadSeccomp', ...hook, 'exec']);
    expect(named(ops, 'loadSeccomp')).toMatchObject([{ filter, notify: 0, from: '/linux/seccomp' }]);
  });

  test('loads one with an agent before all is ready', () => {
    const ops = opsOf(specWith(asking, { noNewPrivileges: true }));
    expect(tagsFrom(ops, 'closeFds')).toEqual(['closeFds', 'loadSeccomp', 'ready', 'awaitStart', ...hook, 'exec']);
    expect(named(ops, 'loadSeccomp')).toMatchObject([{ filter, notify: 1 }]);
  });

  test.each([silent, asking])('without no_new_privs keeps CAP_SYS_ADMIN until then, and not longer', (seccomp) => {
    const ops = opsOf(specWith(seccomp));
    expect(named(ops, 'setCapabilities')).toMatchObject([
      { effective: KILL | SYS_ADMIN, permitted: KILL | SYS_ADMIN, inheritable: 0n, ambient: 0n },
    ]);
    expect(tagsFrom(ops, 'loadSeccomp').slice(0, 2)).toEqual(['loadSeccomp', 'narrowCapabilities']);
    expect(named(ops, 'narrowCapabilities')).toMatchObject([{ effective: KILL, permitted: KILL, inheritable: 0n }]);
  });

  test('does not give up what the configuration grants', () => {
    const sets = { effective: ['CAP_SYS_ADMIN'], permitted: ['CAP_SYS_ADMIN'] };
    expect(named(opsOf(specWith(silent, { capabilities: sets })), 'narrowCapabilities')).toEqual([]);
    const half = { effective: [], permitted: ['CAP_SYS_ADMIN'] };
    expect(named(opsOf(specWith(silent, { capabilities: half })), 'narrowCapabilities')).toHaveLength(1);
  });

  test('without a filter keeps nothing', () => {
    const { linux, ...rest } = specWith(silent);
    const { seccomp: _, ...others } = linux ?? {};
    const ops = opsOf({ ...rest, linux: others });
    expect(named(ops, 'setCapabilities')).toMatchObject([{ effective: KILL, permitted: KILL }]);
    expect(named(ops, 'narrowCapabilities')).toEqual([]);
  });
});

test.each([silent, asking])('the tail after start is that of the plan', (seccomp) => {
  const spec = specWith(seccomp);
  const tail = planAfterStart(spec, { prefix: '', suffix: '' }).map(({ op }) => op);
  const all = plans.container?.(spec).map(({ op }) => op) ?? [];
  expect(all.slice(-tail.length)).toEqual(tail);
});

test('flags: speculation is allowed where none are given; TSYNC is nothing to one thread', () => {
  const LOG = 2;
  const SPEC_ALLOW = 4;
  const WAIT_KILLABLE = 32;
  expect(filterFlags(silent)).toBe(SPEC_ALLOW);
  expect(filterFlags({ ...silent, flags: [] })).toBe(0);
  expect(filterFlags({ ...silent, flags: ['SECCOMP_FILTER_FLAG_TSYNC', 'SECCOMP_FILTER_FLAG_LOG'] })).toBe(LOG);
  expect(filterFlags({ ...asking, flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] })).toBe(WAIT_KILLABLE);
  expect(filterFlags({ ...silent, flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] })).toBe(0);
});

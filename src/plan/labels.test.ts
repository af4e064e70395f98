import { describe, expect, test } from 'vitest';
import type { Process, Spec } from '../config/spec.ts';
import { compileInit } from './compile.ts';
import { compileExec } from './exec.ts';
import { onV1, rootOnV1, standard } from './fixtures.ts';
import type { Op, OpName, OpNamed } from './ops.ts';

const LABEL = 'system_u:system_r:container_t:s0:c4,c5';
const FILES = 'system_u:object_r:container_file_t:s0:c4,c5';

const specWith = (process: Partial<Process>, linux: Spec['linux'] = {}): Spec & { process: Process } => ({
  ...standard,
  process: { cwd: '/', args: ['/a'], ...process },
  linux: { ...standard.linux, ...linux },
});

const init = (spec: Spec): readonly Op[] => compileInit(spec, rootOnV1, onV1).ops;
const exec = (spec: Spec & { process: Process }): readonly Op[] =>
  compileExec(spec, rootOnV1, { ...onV1, namespaces: ['mount'] }).ops;
const named = <N extends OpName>(ops: readonly Op[], name: N): OpNamed<N>[] =>
  ops.filter((op): op is OpNamed<N> => op.op === name);
const position = (ops: readonly Op[], name: OpName): number => ops.findIndex(({ op }) => op === name);

// Covers /process/apparmorProfile
describe('an AppArmor profile', () => {
  const spec = specWith({ apparmorProfile: 'docker-default', noNewPrivileges: true });

  test.each([init(spec), exec(spec)])('is for the program, and set before privileges go', (...ops) => {
    expect(named(ops, 'setSecurityLabel')).toEqual([
      {
        op: 'setSecurityLabel',
        attributes: ['apparmor/exec', 'exec'],
        value: 'exec docker-default',
        from: '/process/apparmorProfile',
      },
    ]);
    expect(position(ops, 'setSecurityLabel')).toBeLessThan(position(ops, 'setNoNewPrivileges'));
  });
});

// Covers /process/selinuxLabel
describe('an SELinux label', () => {
  const spec = specWith({ selinuxLabel: LABEL });

  test.each([init(spec), exec(spec)])('is for the session keyring and the program', (...ops) => {
    expect(named(ops, 'setSecurityLabel')).toMatchObject([
      { attributes: ['keycreate'], value: LABEL },
      { attributes: ['exec'], value: LABEL },
    ]);
    expect(position(ops, 'setSecurityLabel')).toBe(position(ops, 'joinKeyring') - 1);
  });

  test('has no keyring to label where there is no new one', () => {
    const { ops } = compileInit(spec, rootOnV1, { ...onV1, newKeyring: false });
    expect(named(ops, 'setSecurityLabel')).toMatchObject([{ attributes: ['exec'] }]);
  });
});

// Covers /linux/mountLabel
describe('a mount label', () => {
  const mounts: Spec['mounts'] = [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/sys', type: 'sysfs', source: 'sysfs' },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['size=1m'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts' },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue' },
    { destination: '/own', type: 'tmpfs', source: 'tmpfs', options: ['rootcontext=a:b:c:s0'] },
    { destination: '/data', source: '/data', options: ['bind'] },
  ];
  const ops = init({ ...specWith({}, { mountLabel: FILES, maskedPaths: ['/proc/kcore'] }), mounts });
  const options = new Map(named(ops, 'mount').map((op) => [op.target, op.options]));

  test('is the context of new file systems, but not of those with labels of their own', () => {
    expect(options.get('/tmp')).toEqual(['size=1m', `context=${FILES}`]);
    expect(options.get('/dev/pts')).toContain(`context=${FILES}`);
    for (const target of ['/proc', '/sys', '/dev/mqueue']) expect(options.get(target)).toEqual([]);
    expect(options.get('/own')).toEqual(['rootcontext=a:b:c:s0']);
  });

  test('is written to the message queues, and covers masked directories', () => {
    expect(named(ops, 'setFileLabel')).toMatchObject([
      { target: '/dev/mqueue', label: FILES, from: '/linux/mountLabel' },
    ]);
    expect(position(ops, 'setFileLabel')).toBeGreaterThan(position(ops, 'mount'));
    expect(named(ops, 'maskPath')).toMatchObject([{ label: FILES }]);
  });
});

test('without labels there is nothing to do', () => {
  const ops = init(specWith({ apparmorProfile: '', selinuxLabel: '' }, { mountLabel: '' }));
  expect(named(ops, 'setSecurityLabel')).toEqual([]);
  expect(named(ops, 'setFileLabel')).toEqual([]);
});

import { afterEach, describe, expect, test } from 'vitest';
import type { Resources, Spec } from '../../config/spec.ts';
import { Connection } from '../../dbus/connection.ts';
import { type Answer, type Answers, FakeBus } from '../../dbus/fixtures.ts';
import { strict } from '../leniency.ts';
import { candidates, openSystemd } from './bus.ts';
import { Systemd } from './manager.ts';
import { correctScope, ownerOf, scopeProperties, startScope, updateScope } from './scope.ts';

const jobPath = '/org/freedesktop/systemd1/job/7';
const from = 'org.freedesktop.systemd1';

const removed = (result: string, job = jobPath) => ({
  interface: `${from}.Manager`,
  member: 'JobRemoved',
  signature: 'uoss',
  body: [7, job, 'x.scope', result],
});

const job = (more: Answer = { after: [removed('done')] }): Answer => ({ signature: 'o', body: [jobPath], ...more });
const text = (value: string): Answer => ({ signature: 'v', body: [{ signature: 's', value }] });

const properties: Readonly<Record<string, string>> = {
  Version: '252.38-1~deb12u1',
  ControlGroup: '/machine.slice/x.scope',
  ActiveState: 'active',
};

const usual: Answers = {
  Get: (call) => text(properties[String(call.body[1])] ?? ''),
  StartTransientUnit: job(),
  StopUnit: job(),
};

const unit = { name: 'x.scope', slice: 'machine.slice', manager: 'system', mark: 'file:/run/tsrunc/x' } as const;
const spec: Spec = { ociVersion: '1.3.0', linux: { resources: { pids: { limit: 5 } } } };
const start = { unit, layout: 'v2', id: 'x', spec, pid: 42, leniency: strict } as const;

const opened: { bus: FakeBus; systemd: Systemd }[] = [];
afterEach(async () => {
  for (const { bus, systemd } of opened.splice(0)) {
    systemd.close();
    await bus[Symbol.asyncDispose]();
  }
});

const systemdWith = async (answers: Answers, patience = 5000, throughBus = true) => {
  const bus = await FakeBus.start({ ...usual, ...answers });
  const systemd = await Systemd.on({ connection: await Connection.open(bus.path), bus: throughBus }, patience);
  opened.push({ bus, systemd });
  return { bus, systemd };
};

describe('the introduction', () => {
  test('through a bus', async () => {
    const { bus, systemd } = await systemdWith({});
    expect(bus.members).toEqual(['Hello', 'AddMatch', 'Get', 'Subscribe']);
    expect(systemd.version).toBe(252);
  });

  test('on the private socket nobody is greeted', async () => {
    const { bus } = await systemdWith({}, 5000, false);
    expect(bus.members).toEqual(['Get', 'Subscribe']);
  });
});

describe('a scope', () => {
  test('starts with its process and properties, and says where its cgroup is', async () => {
    const { bus, systemd } = await systemdWith({});
    expect(await startScope(systemd, start)).toBe('/machine.slice/x.scope');
    const [name, mode, given, auxiliary] = bus.argumentsOf('StartTransientUnit');
    expect([name, mode, auxiliary]).toEqual(['x.scope', 'fail', []]);
    const found = Object.fromEntries(
      (given as unknown as [string, { value: unknown }][]).map(([key, { value }]) => [key, value]),
    );
    expect(found).toMatchObject({
      PIDs: [42],
      Slice: 'machine.slice',
      Delegate: true,
      TasksMax: 5n,
      DevicePolicy: 'strict',
    });
  });

  test('the end of the job may be heard before its name', async () => {
    const { systemd } = await systemdWith({ StartTransientUnit: job({ before: [removed('done')] }) });
    await expect(startScope(systemd, start)).resolves.toBe('/machine.slice/x.scope');
  });

  test('jobs of others do not count', async () => {
    const strangers = [
      removed('failed', '/org/freedesktop/systemd1/job/8'),
      { ...removed('failed'), member: 'JobNew' },
    ];
    const { systemd } = await systemdWith({ StartTransientUnit: job({ after: [...strangers, removed('done')] }) });
    await expect(startScope(systemd, start)).resolves.toBe('/machine.slice/x.scope');
  });

  test('whose job fails', async () => {
    const { systemd } = await systemdWith({ StartTransientUnit: job({ after: [removed('timeout')] }) });
    await expect(startScope(systemd, start)).rejects.toMatchObject({
      code: 'CGROUP_FAILED',
      message: 'systemd cannot start x.scope: the job ended with "timeout"',
    });
  });

  test('whose job has no end', async () => {
    const { systemd } = await systemdWith({ StartTransientUnit: job({}) }, 50);
    await expect(startScope(systemd, start)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'systemd did not start x.scope within 0.05 s',
      hint: expect.stringContaining('systemctl list-jobs'),
    });
  });

  test('while systemd ends', async () => {
    const { bus, systemd } = await systemdWith({ StartTransientUnit: job({}) });
    const started = expect(startScope(systemd, start)).rejects.toThrow('the bus closed the connection');
    await expect.poll(() => bus.members).toContain('StartTransientUnit');
    bus.drop();
    await started;
  });

  test('without a cgroup: its process has ended', async () => {
    const { systemd } = await systemdWith({ Get: text('') });
    await expect(startScope(systemd, start)).rejects.toThrow('its process has ended');
  });

  test('that systemd refuses', async () => {
    const { systemd } = await systemdWith({ StartTransientUnit: { error: `${from}.PropertyReadOnly` } });
    await expect(startScope(systemd, start)).rejects.toMatchObject({
      message: 'systemd cannot start x.scope: it says PropertyReadOnly',
      hint: expect.stringContaining('systemctl --version'),
    });
  });
});

describe('a unit of the same name', () => {
  const existsOnce = () => {
    let calls = 0;
    return (): Answer => (++calls === 1 ? { error: `${from}.UnitExists` } : job());
  };
  const inState = (state: string): Answers => ({
    StartTransientUnit: existsOnce(),
    Get: (call) => text(call.body[1] === 'ActiveState' ? state : (properties[String(call.body[1])] ?? '')),
  });

  test('that runs is an error', async () => {
    const { systemd } = await systemdWith(inState('active'));
    await expect(startScope(systemd, start)).rejects.toMatchObject({ hint: expect.stringContaining('choose another') });
  });

  test('that failed is forgotten', async () => {
    const { bus, systemd } = await systemdWith(inState('failed'));
    await expect(startScope(systemd, start)).resolves.toBe('/machine.slice/x.scope');
    expect(bus.argumentsOf('ResetFailedUnit')).toEqual(['x.scope']);
    expect(bus.members).not.toContain('StopUnit');
  });

  test('that is about to end is waited for', async () => {
    const { bus, systemd } = await systemdWith(inState('deactivating'));
    await startScope(systemd, start);
    expect(bus.members.slice(4)).toEqual([
      'StartTransientUnit',
      'Get',
      'StopUnit',
      'ResetFailedUnit',
      'StartTransientUnit',
      'Get',
    ]);
  });
});

describe('the other methods', () => {
  test('stop, forget and kill nothing where there is no unit', async () => {
    const gone = { error: `${from}.NoSuchUnit` };
    const { systemd } = await systemdWith({ StopUnit: gone, ResetFailedUnit: gone, KillUnit: gone });
    await systemd.stop('x.scope');
    await systemd.resetFailed('x.scope');
    await systemd.kill('x.scope', 9);
  });

  test('another error of theirs is one', async () => {
    const { systemd } = await systemdWith({ StopUnit: { error: 'org.freedesktop.DBus.Error.AccessDenied' } });
    await expect(systemd.stop('x.scope')).rejects.toMatchObject({ hint: expect.stringContaining('own systemd') });
  });

  const update = (resources: Resources, files: Readonly<Record<string, string>> = {}) => ({
    unit: 'x.scope',
    layout: 'v2' as const,
    request: { asked: resources, resources },
    current: (file: string) => files[file],
    rewrite: () => undefined,
  });
  const variant = (value: bigint) => ({ signature: 't', value });

  test('an update names only what changes, until the next boot', async () => {
    const { bus, systemd } = await systemdWith({});
    await updateScope(systemd, update({}));
    expect(bus.members).not.toContain('SetUnitProperties');
    await updateScope(systemd, update({ memory: { limit: 4096 } }));
    expect(bus.argumentsOf('SetUnitProperties')).toEqual(['x.scope', true, [['MemoryMax', variant(4096n)]]]);
  });

  test('on cgroup v1 what create has listed does not concern an update of something else', async () => {
    const { bus, systemd } = await systemdWith({});
    const request = (asked: Resources) => ({
      ...update({}),
      layout: 'v1' as const,
      request: { asked, resources: { ...asked, unified: { 'memory.high': '5' } } },
    });
    await updateScope(systemd, request({ pids: { limit: 9 } }));
    expect(bus.argumentsOf('SetUnitProperties')).toEqual(['x.scope', true, [['TasksMax', variant(9n)]]]);
    const asking = updateScope(systemd, request({ unified: { 'memory.high': '6' } }));
    await expect(asking).rejects.toThrow('only cgroup v2 has such files');
  });

  test('after an update what systemd wrote its own way is written again', async () => {
    const files: Record<string, string> = { 'cpu.max': '20500 100000', 'pids.max': '5' };
    const { systemd } = await systemdWith({
      SetUnitProperties: () => {
        files['cpu.max'] = '21000 100000';
        return {};
      },
    });
    const rewritten: string[] = [];
    const asked = update({ cpu: { quota: 20_500 }, pids: { limit: 5 } }, files);
    await updateScope(systemd, { ...asked, rewrite: (file) => rewritten.push(file) });
    expect(rewritten).toEqual(['cpu.max']);
  });

  test('only files that systemd manages are read: some can only be written', async () => {
    const { systemd } = await systemdWith({});
    const read: string[] = [];
    const asked = update({ unified: { 'memory.reclaim': '1M', 'memory.high': '5' } });
    await updateScope(systemd, { ...asked, current: (file) => String(read.push(file)) });
    expect(new Set(read)).toEqual(new Set(['memory.high', 'cpu.max']));
  });

  test('a weight of block IO is corrected where BFQ is found', async () => {
    const resources = { blockIO: { weight: 500 }, pids: { limit: 5 } };
    const scope = { ...start, spec: { ...spec, linux: { resources } } };
    const { bus, systemd } = await systemdWith({});
    await correctScope(systemd, scope, () => undefined);
    expect(bus.members).not.toContain('SetUnitProperties');
    await correctScope(systemd, scope, (file) => (file === 'io.bfq.weight' ? 'default 100' : undefined));
    expect(bus.argumentsOf('SetUnitProperties')).toEqual(['x.scope', true, [['IOWeight', variant(4500n)]]]);
  });

  test.each([
    ['us', ['file:/run/tsrunc/x'], 'failed'],
    ['another', ['file:/elsewhere/x'], 'active'],
    ['another', [], 'deactivating'],
    ['nobody', [], 'inactive'],
  ])('the name belongs to %s', async (owner, documents, state) => {
    const { systemd } = await systemdWith({
      Get: (call) =>
        call.body[1] === 'Documentation'
          ? { signature: 'v', body: [{ signature: 'as', value: documents }] }
          : text(call.body[1] === 'ActiveState' ? state : '252'),
    });
    expect(await ownerOf(systemd, unit)).toBe(owner);
  });

  test('the object of a unit', async () => {
    const { bus, systemd } = await systemdWith({});
    await systemd.controlGroup('a-b\\x2b.scope');
    expect(bus.calls.at(-1)?.path).toBe('/org/freedesktop/systemd1/unit/a_2db_5cx2b_2escope');
  });
});

test('on cgroup v1 `unified` is no error for an ordinary user, who has it listed', () => {
  const resources = { pids: { limit: 5 }, unified: { 'memory.high': '5' } };
  const onV1 = { ...start, layout: 'v1', spec: { ...spec, linux: { resources } } } as const;
  const all = scopeProperties({ ...onV1, leniency: { rights: true, devices: true } }, 252);
  expect(all).toContainEqual({ name: 'TasksMax', signature: 't', value: 5n });
  expect(() => scopeProperties(onV1, 252)).toThrow('only cgroup v2 has such files');
});

test("the user's annotations come last, since the last property counts", () => {
  const annotations = { 'org.systemd.property.CollectMode': "'inactive'" };
  const all = scopeProperties({ ...start, spec: { ...spec, annotations } }, 252);
  expect(all.filter(({ name }) => name === 'CollectMode').map(({ value }) => value)).toEqual([
    'inactive-or-failed',
    'inactive',
  ]);
});

describe('where systemd is', () => {
  const user = { XDG_RUNTIME_DIR: '/run/user/5' };

  test.each([
    ['system', {}, ['/run/dbus/system_bus_socket', '/run/systemd/private']],
    ['system', { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/x' }, ['/x', '/run/systemd/private']],
    ['user', user, ['/run/user/5/bus', '/run/user/5/systemd/private']],
    ['user', { ...user, DBUS_SESSION_BUS_ADDRESS: 'unix:abstract=y' }, ['\0y', '/run/user/5/systemd/private']],
    ['user', {}, []],
  ] as const)('%s %j', (kind, env, paths) => {
    expect(candidates(kind, env).map(({ path }) => path)).toEqual(paths);
  });

  test('nowhere', async () => {
    await expect(openSystemd('user', {})).rejects.toMatchObject({
      code: 'HOST_UNSUITABLE',
      message: "Cannot reach the user's systemd for --systemd-cgroup: XDG_RUNTIME_DIR is not set",
    });
    await expect(openSystemd('user', { XDG_RUNTIME_DIR: '/no' })).rejects.toThrow(
      '/no/bus: ENOENT; /no/systemd/private: ENOENT',
    );
  });
});

/** runtime-spec config-linux.md "Seccomp": SCMP_ACT_NOTIFY and "The Container Process State". */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Seccomp } from '../src/config/spec.ts';
import { Agent, useAgents } from './support/agent.ts';
import { type Box, type Bundle, expect, type Patch, patient, test } from './support/box.ts';
import { callingBundle, useSyscalls } from './support/syscalls.ts';

useSyscalls();
useAgents();

const socketIn = (box: Box): string => join(box.path, 'agent.sock');

const asking = (box: Box, names: string[], rest: Partial<Seccomp> = {}): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  listenerPath: socketIn(box),
  syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }],
  ...rest,
});

const bundleOf = (box: Box, seccomp: Seccomp, words: readonly string[], patch?: Patch): Promise<Bundle> =>
  callingBundle(box, seccomp, words, patch);

// Covers /linux/seccomp/{listenerPath,listenerMetadata}
describe('the agent', () => {
  test('gets one state with the descriptor, before the container is created', async ({ box }) => {
    const agent = await Agent.at(socketIn(box), 'value:0');
    const seccomp = asking(box, ['getppid'], { listenerMetadata: 'MKNOD=/dev/null,"x"' });
    const bundle = await bundleOf(box, seccomp, ['getppid'], (config) => {
      config.annotations = { 'org.example.a': 'b' };
    });
    const id = await box.create(bundle);
    expect(await agent.says('fds')).toBe('1');
    const { pid } = await box.state(id);
    expect(JSON.parse(await agent.says('state'))).toEqual({
      ociVersion: '1.3.0',
      fds: ['seccompFd'],
      pid,
      metadata: 'MKNOD=/dev/null,"x"',
      state: {
        ociVersion: '1.3.0',
        id,
        status: 'creating',
        pid,
        bundle: bundle.path,
        annotations: { 'org.example.a': 'b' },
      },
    });
    await box.ok('start', id);
    expect(await agent.says('call')).toMatch(/^\d+$/);
    await agent.says('gone');
  });

  test('gets no metadata where there is none', async ({ box }) => {
    const agent = await Agent.at(socketIn(box), 'continue');
    await box.run(await bundleOf(box, asking(box, ['getppid']), ['getppid']));
    expect(JSON.parse(await agent.says('state'))).not.toHaveProperty('metadata');
  });

  test('gets metadata of any length', async ({ box }) => {
    const agent = await Agent.at(socketIn(box), 'continue');
    const listenerMetadata = 'x'.repeat(600_000);
    await box.run(await bundleOf(box, asking(box, ['getppid'], { listenerMetadata }), ['getppid']));
    expect(JSON.parse(await agent.says('state')).metadata).toBe(listenerMetadata);
  });

  test.for<[string, string]>([
    ['errno:123', '123'],
    ['value:7', 'ok'],
    ['continue', 'ok'],
  ])('answers %s, the program sees %s', async ([answer, seen], { box }) => {
    const agent = await Agent.at(socketIn(box), answer);
    const { stdout } = await box.run(await bundleOf(box, asking(box, ['getppid', 'umask']), ['getppid', 'umask:0']));
    expect(stdout.trim()).toBe(`${seen} ${seen}`);
    expect(agent.lines('call')).toHaveLength(2);
  });

  test('that ends leaves calls without an answer: ENOSYS', async ({ box }) => {
    const agent = await Agent.at(socketIn(box), 'continue');
    const bundle = await bundleOf(box, asking(box, ['sync']), [], (config) => {
      config.process.args = ['sh', '-c', '/bin/syscall sync getpid > /out'];
    });
    const id = await box.create(bundle);
    await agent.says('state');
    agent.end();
    await box.ok('start', id);
    await box.reached(id, 'stopped');
    expect(readFileSync(join(bundle.rootfs, 'out'), 'utf8')).toBe('38 ok\n');
  });
});

test('exec has an agent of its own, that gets the state of a running container', async ({ box }) => {
  const first = await Agent.at(socketIn(box), 'continue');
  const bundle = await bundleOf(box, asking(box, ['getppid']), [], (config) => {
    config.process.args = ['sleep', '100'];
  });
  const id = await box.create(bundle);
  await box.ok('start', id);
  await first.says('state');
  rmSync(socketIn(box));
  const second = await Agent.at(socketIn(box), 'errno:123');
  expect((await box.ok('exec', id, 'syscall', 'getppid')).stdout).toBe('123\n');
  const { pid } = await box.state(id);
  const { state, pid: ofExec } = JSON.parse(await second.says('state'));
  expect(state).toMatchObject({ id, status: 'running', pid });
  expect(ofExec).not.toBe(pid);
});

describe('the runtime needs no system call that the agent is asked about', () => {
  const important = ['execve', 'openat', 'open', 'read', 'close', 'capset', 'prctl', 'clone3', 'recvmsg', 'accept4'];
  // What a network agent asks about; the runtime's own handover must not be among it.
  const network = ['sendmsg', 'sendto', 'connect', 'bind', 'setsockopt', 'getpeername', 'exit', 'exit_group'];

  test.for([
    [true, important],
    [false, important],
    [true, network],
    [false, network],
  ] as const)('noNewPrivileges %s, %j', async ([noNewPrivileges, names], { box }) => {
    const agent = await Agent.at(socketIn(box), 'continue');
    const bundle = await bundleOf(box, asking(box, [...names]), ['getpid'], (config) => {
      config.process.noNewPrivileges = noNewPrivileges;
    });
    expect(await box.run(bundle)).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(agent.lines('call').length).toBeGreaterThan(0);
  });
});

test('the program has neither the listener nor another thread', async ({ box }) => {
  await Agent.at(socketIn(box), 'continue');
  const { stdout } = await box.probe('ls /proc/self/fd; ls /proc/1/task', (config) => {
    config.linux.seccomp = asking(box, ['getppid']);
  });
  expect(stdout.trim().split('\n')).toEqual(['0', '1', '2', '3', '1']);
});

describe('failures', () => {
  test.for<[string, (box: Box) => string]>([
    ['nobody listens', socketIn],
    ['the path leads nowhere', () => '/nowhere/agent.sock'],
    ['an abstract name', () => '@agent'],
  ])('%s: create fails and leaves nothing', async ([_, pathIn], { box }) => {
    const bundle = await bundleOf(box, asking(box, ['getppid'], { listenerPath: pathIn(box) }), ['getppid']);
    const id = box.id();
    const { code, stderr } = await box.tsrunc('create', '--bundle', bundle.path, id);
    expect(code).toBe(1);
    expect(stderr).toContain('failed to connect with seccomp agent');
    expect(stderr).toContain('/linux/seccomp/listenerPath');
    expect(await box.tsrunc('state', id)).toMatchObject({ code: 1 });
  });

  test('an unused listenerPath is ignored', async ({ box }) => {
    const seccomp: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/nowhere', listenerMetadata: 'x' };
    expect(await box.run(await bundleOf(box, seccomp, ['getppid']))).toMatchObject({ code: 0 });
  });
});

test('WAIT_KILLABLE_RECV is taken with NOTIFY, and means nothing without it', async ({ box }) => {
  await Agent.at(socketIn(box), 'continue');
  const flags: Seccomp['flags'] = ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', 'SECCOMP_FILTER_FLAG_LOG'];
  expect(await box.run(await bundleOf(box, asking(box, ['getppid'], { flags }), ['getppid']))).toMatchObject({
    code: 0,
  });
  const without: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW', flags };
  expect(await box.run(await bundleOf(box, without, ['getppid']))).toMatchObject({ code: 0 });
});

test.for([
  [[], 'is interrupted', { wait: 10_000, says: 'left', seen: '4 ok', answers: 0 }],
  [
    ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
    'goes on until the answer',
    { wait: 500, says: 'asks', seen: '123 ok', answers: 1 },
  ],
] as const)(
  'flags %j: a call that the agent works on %s when a signal comes',
  async ([flags, _, expected], { box }) => {
    const agent = await Agent.at(socketIn(box), 'errno:123', patient(expected.wait));
    const bundle = await bundleOf(box, asking(box, ['getppid'], { flags: [...flags] }), ['-i', 'getppid', 'getpid']);
    expect(await box.run(bundle)).toMatchObject({ code: 0, stdout: `${expected.seen}\n` });
    await agent.says('gone');
    expect(agent.lines(expected.says)).toHaveLength(1);
    expect(agent.lines('call')).toHaveLength(expected.answers);
  },
);

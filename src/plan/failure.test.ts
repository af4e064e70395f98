import { describe, expect, test } from 'vitest';
import { planAfterStart } from './compile.ts';
import { stepFailure } from './failure.ts';
import { full } from './fixtures.ts';
import type { Op, OpNamed } from './ops.ts';

const ENOENT = 2;
const EACCES = 13;
const EPERM = 1;
const EINVAL = 22;

const mount: OpNamed<'mount'> = {
  op: 'mount',
  fstype: 'tmpfs',
  source: 'tmpfs',
  target: '/tmp',
  options: ['size=1x'],
  attrs: 0n,
  propagation: 0,
  propagationRecursive: 0,
  noSymlinks: 0,
  copyUp: 0,
  idmap: '',
  from: '/mounts/3',
};

const find = (name: string): Op => ({ op: 'findProgram', name, directories: ['/bin'], from: '/process/args/0' });
const exec: Op = { op: 'exec', args: ['/run.sh', 'x'], env: [], from: '/process/args' };

describe('a failed operation', () => {
  test('is named with object, call and errno', () => {
    const error = stepFailure(mount, { errno: EINVAL, call: 'mount_setattr', detail: '' });
    expect(error.message).toBe('Cannot mount "tmpfs" at "/tmp": mount_setattr: EINVAL');
    expect(error.code).toBe('STEP_FAILED');
    expect(error.place).toEqual({ file: 'config.json', pointer: '/mounts/3' });
  });

  test('tells what the kernel said, and the way out', () => {
    const error = stepFailure(mount, { errno: EINVAL, call: 'fsconfig', detail: "tmpfs: Bad value for 'size'" });
    expect(error.message).toBe('Cannot mount "tmpfs" at "/tmp": fsconfig: EINVAL (tmpfs: Bad value for \'size\')');
    expect(error.hint).toBe('The file system does not take one of the options, or not this value of it.');
  });

  test('is placed in the file', () => {
    const locate = (pointer: string) => ({ file: 'config.json', pointer, line: 41, column: 5 });
    expect(stepFailure(mount, { errno: EINVAL, call: 'x', detail: '' }, locate).place?.line).toBe(41);
  });

  test('has no place where the runtime itself asked', () => {
    expect(stepFailure({ op: 'protect', from: '' }, { errno: EPERM, call: 'prctl', detail: '' }).place).toBeUndefined();
  });

  test.each<[Op, number, string]>([
    [{ ...mount, fstype: 'sysfs' }, EPERM, 'network namespace'],
    [{ ...mount, fstype: 'proc' }, EPERM, 'pid namespace'],
    [{ ...mount, fstype: 'devpts', options: ['gid=5'] }, EINVAL, 'must be mapped'],
    [{ op: 'setRlimit', resource: 7, soft: 1n, hard: 2n, from: '' }, EPERM, 'CAP_SYS_RESOURCE'],
    [{ op: 'pivotRoot', from: '' }, EINVAL, '--no-pivot'],
    [{ op: 'unshare', flags: 0x1000_0000, from: '' }, EPERM, 'apparmor_restrict_unprivileged_userns'],
    [{ op: 'setUser', uid: 5, gid: 5, groups: [], setGroups: 0, from: '' }, EINVAL, 'linux.uidMappings'],
    [{ op: 'joinCgroup', file: 'cgroup:cpu', mayVanish: 0, from: '' } as const, 19, 'Somebody removed the cgroup'],
  ])('operation %# gives a hint', (op, errno, words) => {
    expect(stepFailure(op, { errno, call: 'x', detail: '' }).hint).toContain(words);
  });

  test('names a capability that the kernel refused', () => {
    const op: Op = { op: 'setCapabilities', effective: 0n, permitted: 0n, inheritable: 0n, ambient: 0n, from: '' };
    expect(stepFailure(op, { errno: EPERM, call: 'capset', detail: 'capability 24' }).message).toBe(
      'Cannot set the capabilities: capset: EPERM (CAP_SYS_RESOURCE)',
    );
  });
});

/** Engines match these; they are runc's words. */
describe('a program that cannot run', () => {
  test.each<[Op, { errno: number; call: string; detail: string }, string]>([
    [find('sh'), { errno: ENOENT, call: 'search', detail: '' }, 'exec: "sh": executable file not found in $PATH'],
    [find('/x'), { errno: ENOENT, call: 'faccessat2', detail: '' }, 'exec: "/x": no such file or directory'],
    [find('/x'), { errno: EACCES, call: 'faccessat2', detail: '' }, 'exec: "/x": permission denied'],
    [find('/x/y'), { errno: 20, call: 'faccessat2', detail: '' }, 'exec: "/x/y": not a directory'],
    [
      find('x'),
      { errno: EACCES, call: 'faccessat2', detail: '/bin/x: mounted noexec' },
      'exec: "x": permission denied (/bin/x: mounted noexec)',
    ],
    [
      find('/etc'),
      { errno: 21, call: 'faccessat2', detail: '/etc' },
      'exec: "/etc": is a directory: permission denied (/etc)',
    ],
    [
      exec,
      { errno: ENOENT, call: 'execve', detail: 'interpreter /bin/foo' },
      'exec: "/run.sh": no such file or directory: its interpreter "/bin/foo" is missing',
    ],
    [
      exec,
      { errno: ENOENT, call: 'execve', detail: 'interpreter /bin/sh\r' },
      'exec: "/run.sh": no such file or directory: its interpreter "/bin/sh\\r" is missing',
    ],
    [
      exec,
      { errno: 8, call: 'execve', detail: 'built for another machine (ELF machine 40)' },
      'exec: "/run.sh": exec format error: built for another machine (ELF machine 40)',
    ],
  ])('%j %j', (op, failure, message) => {
    const error = stepFailure(op, failure);
    expect(error.message).toBe(message);
    expect(error.code).toBe('PROGRAM_NOT_FOUND');
  });

  test.each([
    [find('/x'), EACCES, '/x: mounted noexec', 'noexec'],
    [find('/x'), EACCES, '/x: not marked executable', 'chmod +x'],
    [exec, ENOENT, 'ELF interpreter /lib/ld.so', 'dynamically linked'],
    [exec, ENOENT, 'interpreter /bin/sh\r', 'carriage return'],
    [find('/x'), EPERM, '', 'A filter of system calls'],
    [exec, EPERM, '', 'leave process.apparmorProfile or noNewPrivileges out'],
    [exec, EPERM, '', 'process.capabilities.bounding'],
  ])('%j %i %s has a hint', (op, errno, detail, words) => {
    const call = op.op === 'exec' ? 'execve' : 'faccessat2';
    expect(stepFailure(op, { errno, call, detail }).hint).toContain(words);
  });
});

test('a failed hook says which, and how it ended', () => {
  const [hook] = planAfterStart(full, { prefix: '', suffix: '' });
  if (hook === undefined) throw new Error('no hook was planned');
  const error = stepFailure(hook, { errno: 125, call: 'hook', detail: 'exit status 3: no luck' });
  expect(error.message).toBe('error running startContainer hook #0: "/bin/warm" exit status 3: no luck');
  expect(error.code).toBe('HOOK_FAILED');
  expect(stepFailure(hook, { errno: ENOENT, call: 'execve', detail: '' }).message).toBe(
    'error running startContainer hook #0: "/bin/warm" execve: no such file or directory',
  );
  expect(stepFailure(hook, { errno: EPERM, call: 'execve', detail: '' })).toMatchObject({
    message: 'error running startContainer hook #0: "/bin/warm" execve: operation not permitted',
    hint: expect.stringContaining('process.apparmorProfile'),
  });
});

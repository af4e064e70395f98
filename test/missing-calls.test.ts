/**
 * A kernel that is too old, or a filter of system calls around tsrunc (it runs in a container itself): what lacks is named, with
 * the way out, and nothing is left behind.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, type Bundle, type Config, exec, expect, type Outcome, type Patch, test } from './support/box.ts';
import { denying, useDeny } from './support/deny.ts';
import { cgroupDirectories, hasCommand, isRoot, runtime } from './support/host.ts';

useDeny();

const ENOSYS = 38;
const errno = { EPERM: 1, EAGAIN: 11, EMFILE: 24, ENOSPC: 28, ENOSYS } as const;
type Errno = keyof typeof errno;

const tooOld = 'Hint: tsrunc needs Linux 5.12. On a newer kernel a filter hides the call';

/** The runtime where some calls give an errno. */
const without = (box: Box, denied: readonly (readonly [call: string, errno: Errno])[], words: readonly string[]) =>
  denying(
    box,
    denied.map(([call, name]) => `${call}=${errno[name]}`),
    words,
  );

const inUserNamespace = (config: Config): void => {
  config.linux.namespaces.push({ type: 'user' });
  config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
};
const idmapped = (config: Config): void => {
  const mapping = [{ containerID: 0, hostID: 1000, size: 10 }];
  config.mounts.push({
    destination: '/data',
    type: 'bind',
    source: '/tmp',
    options: ['bind'],
    uidMappings: mapping,
    gidMappings: mapping,
  });
};
const filtered = (config: Config): void => {
  config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['sync'], action: 'SCMP_ACT_ERRNO' }] };
};
const nothingMore: Patch = () => undefined;

/** Nothing of the container is there: no state, no cgroup, no process with its bundle. */
const expectNothing = async (box: Box, id: string, { path }: Bundle): Promise<void> => {
  const left = readdirSync(box.root).filter((name) => name !== '@seccomp');
  expect(left).toEqual([]);
  expect(cgroupDirectories(id)).toEqual([]);
  expect((await exec('pgrep', ['-f', path])).stdout).toBe('');
};

const rows: readonly (readonly [call: string, errno: Errno, says: string, hint: string, patch?: Patch])[] = [
  ['clone3', 'ENOSYS', 'Cannot start the init helper: clone3: ENOSYS', tooOld],
  ['memfd_create', 'ENOSYS', 'Cannot start the init helper: memfd_create: ENOSYS', tooOld],
  ['execveat', 'ENOSYS', 'Cannot start the init helper: execveat: ENOSYS', tooOld],
  ['close_range', 'ENOSYS', 'Cannot start the init helper: close_range: ENOSYS', tooOld],
  ['unshare', 'ENOSYS', 'Cannot make new namespaces: ipc, uts, network, mount: unshare: ENOSYS', tooOld],
  ['unshare', 'ENOSYS', 'Cannot make new namespaces: user: unshare: ENOSYS', tooOld, inUserNamespace],
  ['mount_setattr', 'ENOSYS', 'mount_setattr: ENOSYS', tooOld],
  ['mount_setattr', 'ENOSYS', 'mount_setattr: ENOSYS', tooOld, idmapped],
  ['open_tree', 'ENOSYS', 'rootfs" as the root: open_tree: ENOSYS', tooOld],
  ['move_mount', 'ENOSYS', 'rootfs" as the root: move_mount: ENOSYS', tooOld],
  ['openat2', 'ENOSYS', 'Cannot mount "proc" at "/proc": openat2: ENOSYS', tooOld],
  ['fsopen', 'ENOSYS', 'Cannot mount "proc" at "/proc": fsopen: ENOSYS', tooOld],
  ['faccessat2', 'ENOSYS', 'exec: "true": faccessat2: ENOSYS', tooOld],
  ['clone3', 'EPERM', 'Cannot start the init helper: clone3: EPERM', 'Hint: A filter of system calls'],
  ['faccessat2', 'EPERM', 'exec: "true": operation not permitted', 'Hint: A filter of system calls'],
  ['clone3', 'EAGAIN', 'Cannot start the init helper: clone3: EAGAIN', 'Hint: The limit of processes is reached'],
  ['clone3', 'ENOSPC', 'Cannot start the init helper: clone3: ENOSPC', 'Hint: Too many namespaces'],
  ['memfd_create', 'EMFILE', 'memfd_create: EMFILE', 'Hint: Too many files are open'],
];

describe.runIf(isRoot)('without a system call', () => {
  test.for(rows)('%s (%s): %s', async ([call, name, says, hint, patch = nothingMore], { box }) => {
    const id = box.id();
    const bundle = await box.bundle((config) => {
      config.linux.cgroupsPath = `/${id}`;
      return patch(config);
    });
    for (const verb of ['create', 'run']) {
      const outcome = await without(box, [[call, name]], [verb, '-b', bundle.path, id]);
      expect({ verb, code: outcome.code, stdout: outcome.stdout }).toEqual({ verb, code: 1, stdout: '' });
      expect(outcome.stderr).toContain(says);
      expect(outcome.stderr).toContain(hint);
      await expectNothing(box, id, bundle);
    }
  });

  test('seccomp (ENOSYS): the filter is loaded at the start, which fails', async ({ box }) => {
    const id = box.id();
    const bundle = await box.bundle(filtered);
    expect(await without(box, [['seccomp', 'ENOSYS']], ['create', '-b', bundle.path, id])).toMatchObject({ code: 0 });
    const { code, stderr } = await box.tsrunc('start', id);
    expect(code).toBe(1);
    expect(stderr).toContain('Cannot load the seccomp filter');
    expect(stderr).toContain(tooOld);
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
    await expectNothing(box, id, bundle);
  });

  test.for([
    ['exec <id> true', 'clone3', 255, 'Cannot start the init helper: clone3: ENOSYS'],
    [
      'exec <id> true',
      'setns',
      255,
      'Cannot join namespaces of the container: ipc, uts, network, pid, mount: setns: ENOSYS',
    ],
    ['exec <id> true', 'pidfd_open', 255, 'pidfd_open: ENOSYS'],
    ['exec <id> true', 'faccessat2', 255, 'exec: "true": faccessat2: ENOSYS'],
    ['kill <id> TERM', 'pidfd_open', 1, 'pidfd_open: ENOSYS'],
    ['kill <id> TERM', 'pidfd_send_signal', 1, 'pidfd_send_signal: ENOSYS'],
    ['delete --force <id>', 'pidfd_send_signal', 1, 'pidfd_send_signal: ENOSYS'],
  ] as const)('%s says what lacks (%s), and the container goes on', async ([command, call, code, says], { box }) => {
    const id = await box.running();
    const words = command.split(' ').map((word) => word.replace('<id>', id));
    const outcome: Outcome = await without(box, [[call, 'ENOSYS']], words);
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: '' });
    expect(outcome.stderr).toContain(says);
    expect(outcome.stderr).toContain(tooOld);
    expect(await box.state(id)).toMatchObject({ status: 'running' });
    await box.ok('delete', '--force', id);
  });
});

describe.skipIf(!isRoot || !hasCommand('unshare'))('a kernel that says itself that it is too old', () => {
  test.for(['4.18.0-553.el8.x86_64', '5.4.0-200-generic', '5.11.22'])('%s', async (release, { box }) => {
    const id = box.id();
    const bundle = await box.bundle();
    const file = join(box.path, 'osrelease');
    writeFileSync(file, `${release}\n`);
    const script = 'mount --bind "$1" /proc/sys/kernel/osrelease && shift && exec "$@"';
    const words = [runtime, '--root', box.root, 'run', '-b', bundle.path, id];
    const { code, stdout, stderr } = await exec('unshare', ['--mount', 'sh', '-c', script, 'sh', file, ...words]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`tsrunc needs Linux 5.12 or newer, this is ${release}`);
    expect(stderr).toMatch(/^Hint: /m);
    expect((await box.ok('list', '-q')).stdout).toBe('');
    await box.ok('state', await box.create(bundle));
  });
});

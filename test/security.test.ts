/** runtime-spec: labels of security modules, personality, no_new_privs; what this host has no module for is refused. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { probeHost } from '../src/host/probe.ts';
import { type Box, expect, type Patch, test } from './support/box.ts';
import { callingBundle, useSyscalls } from './support/syscalls.ts';

useSyscalls();

const { lsm } = probeHost();

const refusal = async (box: Box, patch: Patch): Promise<string> => {
  const { code, stderr } = await box.run(await box.bundle(patch));
  return `${code} ${stderr}`;
};

describe.skipIf(lsm.apparmor)('without AppArmor', () => {
  test('a profile is refused, with its place', async ({ box }) => {
    const said = await refusal(box, (config) => {
      config.process.apparmorProfile = 'docker-default';
    });
    expect(said).toMatch(/^1 tsrunc: "docker-default" cannot be applied: AppArmor is not active on this host/);
    expect(said).toContain('/process/apparmorProfile');
  });

  test('exec names its option', async ({ box }) => {
    const { stderr } = await box.tsrunc('exec', '--apparmor', 'docker-default', await box.running(), 'true');
    expect(stderr).toContain(
      'AppArmor is not active on this host (command line, --apparmor)\nHint: Leave it out, or boot',
    );
  });
});

describe.skipIf(lsm.selinux)('without SELinux', () => {
  test.for<[string, Patch]>([
    ['/process/selinuxLabel', ({ process }) => void Object.assign(process, { selinuxLabel: 'a:b:c:s0' })],
    ['/linux/mountLabel', ({ linux }) => void Object.assign(linux, { mountLabel: 'a:b:c:s0' })],
  ])('%s is refused', async ([pointer, patch], { box }) => {
    const said = await refusal(box, patch);
    expect(said).toMatch(/^1 tsrunc: "a:b:c:s0" cannot be applied: SELinux is not active on this host/);
    expect(said).toContain(pointer);
  });
});

describe('personality', () => {
  test.runIf(process.arch === 'x64')('LINUX32 makes uname tell of a 32-bit machine', async ({ box }) => {
    const { stdout } = await box.probe('uname -m; cat /proc/self/personality', (config) => {
      config.linux.personality = { domain: 'LINUX32' };
    });
    expect(stdout).toBe('i686\n00000008\n');
  });

  test('LINUX is the usual one', async ({ box }) => {
    const { stdout } = await box.probe('cat /proc/self/personality', (config) => {
      config.linux.personality = { domain: 'LINUX', flags: [] };
    });
    expect(stdout).toBe('00000000\n');
  });

  // Covers /linux/personality/flags
  test('flags are refused: the specification has none', async ({ box }) => {
    const said = await refusal(box, (config) => {
      config.linux.personality = { domain: 'LINUX', flags: ['ADDR_NO_RANDOMIZE'] };
    });
    expect(said).toContain('1 tsrunc: The runtime-spec defines no flags of personality');
    expect(said).toContain('/linux/personality/flags');
  });
});

describe('noNewPrivileges', () => {
  test.for<[boolean, string]>([
    [false, 'ok'],
    [true, '1'],
  ])('%s: a set-user-id program becomes root: %s', async ([noNewPrivileges, expected], { box }) => {
    const bundle = await callingBundle(box, undefined, ['setresuid:0:0:0'], (config) => {
      // Of its own, since the directory of the bundle may be mounted nosuid.
      config.mounts.push({ destination: '/bin', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] });
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.noNewPrivileges = noNewPrivileges;
    });
    chmodSync(join(bundle.rootfs, 'bin/syscall'), 0o4755);
    expect((await box.run(bundle)).stdout.trim()).toBe(expected);
  });

  test('ambient capabilities reach the program of an ordinary user with it', async ({ box }) => {
    const sets = ['CAP_KILL'];
    const { stdout } = await box.probe('grep -E "^Cap(Eff|Amb):" /proc/self/status', (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.noNewPrivileges = true;
      config.process.capabilities = {
        bounding: sets,
        permitted: sets,
        effective: sets,
        inheritable: sets,
        ambient: sets,
      };
      config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
    });
    expect(stdout).toBe('CapEff:\t0000000000000020\nCapAmb:\t0000000000000020\n');
  });

  test('and without it, although loading the filter takes a capability more', async ({ box }) => {
    const sets = ['CAP_KILL'];
    const { stdout } = await box.probe('grep -E "^Cap(Eff|Amb|Inh):" /proc/self/status', (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.process.noNewPrivileges = false;
      config.process.capabilities = {
        bounding: sets,
        permitted: sets,
        effective: sets,
        inheritable: sets,
        ambient: sets,
      };
      config.linux.seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
    });
    expect(stdout).toBe('CapInh:\t0000000000000020\nCapEff:\t0000000000000020\nCapAmb:\t0000000000000020\n');
  });
});

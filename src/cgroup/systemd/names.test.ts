import { describe, expect, test } from 'vitest';
import { scopeName } from './names.ts';

const named = (cgroupsPath: string | undefined, id = 'c1', manager: 'system' | 'user' = 'system') =>
  scopeName({ cgroupsPath, id, manager });

describe('linux.cgroupsPath for systemd', () => {
  test.each([
    ['system.slice:docker:1234', 'docker-1234.scope', 'system.slice'],
    ['kubepods-besteffort-pod1.slice:cri-containerd:abc', 'cri-containerd-abc.scope', 'kubepods-besteffort-pod1.slice'],
    ['machine.slice::abc', 'abc.scope', 'machine.slice'],
    ['-.slice:p:n', 'p-n.scope', '-.slice'],
    [':p:n', 'p-n.scope', 'system.slice'],
    ['machine.slice:p:', 'p-c1.scope', 'machine.slice'],
    [undefined, 'tsrunc-c1.scope', 'system.slice'],
    ['', 'tsrunc-c1.scope', 'system.slice'],
  ])('%s', (cgroupsPath, name, slice) => expect(named(cgroupsPath)).toEqual({ name, slice }));

  test("the user's systemd has another default", () => {
    expect(named(undefined, 'c1', 'user')).toEqual({ name: 'tsrunc-c1.scope', slice: 'user.slice' });
  });

  test('characters that no unit may have are escaped', () => {
    expect(named(undefined, 'a+b').name).toBe('tsrunc-a\\x2bb.scope');
    expect(named(':p:a/b').name).toBe('p-a\\x2fb.scope');
  });

  test.each(['/a/b', 'a:b', 'a:b:c:d', 'one'])('"%s" is a path, not a unit', (cgroupsPath) => {
    expect(() => named(cgroupsPath)).toThrow(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${cgroupsPath}" instead`,
    );
  });

  test.each(['machine', 'a--b.slice', '-a.slice', 'a/b.slice', '.slice'])('"%s" is no slice', (slice) => {
    expect(() => named(`${slice}:p:n`)).toThrow(/is not the name of a systemd slice/);
  });

  test('a slice holds no processes', () => {
    expect(() => named('machine.slice:p:n.slice')).toThrow('a slice holds no processes');
  });
});

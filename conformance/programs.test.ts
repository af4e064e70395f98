import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { programs, unfairOn } from './programs.mjs';

const nothing = { controllers: [], modules: [], links: 1, raises: false };

describe('a program is left out', () => {
  test('where cgroup v1 lacks its controllers', () => {
    const reason = unfairOn({ controllers: ['net_cls', 'net_prio'] }, { ...nothing, controllers: ['net_cls', 'pids'] });
    expect(reason).toBe('needs the cgroup v1 controller net_prio, which this host lacks');
    expect(unfairOn({ controllers: ['pids'] }, { ...nothing, controllers: ['rw', 'pids'] })).toBeUndefined();
  });

  test('where the host lacks a security module, or the right to raise limits', () => {
    expect(unfairOn({ module: 'selinux' }, { ...nothing, modules: ['yama', 'apparmor'] })).toBe('needs selinux');
    expect(unfairOn({ module: 'apparmor' }, { ...nothing, modules: ['yama', 'apparmor'] })).toBeUndefined();
    expect(unfairOn({ raises: true }, nothing)).toContain('CAP_SYS_RESOURCE');
    expect(unfairOn({ raises: true }, { ...nothing, raises: true })).toBeUndefined();
  });

  test('where the host has fewer network interfaces than it names', () => {
    expect(unfairOn({ links: 2 }, nothing)).toBe('needs 2 network interfaces');
    expect(unfairOn({ links: 2 }, { ...nothing, links: 2 })).toBeUndefined();
  });

  test('for good where it is unfair; else it counts', () => {
    expect(unfairOn({ unfair: 'looks twice' }, nothing)).toBe('looks twice');
    expect(unfairOn({ tries: 3 }, nothing)).toBeUndefined();
  });
});

describe('what a program cannot show', () => {
  const all = Object.entries(programs);

  test('is shown by a test of ours, which is there', () => {
    const isMissing = (covered: string): boolean => {
      const [path = '', title = ''] = covered.split(' > ');
      return title === '' || !readFileSync(join(import.meta.dirname, '..', path), 'utf8').includes(title);
    };
    expect(all.filter(([, { covered }]) => covered !== undefined && isMissing(covered))).toEqual([]);
    expect(all.filter(([, { unfair, covered }]) => unfair !== undefined && covered === undefined)).toEqual([]);
  });

  test('and why it is not counted is in the README, with the sentence of the specification', () => {
    const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
    const reasons = all.flatMap(([, { unfair, exempt, why, spec }]) => [
      unfair,
      exempt && why,
      unfair && spec,
      exempt && spec,
    ]);
    expect(reasons.filter((text) => text !== undefined && !readme.includes(text))).toEqual([]);
  });
});

/** Units of systemd: root's, or those of the user who runs the tests. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isCgroupV2, isRoot } from './host.ts';

export const systemctl = (...args: readonly string[]): string =>
  execFileSync('systemctl', isRoot ? args : ['--user', ...args], { encoding: 'utf8' }).trim();

export const property = (unit: string, name: string): string => systemctl('show', '--value', '--property', name, unit);

export const isKnown = (unit: string): boolean => property(unit, 'LoadState') !== 'not-found';

/** `hierarchy`: of cgroup v1. */
export const directoryOf = (unit: string, hierarchy = 'systemd'): string =>
  `/sys/fs/cgroup${isCgroupV2 ? '' : `/${hierarchy}`}${property(unit, 'ControlGroup')}`;

/** What stands in a file of its cgroup. */
export const knob = (unit: string, file: string): string =>
  readFileSync(`${directoryOf(unit, file.slice(0, file.indexOf('.')))}/${file}`, 'utf8').trim();

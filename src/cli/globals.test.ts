import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../log/logger.ts';
import { globalOptions, logSettings } from './globals.ts';
import { parse } from './parse.ts';

const options = (line: string) =>
  globalOptions(parse(`${line} list`.trim().split(' ')).globals, silentLogger, () => '/default');

describe('cgroup manager', () => {
  test.each([
    ['', 'cgroupfs'],
    ['--systemd-cgroup', 'systemd'],
    ['--systemd-cgroup=false', 'cgroupfs'],
    ['--cgroup-manager systemd', 'systemd'],
    ['--cgroup-manager disabled', 'disabled'],
  ])('%s: %s', (line, cgroupManager) => {
    expect(options(line)).toMatchObject({ cgroupManager, systemdCgroup: cgroupManager === 'systemd' });
  });
});

test('the root is absolute', () => {
  expect(options('').root).toBe('/default');
  expect(options('--root /a/').root).toBe('/a');
  expect(options('--root a').root).toBe(resolve('a'));
});

test('--debug is a log level', () => {
  const settings = (line: string) => logSettings(parse(line.split(' ')).globals);
  expect(settings('--debug --log L list')).toEqual({ file: 'L', format: 'text', level: 'debug' });
  expect(settings('--log-level info --log-format json list')).toEqual({
    file: undefined,
    format: 'json',
    level: 'info',
  });
});

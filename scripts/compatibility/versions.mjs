/** What this host is, and which programs it has. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { newestContainerd } from '../containerd.mjs';
import { workingCriu } from '../criu.mjs';
import { has } from '../packages.mjs';
import { repository, run } from '../run.mjs';

/** How each is asked. @type {Readonly<Record<string, readonly [string, ...string[]]>>} */
const programs = {
  containerd: ['containerd', '--version'],
  podman: ['podman', '--version'],
  conmon: ['conmon', '--version'],
  netavark: ['/usr/lib/podman/netavark', '--version'],
  dockerd: ['dockerd', '--version'],
  systemd: ['systemctl', '--version'],
};

/** The first number with dots in what it answers. @param {[string, readonly [string, ...string[]]]} program @returns {[string, string][]} */
const versionOf = ([name, [command, ...args]]) => {
  if (!has(command)) return [];
  const version = /\d+(?:\.\d+)+/.exec(run(command, args).stdout)?.[0];
  return version === undefined ? [] : [[name, version]];
};

const distribution = () => {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? 'unknown';
};

/** Of the one that the tests use. @returns {[string, string][]} */
const versionOfCriu = () => {
  const { path } = workingCriu(process.env.PATH ?? '');
  if (path === undefined) return [];
  const { stdout } = run('/usr/bin/env', ['criu', '--version'], { env: { ...process.env, PATH: path } });
  return [['CRIU', /\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? 'unknown']];
};

/** @returns {[string, string][]} */
const versionOfNewest = () => {
  const newest = newestContainerd(process.env.PATH ?? '');
  return newest === undefined ? [] : [['containerd, newest', newest.version]];
};

/** @returns {Record<string, string>} */
export const versions = () => ({
  tsrunc: JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).version,
  kernel: release(),
  distribution: distribution(),
  ...Object.fromEntries(Object.entries(programs).flatMap(versionOf)),
  ...Object.fromEntries(versionOfNewest()),
  ...Object.fromEntries(versionOfCriu()),
});

/** That tsrunc was built from. */
export const commit = () => /^commit: (\w{7})/m.exec(run(join(repository, 'dist/tsrunc'), ['--version']).stdout)?.[1];

/** The kind of this host, as a heading. */
export const host = () => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const layout = existsSync('/sys/fs/cgroup/cgroup.controllers')
    ? 'cgroup v2'
    : / - cgroup2 /.test(mounts)
      ? 'cgroup v1 (hybrid)'
      : 'cgroup v1';
  return existsSync('/run/systemd/system') ? `${layout}, systemd` : layout;
};

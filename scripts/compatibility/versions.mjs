/** What this host is, and which programs it has. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { workingCriu } from '../criu.mjs';
import { hostEngines, newestEngines } from '../engines.mjs';
import { has } from '../packages.mjs';
import { repository, run } from '../run.mjs';

/** The first number with dots in what a program answers. @param {string} command @param {readonly string[]} args */
const versionOf = (command, args) => /\d+(?:\.\d+)+/.exec(run(command, args).stdout)?.[0] ?? 'unknown';

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

/** @returns {Record<string, string>} */
const versionsOfNewest = () => {
  const versions = Object.entries(newestEngines()?.versions ?? {});
  return Object.fromEntries(versions.map(([name, version]) => [`${name}, newest`, version]));
};

/** @returns {Record<string, string>} */
export const versions = () => ({
  tsrunc: JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).version,
  kernel: release(),
  distribution: distribution(),
  ...hostEngines(),
  ...(has('systemctl') && { systemd: versionOf('systemctl', ['--version']) }),
  ...versionsOfNewest(),
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

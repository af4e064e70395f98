/**
 * The system packages that tsrunc is built and tested with: one table for all distributions. Only Debian and its
 * descendants get them installed; elsewhere they are named.
 */
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { report, run, SetupError } from './run.mjs';

/**
 * @typedef {object} Need
 * @property {string} what
 * @property {string} probe a command in PATH, or the absolute path of a file
 * @property {readonly string[]} debian alternatives, the preferred one first
 * @property {string} fedora
 * @property {string} alpine
 * @property {string} arch
 * @property {string} opensuse
 */

/** @type {readonly Need[]} */
export const toBuild = [
  {
    what: 'a C++20 compiler',
    probe: 'g++',
    debian: ['g++'],
    fedora: 'gcc-c++',
    alpine: 'g++',
    arch: 'gcc',
    opensuse: 'gcc-c++',
  },
  { what: 'make', probe: 'make', debian: ['make'], fedora: 'make', alpine: 'make', arch: 'make', opensuse: 'make' },
  { what: 'xz', probe: 'xz', debian: ['xz-utils'], fedora: 'xz', alpine: 'xz', arch: 'xz', opensuse: 'xz' },
  {
    what: 'musl-gcc',
    probe: 'musl-gcc',
    debian: ['musl-tools'],
    fedora: 'musl-gcc',
    alpine: 'musl-dev',
    arch: 'musl',
    opensuse: 'musl-devel',
  },
  {
    what: 'libseccomp',
    probe: '/usr/include/seccomp.h',
    debian: ['libseccomp-dev'],
    fedora: 'libseccomp-static',
    alpine: 'libseccomp-static',
    arch: 'libseccomp',
    opensuse: 'libseccomp-devel',
  },
  {
    what: 'a static busybox',
    probe: '/bin/busybox',
    debian: ['busybox-static'],
    fedora: 'busybox',
    alpine: 'busybox-static',
    arch: 'busybox',
    opensuse: 'busybox-static',
  },
  {
    what: 'newuidmap',
    probe: 'newuidmap',
    debian: ['uidmap'],
    fedora: 'shadow-utils',
    alpine: 'shadow-uidmap',
    arch: 'shadow',
    opensuse: 'shadow',
  },
];

/** @type {readonly Need[]} */
export const toTest = [
  {
    what: 'clang-format',
    probe: 'clang-format',
    debian: ['clang-format-19', 'clang-format'],
    fedora: 'clang-tools-extra',
    alpine: 'clang-extra-tools',
    arch: 'clang',
    opensuse: 'clang-tools',
  },
  {
    what: 'clang-tidy',
    probe: 'clang-tidy',
    debian: ['clang-tidy-19', 'clang-tidy'],
    fedora: 'clang-tools-extra',
    alpine: 'clang-extra-tools',
    arch: 'clang',
    opensuse: 'clang-tools',
  },
  {
    what: 'doctest',
    probe: '/usr/include/doctest/doctest.h',
    debian: ['doctest-dev'],
    fedora: 'doctest-devel',
    alpine: 'doctest-dev',
    arch: 'doctest',
    opensuse: 'doctest-devel',
  },
  { what: 'zsh', probe: 'zsh', debian: ['zsh'], fedora: 'zsh', alpine: 'zsh', arch: 'zsh', opensuse: 'zsh' },
  { what: 'fish', probe: 'fish', debian: ['fish'], fedora: 'fish', alpine: 'fish', arch: 'fish', opensuse: 'fish' },
  {
    what: 'mandoc',
    probe: 'mandoc',
    debian: ['mandoc'],
    fedora: 'mandoc',
    alpine: 'mandoc',
    arch: 'mandoc',
    opensuse: 'mandoc',
  },
  { what: 'runc', probe: 'runc', debian: ['runc'], fedora: 'runc', alpine: 'runc', arch: 'runc', opensuse: 'runc' },
  { what: 'crun', probe: 'crun', debian: ['crun'], fedora: 'crun', alpine: 'crun', arch: 'crun', opensuse: 'crun' },
  {
    what: 'containerd',
    probe: 'containerd',
    debian: ['containerd'],
    fedora: 'containerd',
    alpine: 'containerd',
    arch: 'containerd',
    opensuse: 'containerd',
  },
  {
    what: 'CNI plugins',
    probe: '/usr/lib/cni/bridge',
    debian: ['containernetworking-plugins'],
    fedora: 'containernetworking-plugins',
    alpine: 'cni-plugins',
    arch: 'cni-plugins',
    opensuse: 'cni-plugins',
  },
  {
    what: 'podman',
    probe: 'podman',
    debian: ['podman'],
    fedora: 'podman',
    alpine: 'podman',
    arch: 'podman',
    opensuse: 'podman',
  },
  {
    what: 'netavark',
    probe: '/usr/lib/podman/netavark',
    debian: ['netavark'],
    fedora: 'netavark',
    alpine: 'netavark',
    arch: 'netavark',
    opensuse: 'netavark',
  },
  {
    what: 'setcap',
    probe: 'setcap',
    debian: ['libcap2-bin'],
    fedora: 'libcap',
    alpine: 'libcap-setcap',
    arch: 'libcap',
    opensuse: 'libcap-progs',
  },
  {
    what: 'catatonit',
    probe: 'catatonit',
    debian: ['catatonit'],
    fedora: 'catatonit',
    alpine: 'catatonit',
    arch: 'catatonit',
    opensuse: 'catatonit',
  },
  {
    what: 'Docker',
    probe: 'dockerd',
    debian: ['docker.io'],
    fedora: 'moby-engine',
    alpine: 'docker',
    arch: 'docker',
    opensuse: 'docker',
  },
  {
    what: 'iptables',
    probe: 'iptables',
    debian: ['iptables'],
    fedora: 'iptables-nft',
    alpine: 'iptables',
    arch: 'iptables',
    opensuse: 'iptables',
  },
  {
    what: 'ip',
    probe: 'ip',
    debian: ['iproute2'],
    fedora: 'iproute',
    alpine: 'iproute2',
    arch: 'iproute2',
    opensuse: 'iproute2',
  },
];

/** For `npm run test:vm`. @type {readonly Need[]} */
export const toEmulate = [
  {
    what: 'qemu',
    probe: 'qemu-system-x86_64',
    debian: ['qemu-system-x86'],
    fedora: 'qemu-system-x86',
    alpine: 'qemu-system-x86_64',
    arch: 'qemu-system-x86',
    opensuse: 'qemu-x86',
  },
  { what: 'kmod', probe: 'depmod', debian: ['kmod'], fedora: 'kmod', alpine: 'kmod', arch: 'kmod', opensuse: 'kmod' },
  { what: 'zstd', probe: 'zstd', debian: ['zstd'], fedora: 'zstd', alpine: 'zstd', arch: 'zstd', opensuse: 'zstd' },
  {
    what: 'systemd',
    probe: '/lib/systemd/systemd',
    debian: ['systemd-sysv'],
    fedora: 'systemd',
    alpine: 'systemd',
    arch: 'systemd',
    opensuse: 'systemd',
  },
  {
    what: 'the session of systemd',
    probe: '/lib/x86_64-linux-gnu/security/pam_systemd.so',
    debian: ['libpam-systemd'],
    fedora: 'systemd-pam',
    alpine: 'systemd',
    arch: 'systemd',
    opensuse: 'systemd',
  },
  {
    what: 'D-Bus',
    probe: '/usr/lib/systemd/user/dbus.socket',
    debian: ['dbus-user-session'],
    fedora: 'dbus-daemon',
    alpine: 'dbus',
    arch: 'dbus',
    opensuse: 'dbus-1',
  },
  {
    what: "AppArmor's parser",
    probe: 'apparmor_parser',
    debian: ['apparmor'],
    fedora: 'apparmor-parser',
    alpine: 'apparmor',
    arch: 'apparmor',
    opensuse: 'apparmor-parser',
  },
  {
    what: "SELinux's compiler",
    probe: 'secilc',
    debian: ['secilc'],
    fedora: 'secilc',
    alpine: 'secilc',
    arch: 'secilc',
    opensuse: 'secilc',
  },
];

/** @param {string} name a command, or an absolute path */
export const has = (name) => {
  if (name.startsWith('/')) return existsSync(name);
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false; // not here, or not executable: the next directory may have it
    }
  });
};

/** @typedef {{ family: 'debian' | 'fedora' | 'alpine' | 'arch' | 'opensuse', install: string }} Distribution */

/** @type {readonly (Distribution & { ids: readonly string[] })[]} */
const distributions = [
  { family: 'debian', ids: ['debian', 'ubuntu'], install: 'apt-get install --no-install-recommends' },
  { family: 'fedora', ids: ['fedora', 'rhel', 'centos'], install: 'dnf install' },
  { family: 'alpine', ids: ['alpine'], install: 'apk add' },
  { family: 'arch', ids: ['arch'], install: 'pacman -S' },
  { family: 'opensuse', ids: ['opensuse', 'suse'], install: 'zypper install' },
];

/**
 * The family that /etc/os-release names by ID or ID_LIKE.
 * @param {string} osRelease
 * @returns {Distribution | undefined}
 */
export const distributionOf = (osRelease) => {
  const names = [...osRelease.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].flatMap(([, value = '']) =>
    value.replaceAll('"', '').split(/[ -]/),
  );
  return distributions.find(({ ids }) => ids.some((id) => names.includes(id)));
};

/** @param {readonly string[]} names @returns {ReadonlySet<string>} those that dpkg has installed */
const installed = (names) => {
  const { stdout } = run('dpkg-query', ['-W', '-f', `\${Package} \${db:Status-Status}\n`, ...names]);
  const lines = stdout.split('\n').filter((line) => line.endsWith(' installed'));
  return new Set(lines.map((line) => line.split(' ')[0] ?? ''));
};

/** @param {readonly string[]} alternatives @returns {string | undefined} the first that apt can install */
const candidate = (alternatives) =>
  alternatives.find((name) => /^ {2}Candidate: (?!\(none\))/m.test(run('apt-cache', ['policy', name]).stdout));

const apt = /** @param {readonly string[]} args */ (args) =>
  run('apt-get', args, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });

/** What maintainer scripts ask before they start a service: https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt */
const policy = '/usr/sbin/policy-rc.d';

/**
 * apt without starting services: the tests start engines of their own, and a dockerd would change the host's network.
 * @template T
 * @param {() => T} install
 */
const startingNothing = (install) => {
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy, { force: true });
  }
};

/**
 * Install what is missing. The package lists are updated only when they are too old or too empty to install from.
 * @param {readonly Need[]} missing
 * @returns {readonly Need[]} what apt does not have
 * @throws when apt fails twice
 */
const install = (missing) => {
  const known = () => missing.map((need) => candidate(need.debian)).filter((name) => name !== undefined);
  report(`installing ${missing.map((need) => need.debian[0]).join(' ')}`);
  if (known().length < missing.length) apt(['update', '-q']);
  const attempt = () => startingNothing(() => apt(['install', '-y', '-q', '--no-install-recommends', ...known()]));
  let outcome = attempt();
  if (outcome.status !== 0) {
    apt(['update', '-q']);
    outcome = attempt();
  }
  if (outcome.status !== 0) throw new SetupError(`apt-get install failed:\n${outcome.stdout}${outcome.stderr}`);
  return missing.filter((need) => candidate(need.debian) === undefined);
};

/** @param {readonly Need[]} needs */
const missingOnDebian = (needs) => {
  const present = installed(needs.flatMap((need) => need.debian));
  return needs.filter((need) => !need.debian.some((name) => present.has(name)) && !has(need.probe));
};

/**
 * Make sure of the packages for `needs`: install them where we may, name them where we may not.
 * @param {readonly Need[]} needs
 * @returns {string | undefined} what the user has to do, when something is still missing
 */
export const ensurePackages = (needs) => {
  const distribution = distributionOf(existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '');
  const debian = distribution?.family === 'debian';
  /** @type {readonly Need[]} */
  let missing = debian ? missingOnDebian(needs) : needs.filter((need) => !has(need.probe));
  if (missing.length > 0 && debian && process.getuid?.() === 0) missing = install(missing);
  if (missing.length === 0) return undefined;
  const list = missing.map((need) => need.what).join(', ');
  if (distribution === undefined) return `Missing: ${list}. Install them with your system's package manager.`;
  const names = new Set(missing.map((need) => (debian ? String(need.debian[0]) : String(need[distribution.family]))));
  return `Missing: ${list}. Install them as root with:\n\n    ${distribution.install} ${[...names].join(' ')}\n`;
};

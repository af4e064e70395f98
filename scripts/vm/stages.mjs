/** What the runs of several boots consist of: kinds of machines, and what is worth its time in each. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { repository } from '../run.mjs';

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {'plain' | 'selinux' | 'systemd' | 'user' | 'v1'} mode of the machine
 * @property {import('./kernel.mjs').Release} [kernel] its release of Debian, when it is not this host's
 * @property {readonly string[]} [files] integration tests
 * @property {string} [shard] which part of them: "2/6"
 * @property {string} [compatibility] in place of tests: what goes into docs/compatibility.md, a file of test/clients or
 *   "conformance"
 * @property {number} seconds after which the machine is switched off: some times what it needs where nothing else runs
 */

/** Tests whose subject differs with cgroups, systemd, AppArmor or another kernel. */
const hostTests = [
  'test/cgroups.test.ts',
  'test/resources.test.ts',
  'test/systemd.test.ts',
  'test/security.test.ts',
  'test/apparmor.test.ts',
  'test/lifecycle.test.ts',
  'test/masks.test.ts',
  'test/namespaces.test.ts',
  'test/checkpoint',
];

/** What the gate has time for: five minutes of a processor. @type {readonly Stage[]} */
export const quick = [
  {
    name: 'systemd, cgroup v2',
    mode: 'systemd',
    files: ['test/systemd.test.ts', 'test/cgroups.test.ts', 'test/masks.test.ts'],
    seconds: 1400,
  },
];

/** All tests but those with clients. */
const others = readdirSync(join(repository, 'test'))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`);

/** Into how many machines they are divided: one that dies costs its own part only. */
const parts = 4;

/** What takes longest first, so that no machine runs alone in the end. */
const clients = readdirSync(join(repository, 'test/clients'))
  .map((name) => `test/clients/${name}`)
  .sort((one, other) => Number(other.includes('podman.')) - Number(one.includes('podman.')));

/** The client that an ordinary user starts, in a session of systemd. */
const ofUser = 'test/clients/podman-user.test.ts';

/** The full run. @type {readonly Stage[]} */
export const full = [
  ...[...clients.filter((name) => name !== ofUser), 'conformance'].map((name) => ({
    name: `systemd, cgroup v2: ${basename(name, '.test.ts')}`,
    mode: /** @type {const} */ ('systemd'),
    compatibility: name,
    seconds: 2 * 3600,
  })),
  ...Array.from({ length: parts }, (_, index) => ({
    name: `systemd, cgroup v2: tests, part ${index + 1} of ${parts}`,
    mode: /** @type {const} */ ('systemd'),
    files: others,
    shard: `${index + 1}/${parts}`,
    seconds: 2 * 3600,
  })),
  { name: 'an ordinary user of systemd: podman-user', mode: 'user', compatibility: ofUser, seconds: 3600 },
  {
    name: 'an ordinary user of systemd: tests',
    mode: 'user',
    files: [
      'test/rootless.test.ts',
      'test/rootless-cgroups.test.ts',
      'test/rootless-verbs.test.ts',
      'test/systemd.test.ts',
    ],
    seconds: 3600,
  },
  { name: 'no systemd, cgroup v2', mode: 'plain', files: hostTests, seconds: 5400 },
  {
    name: 'SELinux',
    mode: 'selinux',
    files: ['test/selinux.test.ts', 'test/security.test.ts', 'test/lifecycle.test.ts'],
    seconds: 1800,
  },
  { name: 'systemd, cgroup v1: tests', mode: 'v1', files: hostTests, seconds: 5400 },
  { name: 'systemd, cgroup v1: conformance', mode: 'v1', compatibility: 'conformance', seconds: 3600 },
  { name: 'systemd, the newest kernel', mode: 'systemd', kernel: 'sid', files: hostTests, seconds: 5400 },
];

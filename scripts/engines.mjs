/**
 * The newest container engines of Debian beside the host's own, for the tests with clients: people run both, and the two call a
 * runtime differently. Unpacked into the user's cache with the libraries that they need, and never installed: the tests lay them over
 * the host's /usr in the mount namespace of their engine, which is a partial upgrade for its processes alone.
 *
 *   <cache>/engines/<versions>/usr    the packages
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptOptions, fetchedBelow, fetchInto, nothingInstalled, versionOffered, cache as whole } from './apt.mjs';
import { has } from './packages.mjs';
import { report, run, SetupError } from './run.mjs';

const cache = join(whole, 'engines');

/** Tests that compare tsrunc with runc and crun: those with one of them in their names. */
export const comparisons = [
  ...['features', 'flags', 'ps', 'wrong-states', 'events', 'process'].map((name) => `test/${name}.test.ts`),
  '--testNamePattern=runc|crun',
];

/** Tests that one engine serves, and that have to pass with the newest as well. */
export const engineTests = ['containerd', 'cri', 'docker', 'podman', 'podman-rootless', 'readme'].map(
  (name) => `test/clients/${name}.test.ts`,
);

const packages = ['containerd', 'docker.io', 'docker-cli', 'podman'];
/** What these need without saying so, and the smallest that serves where they leave a choice. */
const furthermore = ['aardvark-dns', 'crun', 'nftables', 'systemd-standalone-sysusers'];

/** How each program is asked for its version. @type {Readonly<Record<string, readonly string[]>>} */
const programs = {
  containerd: ['containerd', '--version'],
  podman: ['podman', '--version'],
  conmon: ['conmon', '--version'],
  netavark: ['/usr/lib/podman/netavark', '--version'],
  dockerd: ['dockerd', '--version'],
};

/** @typedef {Readonly<Record<string, string>>} Versions of those that run here */

/** @param {readonly string[]} [prefix] words of a command that runs another @returns {Versions} */
const versionsOf = (prefix = []) => {
  const questions = Object.entries(programs).map(([name, words]) => `echo "${name} $(${words.join(' ')} 2>/dev/null)"`);
  const [command = '', ...words] = [...prefix, 'sh', '-c', questions.join('\n')];
  const answers = run(command, words).stdout.matchAll(/^(\w+) .*?(\d+(?:\.\d+)+)/gm);
  return Object.fromEntries([...answers].map(([, name = '', version = '']) => [name, version]));
};

/** Of the host's own. */
export const hostEngines = () => versionsOf();

/**
 * The shell command that lays a tree over /usr; for a mount namespace of one's own, before anything is started there.
 * @param {string} tree absolute path of a directory like /usr
 */
export const layOver = (tree) => `mount -t overlay overlay -o 'lowerdir=${tree}:/usr' /usr`;

/** Words of the command that runs another in a mount namespace where that has been done. @param {string} tree */
export const under = (tree) => [
  ...['unshare', '--mount', '--propagation=private'],
  ...['sh', '-c', `${layOver(tree)} && exec "$@"`, 'sh'],
];

/** @typedef {{ tree: string, versions: Versions }} Engines tree: for layOver() */

const fetched = () => fetchedBelow(cache, 'usr').map((directory) => join(directory, 'usr'));

/**
 * The fetched ones, where they run and one of them at least is another than the host's.
 * @param {readonly string[]} trees the preferred one first
 * @returns {Engines | undefined}
 */
export const newestEngines = (trees = fetched()) => {
  const [tree] = trees;
  if (tree === undefined || process.getuid?.() !== 0) return undefined;
  const versions = versionsOf(under(tree));
  const own = hostEngines();
  const differ = Object.entries(versions).some(([name, version]) => version !== own[name]);
  return differ ? { tree, versions } : undefined;
};

/**
 * See to it that newestEngines() finds some, if Debian's archive has them.
 * @returns {string | undefined} why there are none
 */
export const ensureEngines = () => {
  if (process.getuid?.() !== 0 || !has('apt-get')) return undefined;
  if (fetched().length > 0) return undefined;
  try {
    fetch();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return `Debian's newest engines cannot be fetched: ${error.message.trim().split('\n').at(-1)}`;
  }
  return newestEngines() === undefined ? "Debian's newest engines do not run on this host, or it has them" : undefined;
};

/** @throws SetupError */
const fetch = () => {
  mkdirSync(cache, { recursive: true });
  const options = aptOptions({ type: 'deb', release: 'sid', place: cache });
  const directory = join(cache, [...new Set(packages.map((name) => versionOffered(options, name)))].join('_'));
  if (existsSync(directory)) return;
  report(`fetching Debian's newest ${packages.join(', ')}`);
  fetchInto({
    directory,
    options,
    download: [...nothingInstalled(cache), '--download-only', 'install', ...packages, ...furthermore],
    arrange: (work) => {
      renameSync(join(work, 'unpacked/usr'), join(work, 'usr'));
      rmSync(join(work, 'unpacked'), { recursive: true });
    },
  });
};

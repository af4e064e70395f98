/**
 * The newest containerd of Debian beside the host's own, for the tests with clients: the two have different shims, and each
 * is what people run. Unpacked into the user's cache and never installed; it needs no libraries but the C library.
 *
 *   <cache>/containerd/<version>/bin/    containerd, ctr and the shim, for PATH
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptOptions, fetchedBelow, fetchInto, cache as whole } from './apt.mjs';
import { has } from './packages.mjs';
import { report, run, SetupError } from './run.mjs';

const cache = join(whole, 'containerd');

/** The tests that start it. */
export const containerdTests = ['test/clients/containerd.test.ts', 'test/clients/cri.test.ts'];

/** @typedef {{ version: string, path: string }} Newest path: for PATH */

/** What `containerd` in a PATH says of itself; undefined where there is none, or it does not run. @param {string} path */
const versionIn = (path) => {
  const { status, stdout } = run('/usr/bin/env', ['containerd', '--version'], { env: { ...process.env, PATH: path } });
  return status === 0 ? / v?(\d+(?:\.\d+)+)/.exec(stdout)?.[1] : undefined;
};

const fetched = () => fetchedBelow(cache, 'containerd');

/**
 * The fetched one, if it is another than the host's.
 * @param {string} path where the host's own is looked for
 * @param {readonly string[]} others directories with another, the preferred one first
 * @returns {Newest | undefined}
 */
export const newestContainerd = (path, others = fetched()) => {
  const own = versionIn(path);
  const [first] = others
    .map((directory) => [directory, path].join(delimiter))
    .map((candidate) => ({ version: versionIn(candidate), path: candidate }))
    .filter(({ version }) => version !== undefined);
  return first === undefined || own === undefined || first.version === own
    ? undefined
    : { version: String(first.version), path: first.path };
};

/**
 * See to it that newestContainerd() finds one, if Debian's archive has it and the host has one to begin with.
 * @param {string} path
 * @returns {string | undefined} why there is none
 */
export const ensureContainerd = (path) => {
  if (versionIn(path) === undefined || process.getuid?.() !== 0 || !has('apt-get')) return undefined;
  if (fetched().length > 0) return undefined;
  try {
    fetch();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return `Debian's newest containerd cannot be fetched: ${error.message.trim().split('\n').at(-1)}`;
  }
  return newestContainerd(path) === undefined ? "Debian's newest containerd does not run on this host" : undefined;
};

/** @throws SetupError */
const fetch = () => {
  mkdirSync(cache, { recursive: true });
  const options = aptOptions({ type: 'deb', release: 'sid', place: cache });
  const { stdout } = run('apt-cache', [...options, 'show', '--no-all-versions', 'containerd']);
  const version = /^Version: (.*)$/m.exec(stdout)?.[1];
  if (version === undefined) throw new SetupError('apt cannot fetch the list of packages');
  report(`fetching containerd ${version}`);
  fetchInto({
    // A colon would end the directory's name in PATH.
    directory: join(cache, version.replaceAll(':', '_')),
    options,
    download: ['download', `containerd=${version}`],
    arrange: (work) => {
      renameSync(join(work, 'unpacked/usr/bin'), join(work, 'bin'));
      rmSync(join(work, 'unpacked'), { recursive: true });
    },
  });
};

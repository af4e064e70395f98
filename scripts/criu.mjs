/**
 * criu for the tests of checkpoint and restore: the host's own where that works, else Debian's newest, unpacked with its
 * libraries into the user's cache and never installed. criu has to know its kernel's sockets, mounts and memory, so that
 * an older one than the kernel often does not even start; and the libraries that the newest needs are newer than the host's.
 *
 *   <cache>/criu/<version>/root/    the packages
 *                          bin/criu the program with its own loader and libraries, for PATH
 */
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptOptions, fetchedBelow, fetchInto, nothingInstalled, versionOffered, cache as whole } from './apt.mjs';
import { has } from './packages.mjs';
import { report, run, SetupError } from './run.mjs';

/** The newest first; where that cannot be fetched (it changes every day), the last stable one. @type {readonly string[]} */
const releases = ['sid', 'trixie'];

const cache = join(whole, 'criu');

/**
 * Why the first criu of a PATH does not work on this host; undefined where it does.
 * @param {string} path
 * @returns {string | undefined}
 */
const failureOf = (path) => {
  const env = { ...process.env, PATH: path };
  // env says by its status when there is none.
  const { status, stderr } = run('/usr/bin/env', ['criu', 'check'], { env });
  if (status === 127) return 'criu is not installed';
  return status === 0 ? undefined : `criu does not work on this host: ${stderr.trim().split('\n').at(-1)}`;
};

const fetched = () => fetchedBelow(cache, 'bin/criu').map((directory) => join(directory, 'bin'));

/**
 * A PATH whose criu works here, or why there is none.
 * @param {string} path where the host's own is looked for
 * @param {readonly string[]} others directories with another, the preferred one first
 * @returns {{ path: string, reason?: never } | { path?: never, reason: string }}
 */
export const workingCriu = (path, others = fetched()) => {
  if (process.getuid?.() !== 0) return { reason: 'criu needs root' };
  const paths = [path, ...others.map((directory) => [directory, path].join(delimiter))];
  const working = paths.find((candidate) => failureOf(candidate) === undefined);
  // What is said of the newest says more than what is said of the host's.
  return working === undefined ? { reason: String(failureOf(paths[1] ?? path)) } : { path: working };
};

/**
 * See to it that workingCriu() finds one, if Debian's archive has it.
 * @param {string} path where the host's own is looked for
 * @returns {string | undefined} why there is none
 */
export const ensureCriu = (path) => {
  const { reason } = workingCriu(path);
  if (reason === undefined || process.getuid?.() !== 0 || !has('apt-get')) return reason;
  /** @type {string[]} */
  const failures = [];
  for (const release of releases) {
    try {
      fetchFrom(release);
      const still = workingCriu(path).reason;
      if (still === undefined) return undefined;
      failures.push(`${release}: ${still}`);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      failures.push(`${release}: ${error.message.trim().split('\n').at(-1)}`);
    }
  }
  return `${reason} (${failures.join('; ')})`;
};

/** @param {string} release of Debian @throws SetupError */
const fetchFrom = (release) => {
  mkdirSync(cache, { recursive: true });
  const options = aptOptions({ type: 'deb', release, place: cache });
  const version = versionOffered(options, 'criu');
  const directory = join(cache, `${version}-${release}`);
  if (existsSync(directory)) return;
  report(`fetching criu ${version}`);
  fetchInto({
    directory,
    options,
    download: [...nothingInstalled(cache), '--download-only', 'install', 'criu'],
    arrange: (work) => arrange(work, directory),
  });
};

/** @param {string} work @param {string} directory where it will be */
const arrange = (work, directory) => {
  renameSync(join(work, 'unpacked'), join(work, 'root'));
  mkdirSync(join(work, 'bin'));
  const libraries = librariesIn(work);
  writeFileSync(join(work, 'bin/criu'), wrapper(join(directory, 'root'), libraries), { mode: 0o755 });
};

/** @typedef {{ directory: string, loader: string }} Libraries relative to the root */

/** @param {string} work @returns {Libraries} */
const librariesIn = (work) => {
  const all = join(work, 'root/usr/lib');
  for (const architecture of readdirSync(all)) {
    const loader = readdirSync(join(all, architecture)).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
    if (loader !== undefined) return { directory: join('usr/lib', architecture), loader };
  }
  throw new SetupError("Debian's packages for criu hold no loader of programs.");
};

/**
 * The loader is told where to look: a variable in the environment would reach tar, iptables and whatever else criu starts.
 * @param {string} root
 * @param {Libraries} libraries
 */
const wrapper = (root, { directory, loader }) => {
  const libraries = join(root, directory);
  return `#!/bin/sh
exec '${join(libraries, loader)}' --library-path '${libraries}' '${join(root, 'usr/sbin/criu')}' "$@"
`;
};

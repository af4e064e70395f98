/**
 * Packages of Debian that are unpacked into the user's cache and never installed: apt with the sources of another release
 * than this host's, whose own configuration stays untouched. apt checks each by the signed index of its archive.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { must, run, SetupError } from './run.mjs';

/** What is fetched once and kept; a virtual machine is told where the host has it. */
export const cache =
  process.env.TSRUNC_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsrunc');

/**
 * The options with which apt-get and apt-cache know that release only; its lists are fetched.
 * @param {object} source
 * @param {'deb' | 'deb-src'} source.type
 * @param {string} source.release "trixie"
 * @param {string} source.place directory for lists and cache
 * @returns {readonly string[]}
 * @throws SetupError when the lists cannot be fetched
 */
export const aptOptions = ({ type, release, place }) => {
  const lists = join(place, `apt-${release}`);
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const list = join(place, `${release}.list`);
  const mirror = /https?:\/\/\S+\/debian\b/.exec(run('apt-get', ['indextargets', '--format', '$(SITE)']).stdout)?.[0];
  const signed = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  writeFileSync(list, `${type} ${signed} ${mirror ?? 'http://deb.debian.org/debian'} ${release} main\n`);
  const options = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': lists,
    'Dir::Cache': place,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  must('apt-get', [...flags, 'update', '-q']);
  return flags;
};

/**
 * Options for a package with all that it needs, down to the loader of programs: what this host has is of another release.
 * @param {string} place directory for them
 * @returns {readonly string[]} for apt-get before "install"
 */
export const nothingInstalled = (place) => {
  const status = join(place, 'status');
  writeFileSync(status, '');
  const values = [`Dir::State::status=${status}`, 'Debug::NoLocking=1', 'APT::Install-Recommends=false'];
  return [...values.flatMap((value) => ['-o', value]), '--yes'];
};

/**
 * The version that apt would fetch, as part of a file's name.
 * @param {readonly string[]} options from aptOptions()
 * @param {string} name of a package
 * @throws SetupError
 */
export const versionOffered = (options, name) => {
  const { stdout } = run('apt-cache', [...options, 'show', '--no-all-versions', name]);
  const version = /^Version: (.*)$/m.exec(stdout)?.[1];
  if (version === undefined) throw new SetupError('apt cannot fetch the list of packages');
  // A colon ends a name in PATH and among the layers of an overlay.
  return version.replaceAll(':', '_');
};

/**
 * The directories that fetchInto() has filled as a whole, the latest first.
 * @param {string} place their parent
 * @param {string} file that they hold
 * @returns {readonly string[]}
 */
export const fetchedBelow = (place, file) =>
  (existsSync(place) ? readdirSync(place) : [])
    .filter((name) => !name.startsWith('new-'))
    .map((name) => join(place, name))
    .filter((directory) => existsSync(join(directory, file)))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);

/**
 * Fill a directory of the cache with packages: with all that was wanted, or not at all.
 * @param {object} entry
 * @param {string} entry.directory that is not there yet; its parent is
 * @param {readonly string[]} entry.options of apt
 * @param {readonly string[]} entry.download words for apt-get that fetch them and no more
 * @param {(work: string) => void} entry.arrange turns unpacked/ in the working directory into what is kept
 * @throws SetupError when they cannot be fetched
 */
export const fetchInto = ({ directory, options, download, arrange }) => {
  const work = mkdtempSync(join(dirname(directory), 'new-'));
  try {
    const archives = join(work, 'archives');
    mkdirSync(join(archives, 'partial'), { recursive: true });
    // "download" writes into the working directory, "install --download-only" into that of archives.
    const places = ['-o', `Dir::Cache::archives=${archives}`, '-o', 'APT::Sandbox::User=root'];
    must('apt-get', [...options, '-qq', ...places, ...download], { cwd: archives });
    for (const archive of readdirSync(archives).filter((file) => file.endsWith('.deb')))
      must('dpkg-deb', ['-x', join(archives, archive), 'unpacked'], { cwd: work });
    rmSync(archives, { recursive: true });
    arrange(work);
    // Somebody else may have been faster.
    if (!existsSync(directory)) renameSync(work, directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

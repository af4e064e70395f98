/** apt with the sources of another release of Debian than this host's, whose own configuration stays untouched. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, run } from './run.mjs';

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

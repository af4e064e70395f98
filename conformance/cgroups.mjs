/** The cgroups that the suite's programs make, wherever the runtime puts them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The programs give their cgroups these names. */
const names = ['cgrouptest', 'testdir'];

/**
 * Other cgroups come and go while we look, and may be nested deeper than a path can say: they are not the suite's.
 * @param {string} directory
 */
const subdirectories = (directory) => {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENAMETOOLONG') return [];
    throw error;
  }
};

/** @param {string} directory @param {boolean} [inside] @returns {string[]} the suite's cgroups below it, children first */
export const suiteCgroups = (directory, inside = false) =>
  subdirectories(directory).flatMap(({ name }) => {
    const path = join(directory, name);
    const ours = inside || names.includes(name);
    return ours ? [...suiteCgroups(path, true), path] : suiteCgroups(path);
  });

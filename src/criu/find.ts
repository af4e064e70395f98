import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TsruncError } from '../errors.ts';

/** criu is an administrator's program, and engines start their runtime with a PATH that may lack the folders of those. */
const administrators = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The folders to search, criu's own helpers (tar, iptables-restore, nft) too. */
export const searchPathOf = (path: string | undefined): string =>
  [
    ...new Set([...(path ?? '/usr/local/bin:/usr/bin:/bin').split(delimiter).filter(isAbsolute), ...administrators]),
  ].join(delimiter);

/** An empty or relative entry means the working directory, which is somebody else's bundle. */
const isAbsolute = (directory: string): boolean => directory.startsWith('/');

/**
 * Absolute path of criu.
 * @param verb what it is wanted for
 * @throws TsruncError HOST_UNSUITABLE when it is not installed
 */
export function findCriu(searchPath: string, verb: string): string {
  const found = searchPath
    .split(delimiter)
    .map((directory) => join(directory, 'criu'))
    .find(isProgram);
  if (found !== undefined) return found;
  throw new TsruncError('HOST_UNSUITABLE', `Cannot ${verb}: criu is not installed (looked for it in ${searchPath})`, {
    hint: 'Install it (Debian, Fedora and Alpine have a package "criu"; see criu.org), or put it into a folder of PATH.',
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not here, or not for us: the next folder may have it
  }
}

/** Ids beyond their own that the administrator gives to ordinary users for their containers: subuid(5), subgid(5). */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { errnoName } from './errno.ts';

/** `count` ids from `first` on. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

const largestId = 2 ** 32 - 2;
const number = /^\d{1,10}$/;

/**
 * The ranges of a user in the text of /etc/subuid or /etc/subgid; both name the user, by login name or by uid.
 * @param name login name; undefined when the uid has no account
 */
export function parseSubordinateIds(text: string, uid: number, name: string | undefined): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [owner = '', first = '', count = '', ...rest] = line.split(':');
    if (owner === '' || (owner !== name && owner !== String(uid)) || rest.length > 0) return [];
    if (!number.test(first) || !number.test(count)) return [];
    const range = { first: Number(first), count: Number(count) };
    return range.count > 0 && range.first + range.count - 1 <= largestId ? [range] : [];
  });
}

/** Login name of a uid in the text of /etc/passwd. */
export function parseLoginName(text: string, uid: number): string | undefined {
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (id === String(uid)) return name;
  }
  return undefined;
}

/** The caller's own ranges; none where the host has no such file. @throws the system call's error */
export function subordinateIds(kind: 'uid' | 'gid', uid: number): IdRange[] {
  return parseSubordinateIds(readIfThere(`/etc/sub${kind}`), uid, parseLoginName(readIfThere('/etc/passwd'), uid));
}

/** Whether the programs that can map them are in PATH (package uidmap). */
export function hasIdMappers(path = process.env.PATH ?? ''): boolean {
  return ['newuidmap', 'newgidmap'].every((program) =>
    path.split(delimiter).some((directory) => directory !== '' && isExecutable(join(directory, program))),
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return '';
    throw error;
  }
}

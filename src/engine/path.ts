/** node:path for POSIX, as far as the program uses it. */
import { natives } from './natives.ts';

export const delimiter = ':';
export const isAbsolute = (path: string): boolean => path.startsWith('/');

export function normalize(path: string): string {
  if (path === '') return '.';
  const names = collapsed(path);
  const body = `${isAbsolute(path) ? '/' : ''}${names.join('/')}`;
  if (body === '' || body === '/') return body === '' ? (path.endsWith('/') ? './' : '.') : '/';
  return path.endsWith('/') ? `${body}/` : body;
}

/** The names of a path without "." and with ".." applied; those that lead above a relative path's start are kept. */
function collapsed(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.length > 0 && names.at(-1) !== '..') names.pop();
    else if (!isAbsolute(path)) names.push(name);
  }
  return names;
}

export const join = (...parts: readonly string[]): string => {
  const joined = parts.filter((part) => part !== '').join('/');
  return joined === '' ? '.' : normalize(joined);
};

export function resolve(...parts: readonly string[]): string {
  let path = '';
  for (const part of parts) if (part !== '') path = isAbsolute(part) || path === '' ? part : `${path}/${part}`;
  return `/${collapsed(isAbsolute(path) ? path : `${natives.cwd()}/${path}`).join('/')}`;
}

export function dirname(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return path === '' ? '.' : '/';
  const slash = trimmed.lastIndexOf('/');
  if (slash < 0) return '.';
  // Two slashes at the start may mean something of their own (POSIX, "Pathname Resolution"): Node keeps them.
  if (slash === 1 && isAbsolute(path)) return '//';
  return trimmed.slice(0, slash) || '/';
}

export function basename(path: string, suffix = ''): string {
  const trimmed = path.replace(/\/+$/, '');
  const name = trimmed.slice(trimmed.lastIndexOf('/') + 1);
  return suffix !== '' && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export const posix = { basename, delimiter, dirname, isAbsolute, join, normalize, resolve };

/** The words for a document that cannot be opened; loaded only then. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TsruncError } from '../errors.ts';
import { errnoName, hintToRead } from '../host/errno.ts';
import type { Wanted } from './read.ts';

/** By how the user names the bundle. */
const words = {
  option: {
    file: '--bundle names the folder that holds it',
    missing: 'A bundle is a folder with a config.json; --bundle DIR names it.',
    empty: '--bundle DIR names the bundle; "tsrunc spec" writes a first config.json.',
  },
  argument: {
    file: 'the bundle is the folder that holds it',
    missing: 'A bundle is a folder with a config.json; it is the current one where none is named.',
    empty: 'A bundle is a folder with a config.json; "tsrunc spec" writes a first one.',
  },
} as const;

const refusal = (message: string, hint?: string): TsruncError =>
  new TsruncError('CONFIG_UNREADABLE', message, hint === undefined ? {} : { hint });

/** @returns TsruncError CONFIG_UNREADABLE */
export function unreadable(wanted: Wanted, cause: unknown): TsruncError {
  const { kind, path } = wanted;
  const errno = errnoName(cause) ?? 'unknown error';
  const isAbsent = errno === 'ENOENT' || errno === 'ENOTDIR';
  const ofBundle = isAbsent ? withoutConfig(wanted) : undefined;
  if (ofBundle !== undefined) return ofBundle;
  if (!isAbsent)
    return new TsruncError('CONFIG_UNREADABLE', `Cannot read the ${kind} "${path}": ${errno}`, {
      cause,
      ...hintToRead(cause),
    });
  const hint = kind === 'configuration' ? '"tsrunc spec" writes one.' : undefined;
  return refusal(`The ${kind} "${path}" does not exist`, hint);
}

/** A bundle that is none; undefined where the file was named by itself. */
function withoutConfig({ path, bundle, bundleIs = 'option' }: Wanted): TsruncError | undefined {
  if (bundle === undefined || path !== join(bundle, 'config.json')) return undefined;
  const { file, missing, empty } = words[bundleIs];
  const status = statSync(bundle, { throwIfNoEntry: false });
  if (status === undefined) return refusal(`The bundle "${bundle}" does not exist`, missing);
  if (!status.isDirectory()) return refusal(`"${bundle}" is a file: ${file}`);
  return refusal(`There is no config.json in "${resolve(bundle)}"`, empty);
}

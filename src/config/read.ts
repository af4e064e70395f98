/** Reads config.json: a small regular file of UTF-8 text, whatever the bundle tries to pass for one. */
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { type ErrorDetails, TsruncError } from '../errors.ts';

/** Far above any real configuration; more would only fill the runtime's memory. */
const largestBytes = 16 * 1024 * 1024;

const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';

const unreadable = (message: string, details: ErrorDetails): TsruncError =>
  new TsruncError('CONFIG_UNREADABLE', message, details);

/** How a document is called in messages: "configuration", "process". */
type Kind = 'configuration' | 'process document';

function openError(kind: Kind, path: string, bundle: string | undefined, cause: unknown): TsruncError {
  const errno = errnoOf(cause);
  if (errno !== 'ENOENT') return unreadable(`Cannot read the ${kind} "${path}": ${errno}`, { cause });
  if (bundle === undefined) return unreadable(`The ${kind} "${path}" does not exist`, { cause });
  if (!existsSync(bundle)) {
    return unreadable(`The bundle "${bundle}" does not exist`, {
      cause,
      hint: 'A bundle is a directory with a config.json; --bundle chooses it.',
    });
  }
  return unreadable(`The configuration "${path}" does not exist`, { cause, hint: '"tsrunc spec" writes one.' });
}

function open(kind: Kind, path: string, bundle?: string): number {
  try {
    // O_NONBLOCK: opening a FIFO would wait for its writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw openError(kind, path, bundle, error);
  }
}

/** A file as it was read. */
export interface ConfigFile {
  readonly bytes: Buffer;
  readonly text: string;
}

/**
 * @param path of the configuration
 * @param bundle directory that it belongs to, for the message when that is missing
 * @throws TsruncError CONFIG_UNREADABLE
 */
export const readConfig = (path: string, bundle: string): ConfigFile =>
  readText('configuration', path, open('configuration', path, bundle));

/**
 * @param path of a file that holds one process of the runtime-spec
 * @throws TsruncError CONFIG_UNREADABLE
 */
export const readProcessDocument = (path: string): ConfigFile =>
  readText('process document', path, open('process document', path));

function readText(kind: Kind, path: string, fd: number): ConfigFile {
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw unreadable(`The ${kind} "${path}" is not a regular file`, {});
    if (status.size > largestBytes) {
      throw unreadable(`The ${kind} "${path}" has ${status.size} bytes; at most ${largestBytes} are read`, {});
    }
    const bytes = readFileSync(fd);
    return { bytes, text: decode(kind, bytes, path) };
  } finally {
    closeSync(fd);
  }
}

/** Go's decoder replaces what is not UTF-8, which makes another path of a path. */
function decode(kind: Kind, bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(`The ${kind} "${path}" is not UTF-8 text`, { cause });
  }
}

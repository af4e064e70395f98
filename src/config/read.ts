/** Reads config.json: a small regular file of UTF-8 text, whatever the bundle tries to pass for one. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { TsruncError } from '../errors.ts';

/** Far above any real configuration; more would only fill the runtime's memory. */
const largestBytes = 16 * 1024 * 1024;

/** What is to be read. */
export interface Wanted {
  /** How the document is called in messages. */
  readonly kind: 'configuration' | 'process document';
  readonly path: string;
  /** The directory that it belongs to, for the message when that is missing. */
  readonly bundle?: string;
  /** How the user names the bundle; by --bundle where nothing is said. */
  readonly bundleIs?: 'option' | 'argument' | undefined;
}

async function open(wanted: Wanted): Promise<number> {
  try {
    // O_NONBLOCK: opening a FIFO would wait for its writer.
    return openSync(wanted.path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw (await import('./unreadable.ts')).unreadable(wanted, cause);
  }
}

/** A file as it was read. */
export interface ConfigFile {
  readonly bytes: Buffer;
  readonly text: string;
}

/** @throws TsruncError CONFIG_UNREADABLE */
export async function readDocument(wanted: Wanted): Promise<ConfigFile> {
  const fd = await open(wanted);
  try {
    return readText(wanted, fd);
  } finally {
    closeSync(fd);
  }
}

function readText({ kind, path }: Wanted, fd: number): ConfigFile {
  const status = fstatSync(fd);
  if (!status.isFile()) throw refusal(`The ${kind} "${path}" is not a regular file`);
  if (status.size > largestBytes) {
    throw refusal(`The ${kind} "${path}" has ${status.size} bytes; at most ${largestBytes} are read`);
  }
  const bytes = readFileSync(fd);
  return { bytes, text: decode(kind, bytes, path) };
}

const refusal = (message: string, cause?: unknown): TsruncError =>
  new TsruncError('CONFIG_UNREADABLE', message, { cause });

/** Go's decoder replaces what is not UTF-8, which makes another path of a path. */
function decode(kind: Wanted['kind'], bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refusal(`The ${kind} "${path}" is not UTF-8 text`, cause);
  }
}

/**
 * From a bundle to its configuration. This is on the path of every create and run: a right configuration costs JSON.parse,
 * one compiled validator and the rules. What explains mistakes is imported only when there are some.
 */
import { join, resolve } from 'node:path';
import type { Place, TsruncError } from '../errors.ts';
import { validate } from '../generated/validate-config.ts';
import { type Finding, isError } from './findings.ts';
import { parseJson } from './parse.ts';
import { placeOf } from './position.ts';
import { readDocument, type Wanted } from './read.ts';
import { checkRules } from './rules.ts';
import type { Spec } from './spec.ts';

export interface LoadedConfig {
  readonly spec: Spec;
  /** The file as it was read, for the copy in the state directory (parseAcceptedSpec reads that). */
  readonly bytes: Buffer;
  readonly text: string;
  readonly path: string;
  /** What is likely not meant that way, but no reason to refuse. */
  readonly warnings: readonly Finding[];
  /** Place of a JSON pointer in the file; of its nearest ancestor where it does not exist. */
  readonly locate: (pointer: string) => Place;
}

export interface LoadOptions extends Pick<Wanted, 'bundleIs'> {
  /** Configuration to read instead of the bundle's config.json; relative to the working directory. */
  readonly file?: string | undefined;
}

type Accepted = { readonly spec: Spec; readonly warnings: readonly Finding[] };

/** The configuration when nothing is wrong with it. */
function accepted(text: string): Accepted | undefined {
  const document = parsed(text);
  if (!validate(document)) return undefined;
  const findings = checkRules(document, text);
  return findings.some(isError) ? undefined : { spec: document, warnings: findings };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined; // no configuration either; validateConfig tells where the text is malformed
  }
}

/**
 * Reads, validates and returns the configuration of a bundle.
 * @param bundle directory of the bundle
 * @throws TsruncError CONFIG_UNREADABLE; CONFIG_INVALID with every mistake at once
 */
export async function loadConfig(bundle: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  const path = options.file === undefined ? join(bundle, 'config.json') : resolve(options.file);
  const { bytes, text } = await readDocument({ kind: 'configuration', path, bundle, bundleIs: options.bundleIs });
  const config = accepted(text);
  if (config === undefined) throw await explained(text, path);
  return { ...config, bytes, text, path, locate: (pointer) => placeOf(text, path, pointer) };
}

async function explained(text: string, path: string): Promise<TsruncError> {
  const [{ validateConfig }, { configError }] = await Promise.all([import('./validate.ts'), import('./report.ts')]);
  return configError((await validateConfig(text, path, 'errors')).filter(isError), path);
}

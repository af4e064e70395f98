/** linux.resources outside of a config.json: what `update` gets. */
import { type ErrorDetails, type Place, TsruncError } from '../errors.ts';
import { validate } from '../generated/validate-config.ts';
import { type Finding, isError, type PlacedFinding } from './findings.ts';
import { parseJson } from './parse.ts';
import { placeOf } from './position.ts';
import { checkRules } from './rules.ts';
import type { Resources, Spec } from './spec.ts';

const parent = '/linux/resources';

/** Where a pointer below /linux/resources is in a text that holds the resources alone. */
export const placeInResources = (text: string, file: string, pointer: string, about?: 'key' | 'value'): Place =>
  placeOf(text, file, pointer.slice(parent.length), about);

/**
 * Resources from JSON text, by the same schema as in a config.json.
 * @param file how the user knows the source, for messages
 * @throws TsruncError CONFIG_INVALID with every mistake at once
 */
export async function parseResources(text: string, file: string): Promise<Resources> {
  const spec = asSpec(await parsed(text, file));
  if (validate(spec)) return spec.linux?.resources ?? {};
  const [{ validateConfig }, { configError }] = await Promise.all([import('./validate.ts'), import('./report.ts')]);
  const findings = await validateConfig(JSON.stringify(spec), file);
  throw configError(
    findings.filter(isOurs).map(
      (finding): PlacedFinding => ({
        ...finding,
        place: placeInResources(text, file, finding.pointer, finding.about),
      }),
    ),
    file,
  );
}

/** A configuration of nothing but resources has further mistakes, which are not the user's. */
const isOurs = (finding: Finding): boolean => isError(finding) && finding.pointer.startsWith(parent);

const asSpec = (resources: unknown): unknown => ({ ociVersion: '1.0.0', linux: { resources } });

async function parsed(text: string, file: string): Promise<unknown> {
  try {
    return parseJson(text);
  } catch (cause) {
    const { explainMalformed } = await import('./malformed.ts');
    const { message, place, hint } = explainMalformed(text, file);
    const details: ErrorDetails = { cause, place, ...(hint === undefined ? {} : { hint }) };
    throw new TsruncError('CONFIG_INVALID', message, details);
  }
}

/**
 * What the rules say about all resources of a container: some fields must fit each other.
 * @throws TsruncError CONFIG_INVALID for the first mistake, with its place in a config.json
 */
export function checkResources(resources: Resources): void {
  const spec: Spec = { ociVersion: '1.0.0', linux: { resources } };
  const found = checkRules(spec, '').find(isOurs);
  if (found === undefined) return;
  throw new TsruncError('CONFIG_INVALID', found.message, {
    place: { file: 'config.json', pointer: found.pointer },
    ...(found.hint === undefined ? {} : { hint: found.hint }),
  });
}

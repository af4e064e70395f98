/** linux.resources outside of a config.json: what `update` gets. */
import { type Place, TsruncError } from '../errors.ts';
import { validate } from '../generated/validate-config.ts';
import { type Finding, isError, type PlacedFinding } from './findings.ts';
import { parseJson } from './parse.ts';
import { placeOf } from './position.ts';
import { checkRules } from './rules.ts';
import type { Resources, Spec } from './spec.ts';
import { refuseUnsupported } from './unsupported.ts';

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
    findings.filter(isOurs).map((finding) => placed(finding, text, file)),
    file,
  );
}

const placed = (finding: Finding, text: string, file: string): PlacedFinding => ({
  ...finding,
  place: placeInResources(text, file, finding.pointer, finding.about),
});

/** A configuration of nothing but resources has further mistakes, which are not the user's. */
const isOurs = (finding: Finding): boolean => isError(finding) && finding.pointer.startsWith(parent);

/** Clients write null for what they do not have, as Go's encoder does. */
const asSpec = (resources: unknown): unknown => ({ ociVersion: '1.0.0', linux: { resources: resources ?? {} } });

async function parsed(text: string, file: string): Promise<unknown> {
  try {
    return parseJson(text);
  } catch {
    const [{ explainMalformed }, { configError }] = await Promise.all([
      import('./malformed.ts'),
      import('./report.ts'),
    ]);
    throw configError([explainMalformed(text, file)], file);
  }
}

/** What has no effect because of its spelling; for people, so only told where it costs no start of a container. */
export async function misspelledResources(text: string, file: string): Promise<readonly string[]> {
  const [{ reportMisspelled }, { Report }, { renderWarning }] = await Promise.all([
    import('./misspelled.ts'),
    import('./rules/helpers.ts'),
    import('./report.ts'),
  ]);
  const report = new Report();
  reportMisspelled(text, report, parent);
  return report.findings.map((finding) => renderWarning(placed(finding, text, file)));
}

/**
 * What the rules say about all resources of a container: some fields must fit each other.
 * @throws TsruncError UNSUPPORTED, or CONFIG_INVALID for the first mistake, with its place in a config.json
 */
export function checkResources(resources: Resources): void {
  const spec: Spec = { ociVersion: '1.0.0', linux: { resources } };
  refuseUnsupported(spec, (pointer) => ({ file: 'config.json', pointer }));
  const found = checkRules(spec, '').find(isOurs);
  if (found === undefined) return;
  throw new TsruncError('CONFIG_INVALID', found.message, {
    place: { file: 'config.json', pointer: found.pointer },
    ...(found.hint === undefined ? {} : { hint: found.hint }),
  });
}

/** Everything that can be said about a configuration; loaded only when something is wrong, or by the verb `validate`. */
import { validate as explainSchema } from '../generated/explain-config.ts';
import { explainSchemaErrors } from './explain.ts';
import type { Finding, PlacedFinding } from './findings.ts';
import { explainMalformed } from './malformed.ts';
import { findMisspelled } from './misspelled.ts';
import { parseJson } from './parse.ts';
import { placeOf } from './position.ts';
import { prune } from './prune.ts';
import { checkRules } from './rules.ts';
import type { Spec } from './spec.ts';
import { unsupported } from './unsupported.ts';

function parsed(text: string): { readonly document: unknown } | undefined {
  try {
    return { document: parseJson(text) };
  } catch {
    return undefined; // explainMalformed finds the reason with its place, which JSON.parse does not tell
  }
}

function* findingsIn(document: unknown, text: string): Generator<Finding> {
  const isValid = explainSchema(document);
  const errors = isValid ? [] : (explainSchema.errors ?? []);
  yield* explainSchemaErrors(errors, text);
  const spec: Spec | undefined = prune(document, errors);
  if (spec === undefined) return;
  yield* checkRules(spec, text);
  if (isValid) yield* unsupported(spec).map((finding): Finding => ({ ...finding, severity: 'warning' }));
  yield* findMisspelled(text);
}

const inOrder = (a: PlacedFinding, b: PlacedFinding): number =>
  (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0);

/**
 * All errors and warnings about a configuration, in the order of the text: the schema's, the rules', what this version cannot
 * apply (warnings: the file itself is right) and what looks like a misspelling.
 * @param text what stands in the file
 * @param file how the user knows the file, for the places
 */
export async function validateConfig(text: string, file: string): Promise<PlacedFinding[]> {
  const json = parsed(text);
  if (json === undefined) return [explainMalformed(text, file)];
  return [...findingsIn(json.document, text)]
    .map((finding): PlacedFinding => ({ ...finding, place: placeOf(text, file, finding.pointer, finding.about) }))
    .sort(inOrder);
}

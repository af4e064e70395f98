/** Everything that can be said about a configuration; loaded only when something is wrong, or by the verb `validate`. */
import { validate as explainSchema } from '../generated/explain-config.ts';
import { explainSchemaErrors } from './explain.ts';
import { type Finding, mostErrors, mostTold, type PlacedFinding, total, untold } from './findings.ts';
import { explainDepth, explainMalformed } from './malformed.ts';
import { reportMisspelled } from './misspelled.ts';
import { parseJson } from './parse.ts';
import { placed } from './placed.ts';
import { prune } from './prune.ts';
import { Report } from './rules/helpers.ts';
import { checkRules } from './rules.ts';
import { unsupported } from './unsupported.ts';

function parsed(text: string): { readonly document: unknown } | undefined {
  try {
    return { document: parseJson(text) };
  } catch {
    return undefined; // explainMalformed finds the reason with its place, which JSON.parse does not tell
  }
}

/** Which findings there are; warnings take as long to find as all mistakes together. */
type Wanted = 'all' | 'errors';

function findingsIn(document: unknown, text: string, wanted: Wanted): Finding[] {
  const isValid = explainSchema(document);
  const errors = isValid ? [] : (explainSchema.errors ?? []);
  const ofShape = explainSchemaErrors(errors.slice(0, mostTold), text);
  if (errors.length > mostTold) ofShape.push(untold('error', errors.length - mostTold));
  // More of them may be there, over which the rules would stumble.
  const spec = errors.length < mostErrors ? prune(document, errors) : undefined;
  if (spec === undefined) return ofShape;
  const report = new Report();
  if (isValid) for (const { pointer, message } of unsupported(spec)) report.caution(pointer, message);
  if (wanted === 'all') reportMisspelled(text, report);
  return [...ofShape, ...checkRules(spec, text), ...report.findings];
}

/** The first of this severity, and how many there are besides. */
function told(findings: readonly Finding[], severity: Finding['severity']): Finding[] {
  const all = findings.filter((finding) => finding.severity === severity);
  const single = all.filter(({ count }) => count === undefined);
  const rest = total(all) - Math.min(single.length, mostTold);
  if (rest === 0) return single;
  const isOpen = severity === 'error' && total(all) >= mostErrors;
  return [...single.slice(0, mostTold), untold(severity, rest, isOpen)];
}

const atTheEnd = Number.MAX_SAFE_INTEGER;
const inOrder = (a: PlacedFinding, b: PlacedFinding): number =>
  (a.place.line ?? atTheEnd) - (b.place.line ?? atTheEnd) || (a.place.column ?? 0) - (b.place.column ?? 0);

/**
 * All errors and warnings about a configuration, in the order of the text: the schema's, the rules', what this version cannot
 * apply (warnings: the file itself is right) and what looks like a misspelling.
 * @param text what stands in the file
 * @param file how the user knows the file, for the places
 */
export async function validateConfig(text: string, file: string, wanted: Wanted = 'all'): Promise<PlacedFinding[]> {
  const deep = explainDepth(text, file);
  if (deep !== undefined) return [deep];
  const json = parsed(text);
  if (json === undefined) return [explainMalformed(text, file)];
  const findings = findingsIn(json.document, text, wanted);
  return placed([...told(findings, 'error'), ...told(findings, 'warning')], text, file).sort(inOrder);
}

/** Everything that can be said about a configuration; loaded only when something is wrong, or by the verb `validate`. */
import { validate as explainSchema } from '../generated/explain-config.ts';
import { explainSchemaErrors } from './explain.ts';
import { type Finding, mostErrors, mostTold, type PlacedFinding, total } from './findings.ts';
import { explainDepth, explainMalformed } from './malformed.ts';
import { findMisspelled } from './misspelled.ts';
import { parseJson } from './parse.ts';
import { findSpans, linesAndColumns } from './position.ts';
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
  yield* explainSchemaErrors(errors.slice(0, mostTold), text);
  if (errors.length > mostTold) yield untold('error', errors.length - mostTold);
  // More of them may be there, over which the rules would stumble.
  const spec: Spec | undefined = errors.length < mostErrors ? prune(document, errors) : undefined;
  if (spec === undefined) return;
  yield* checkRules(spec, text);
  if (isValid) yield* unsupported(spec).map((finding): Finding => ({ ...finding, severity: 'warning' }));
  yield* findMisspelled(text);
}

const untold = (severity: Finding['severity'], count: number): Finding => ({
  severity,
  pointer: '',
  message: `${count} more ${severity === 'error' ? 'mistakes' : 'warnings'} are not shown`,
  count,
});

/** The first of this severity, and how many there are besides. */
function told(findings: readonly Finding[], severity: Finding['severity']): Finding[] {
  const all = findings.filter((finding) => finding.severity === severity);
  const single = all.filter(({ count }) => count === undefined);
  const rest = total(all) - Math.min(single.length, mostTold);
  return rest === 0 ? single : [...single.slice(0, mostTold), untold(severity, rest)];
}

/** Places for all in one walk through the text; for what stands for many, the file as a whole. */
function placed(findings: readonly Finding[], text: string, file: string): PlacedFinding[] {
  const spans = findSpans(
    text,
    findings.map(({ pointer }) => pointer),
  );
  const offsetOf = ({ pointer, about }: Finding): number =>
    spans.get(pointer)?.[about === 'key' ? 'key' : 'start'] ?? 0;
  const lines = linesAndColumns(text, findings.map(offsetOf));
  return findings.map((finding): PlacedFinding => {
    const position = finding.count === undefined ? lines.get(offsetOf(finding)) : undefined;
    return { ...finding, place: { file, pointer: finding.pointer, ...position } };
  });
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
export async function validateConfig(text: string, file: string): Promise<PlacedFinding[]> {
  const deep = explainDepth(text, file);
  if (deep !== undefined) return [deep];
  const json = parsed(text);
  if (json === undefined) return [explainMalformed(text, file)];
  const findings = [...findingsIn(json.document, text)];
  return placed([...told(findings, 'error'), ...told(findings, 'warning')], text, file).sort(inOrder);
}

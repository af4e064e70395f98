import { type ErrorDetails, type Place, TsruncError } from '../errors.ts';
import { countOf, type PlacedFinding } from './findings.ts';

/** "config.json:12:5", as editors and terminals make a link of it. */
export const renderPlace = ({ file, line, column }: Place): string =>
  line === undefined ? file : `${file}:${line}:${column ?? 1}`;

/** One line for each finding; malformed JSON adds an excerpt. */
export const renderFinding = (finding: PlacedFinding): string => render(finding, `${finding.severity}: `);

/** As renderFinding(), for a log that says itself that this is a warning. */
export const renderWarning = (finding: PlacedFinding): string => render(finding, '');

function render({ place, message, hint }: PlacedFinding, label: string): string {
  const [sentence = '', ...excerpt] = message.split('\n');
  const pointer = place.pointer === '' ? '' : ` (${place.pointer})`;
  const head = `${renderPlace(place)}: ${label}${sentence}${pointer}.${hint === undefined ? '' : ` ${hint}`}`;
  return [head, ...excerpt.map((line) => `  ${line}`)].join('\n');
}

export const renderFindings = (findings: readonly PlacedFinding[]): string => findings.map(renderFinding).join('\n');

/**
 * One error for all mistakes of a configuration: a single mistake is the error's own sentence, place and hint; several are
 * listed.
 */
export function configError(errors: readonly PlacedFinding[], file: string): TsruncError {
  const [only, ...others] = errors;
  if (only !== undefined && others.length === 0) {
    const details: ErrorDetails = { place: only.place, ...(only.hint === undefined ? {} : { hint: only.hint }) };
    return new TsruncError('CONFIG_INVALID', only.message, details);
  }
  const list = errors.map((finding) => `  ${renderFinding(finding).replaceAll('\n', '\n  ')}`).join('\n');
  return new TsruncError('CONFIG_INVALID', `${file} has ${countOf(errors)} mistakes:\n${list}`);
}

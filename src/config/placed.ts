import type { Finding, PlacedFinding } from './findings.ts';
import { findSpans, linesAndColumns } from './position.ts';

/** Places for all in one walk through the text; for what stands for many, the file as a whole. */
export function placed(findings: readonly Finding[], text: string, file: string): PlacedFinding[] {
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

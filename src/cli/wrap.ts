/** Break lines that are longer than `width` between words. What follows a gap of two spaces is a column of its own. */
export const wrapLines = (text: string, width: number): string =>
  text
    .split('\n')
    .flatMap((line) => wrapLine(line, width))
    .join('\n');

/** Too narrow to be a column: what belongs there begins a line of its own. */
const narrowest = 20;
const ownLineIndent = 6;

function wrapLine(line: string, width: number): string[] {
  const indent = /^(?:.*\S)? {2,}/.exec(line)?.[0].length ?? 0;
  const before = line.slice(0, indent).trimEnd();
  const isNarrow = width - indent < narrowest;
  if (line.length <= width || (isNarrow && before === '')) return [line];
  if (isNarrow) return [before, ...wrapLine(' '.repeat(ownLineIndent) + line.slice(indent), width)];
  const lines: string[] = [];
  let current = line.slice(0, indent);
  for (const word of line.slice(indent).split(' ')) {
    const begins = current.length <= indent;
    if (!begins && current.length + 1 + word.length > width) {
      lines.push(current);
      current = ' '.repeat(indent) + word;
    } else {
      current += begins ? word : ` ${word}`;
    }
  }
  return [...lines, current];
}

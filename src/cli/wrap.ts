/** Break lines that are longer than `width` between words. What follows a gap of two spaces is a column of its own. */
export const wrapLines = (text: string, width: number): string =>
  text
    .split('\n')
    .flatMap((line) => wrapLine(line, width))
    .join('\n');

/** Too narrow to be a column: better let the terminal break the line. */
const narrowest = 20;

function wrapLine(line: string, width: number): string[] {
  const indent = /^(?:.*\S)? {2,}/.exec(line)?.[0].length ?? 0;
  if (line.length <= width || width - indent < narrowest) return [line];
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

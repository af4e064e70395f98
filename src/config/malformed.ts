/** Explains text that is not JSON: where, the line with a caret, what was expected. Not on the hot path. */
import { type ParseError, parse, printParseErrorCode } from 'jsonc-parser';
import { mistake, type PlacedFinding } from './findings.ts';
import { lineAndColumn, walkBrackets } from './position.ts';

/** By the names that printParseErrorCode gives. */
const sentences: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is no JSON value; expected a string, a number, {, [, true, false or null',
  InvalidNumberFormat: 'this is no JSON number',
  PropertyNameExpected: 'expected a property name in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected a colon after the property name',
  CommaExpected: 'expected a comma',
  CloseBraceExpected: 'expected a comma or the closing }',
  CloseBracketExpected: 'expected a comma or the closing ]',
  EndOfFileExpected: 'expected the end of the file',
  InvalidCommentToken: 'JSON has no comments',
  UnexpectedEndOfComment: 'JSON has no comments',
  UnexpectedEndOfString: 'the string has no closing double quote',
  UnexpectedEndOfNumber: 'the number ends too early',
  InvalidUnicode: 'expected four hexadecimal digits after \\u',
  InvalidEscapeCharacter: 'JSON has no such escape; allowed: \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX',
  InvalidCharacter: 'control characters in strings must be escaped',
};

/** Characters shown on each side of the mistake in a long line. */
const context = 60;

/** The line that `offset` is in, and below it a caret under the offset. */
function excerpt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const from = Math.max(lineStart, offset - context);
  const to = Math.min(lineEnd === -1 ? text.length : lineEnd, offset + context);
  const indent = text.slice(from, offset).replace(/[^\t]/g, ' ');
  return `${text.slice(from, to).trimEnd()}\n${indent}^`;
}

function firstError(text: string): { readonly offset: number; readonly sentence: string } {
  if (text.startsWith('\uFEFF')) return { offset: 0, sentence: 'the file begins with a byte order mark' };
  if (text.trim() === '') return { offset: 0, sentence: 'the file is empty' };
  const errors: ParseError[] = [];
  parse(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [first] = errors.sort((a, b) => a.offset - b.offset);
  if (first === undefined) return { offset: 0, sentence: 'JSON.parse refuses it' };
  return { offset: first.offset, sentence: sentences[printParseErrorCode(first.error)] ?? 'JSON.parse refuses it' };
}

/** Far more than a configuration has; what walks through values goes as deep as they are. */
const deepest = 1000;

/** Offset of the first bracket that is nested too deeply. Quotes count as in JSON, whether or not the rest is any. */
function offsetTooDeep(text: string): number | undefined {
  let found = false;
  const behind = walkBrackets(text, 0, 0, (depth) => {
    found = depth > deepest;
    return found;
  });
  return found ? behind - 1 : undefined;
}

/** A finding where brackets are nested so deeply that nothing else can be said about the text. */
export function explainDepth(text: string, file: string): PlacedFinding | undefined {
  const offset = offsetTooDeep(text);
  if (offset === undefined) return undefined;
  const message = `The file is nested too deeply: more than ${deepest} brackets are open`;
  return { ...mistake('', message), place: { file, pointer: '', ...lineAndColumn(text, offset) } };
}

/** @param text what JSON.parse has refused */
export function explainMalformed(text: string, file: string): PlacedFinding {
  return explainDepth(text, file) ?? explainSyntax(text, file);
}

function explainSyntax(text: string, file: string): PlacedFinding {
  const { offset, sentence } = firstError(text);
  const message = `The file is not valid JSON: ${sentence}\n${excerpt(text, offset)}`;
  return { ...mistake('', message), place: { file, pointer: '', ...lineAndColumn(text, offset) } };
}

/**
 * Finds the place of a value in JSON text that JSON.parse has accepted. Only when there is something to report: parsing
 * with positions would cost every start several times what JSON.parse does.
 */
import type { Place } from '../errors.ts';

/** Offsets into the text. */
export interface Span {
  /** Where the name of the member begins; the value's begin in arrays. */
  readonly key: number;
  readonly start: number;
  readonly end: number;
}

interface LineAndColumn {
  readonly line: number;
  readonly column: number;
}

interface Child extends Span {
  readonly name: string;
}

const space = /[ \t\r\n]*/y;
const literal = /[^\s,\]}]*/y;
const stringBody = /[^"\\]*(?:\\.[^"\\]*)*"/sy;

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return Math.max(pattern.lastIndex, at);
}

const skipSpace = (text: string, at: number): number => skip(space, text, at);

function endOfValue(text: string, start: number): number {
  if (text[start] === '"') return skip(stringBody, text, start + 1);
  if (text[start] !== '{' && text[start] !== '[') return skip(literal, text, start);
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = skip(stringBody, text, at + 1) - 1;
    else if (character === '{' || character === '[') depth++;
    else if ((character === '}' || character === ']') && --depth === 0) return at + 1;
  }
  return text.length;
}

/** Members of the object, or items of the array, that begins at `open`. */
export function* children(text: string, open: number): Generator<Child> {
  if (text[open] !== '{' && text[open] !== '[') return;
  let at = skipSpace(text, open + 1);
  for (let index = 0; at < text.length && text[at] !== '}' && text[at] !== ']'; index++) {
    const key = at;
    let name = String(index);
    if (text[open] === '{') {
      const keyEnd = endOfValue(text, at);
      name = JSON.parse(text.slice(at, keyEnd)) as string;
      at = skipSpace(text, skipSpace(text, keyEnd) + 1);
    }
    const end = endOfValue(text, at);
    yield { name, key, start: at, end };
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
}

/** The parts of a JSON pointer (RFC 6901), unescaped. */
export const pointerParts = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** One more part of a JSON pointer, escaped. */
export const pointerTo = (parent: string, part: string | number): string =>
  `${parent}/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;

function childNamed(text: string, open: number, name: string): Span | undefined {
  let found: Span | undefined;
  // The last of equal names counts, as in JSON.parse.
  for (const child of children(text, open)) if (child.name === name) found = child;
  return found;
}

/** Span of the value at `pointer`, or of its nearest ancestor where it does not exist (a missing property). */
export function findSpan(text: string, pointer: string): Span {
  const start = skipSpace(text, 0);
  let span: Span = { key: start, start, end: endOfValue(text, start) };
  for (const part of pointerParts(pointer)) {
    const child = childNamed(text, span.start, part);
    if (child === undefined) return span;
    span = child;
  }
  return span;
}

/** Pointers by their parts. */
interface Wanted {
  readonly pointers: string[];
  readonly below: Map<string, Wanted>;
}

function byParts(pointers: readonly string[]): Wanted {
  const root: Wanted = { pointers: [], below: new Map() };
  for (const pointer of pointers) {
    let node = root;
    for (const part of pointerParts(pointer)) {
      const next = node.below.get(part) ?? { pointers: [], below: new Map() };
      node.below.set(part, next);
      node = next;
    }
    node.pointers.push(pointer);
  }
  return root;
}

/** As findSpan(), for all pointers in one walk through the text. */
export function findSpans(text: string, pointers: readonly string[]): ReadonlyMap<string, Span> {
  const spans = new Map<string, Span>();
  const start = skipSpace(text, 0);
  assign(spans, text, { key: start, start, end: endOfValue(text, start) }, byParts(pointers));
  return spans;
}

function assign(spans: Map<string, Span>, text: string, span: Span, { pointers, below }: Wanted): void {
  for (const pointer of pointers) spans.set(pointer, span);
  const found = new Map<string, Span>();
  if (below.size > 0)
    for (const child of children(text, span.start)) if (below.has(child.name)) found.set(child.name, child);
  for (const [name, wanted] of below) {
    const child = found.get(name);
    if (child === undefined) assignAll(spans, span, wanted);
    else assign(spans, text, child, wanted);
  }
}

/** What does not exist is where its nearest ancestor is. */
function assignAll(spans: Map<string, Span>, span: Span, { pointers, below }: Wanted): void {
  for (const pointer of pointers) spans.set(pointer, span);
  for (const wanted of below.values()) assignAll(spans, span, wanted);
}

/** 1-based line and column (in UTF-16 units, as editors count) of an offset. */
export const lineAndColumn = (text: string, offset: number): LineAndColumn =>
  linesAndColumns(text, [offset]).get(offset) ?? { line: 1, column: 1 };

/** Where `pointer` is in `text`; `part` chooses between the name and the value of a member. */
export function placeOf(text: string, file: string, pointer: string, part: 'key' | 'value' = 'value'): Place {
  const span = findSpan(text, pointer);
  return { file, pointer, ...lineAndColumn(text, part === 'key' ? span.key : span.start) };
}

/** As lineAndColumn(), for all offsets in one walk through the text. */
export function linesAndColumns(text: string, offsets: readonly number[]): ReadonlyMap<number, LineAndColumn> {
  const found = new Map<number, LineAndColumn>();
  let line = 1;
  let lineStart = 0;
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (let at = text.indexOf('\n', lineStart); at !== -1 && at < offset; at = text.indexOf('\n', lineStart)) {
      line++;
      lineStart = at + 1;
    }
    found.set(offset, { line, column: offset - lineStart + 1 });
  }
  return found;
}

/**
 * The integers at the pointers with every digit that stands in the text, where JSON.parse would round. Where there is no plain
 * integer, there is no entry.
 */
export function exactIntegersAt(text: string, pointers: readonly string[]): ReadonlyMap<string, bigint> {
  const exact = new Map<string, bigint>();
  for (const [pointer, { start, end }] of findSpans(text, pointers)) {
    const source = text.slice(start, end);
    if (/^-?\d+$/.test(source)) exact.set(pointer, BigInt(source));
  }
  return exact;
}

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

const space = /[ \t\r\n]*/y;
const literal = /[^\s,\]}]*/y;
/** With few escapes: for each the engine remembers the way back, a hundred bytes. Others are for endOfString(). */
const string = String.raw`"[^"\\]*(?:\\.[^"\\]*){0,16}"`;
const other = String.raw`[^"{}[\]]*`;
/** Not too many at once: for each the engine remembers the way back. */
const severalOf = (item: string): string => `${other}(?:${item}${other}){0,64}`;
const bracketed = (content: string): string => String.raw`[{[]${content}[}\]]`;
const shallow = `(?:${string}|${bracketed(severalOf(`(?:${string}|${bracketed(severalOf(string))})`))})`;
/** Strings, numbers, and objects and lists of at most two levels: the engine passes over them faster than our loop could. */
const flat = new RegExp(severalOf(shallow), 'sy');

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return Math.max(pattern.lastIndex, at);
}

/** Code of the last of the characters that are space, and of what ends strings and escapes. */
const codes = { space: 32, backslash: 92 } as const;

/** Most often there is none, and a pattern costs ten times as much as a look. */
const skipSpace = (text: string, at: number): number =>
  text.charCodeAt(at) > codes.space ? at : skip(space, text, at);

/** @returns offset behind the quote that ends the string whose content begins at `start`, or the length of the text */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let first = quote;
    while (first > start && text.charCodeAt(first - 1) === codes.backslash) first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
  return text.length;
}

/**
 * Goes from bracket to bracket, from `at` on, until `done` says so; quotes count as in JSON, whether or not the rest is any.
 * The innermost two levels are passed over where they are small.
 * @param depth of what is open at `at`
 * @param done gets the depth after the bracket
 * @returns offset behind that bracket, or the length of the text
 */
export function walkBrackets(text: string, at: number, depth: number, done: (depth: number) => boolean): number {
  let open = depth;
  for (let next = skip(flat, text, at); next < text.length; next = skip(flat, text, next)) {
    const character = text[next];
    if (character === '"') {
      // That many strings in a row, or one with many escapes, or that does not end.
      next = endOfString(text, next + 1);
      continue;
    }
    next++;
    open += character === '{' || character === '[' ? 1 : -1;
    if (done(open)) return next;
  }
  return text.length;
}

const isOutside = (depth: number): boolean => depth === 0;

function endOfValue(text: string, start: number): number {
  if (text[start] === '"') return endOfString(text, start + 1);
  if (text[start] !== '{' && text[start] !== '[') return skip(literal, text, start);
  return walkBrackets(text, start + 1, 1, isOutside);
}

/**
 * Sees a member of an object, or an item of an array.
 * @param key where its name begins; the value in arrays
 * @param start where the value begins
 * @returns offset behind the value; undefined: find it
 */
type Visit = (name: string, key: number, start: number) => number | undefined;

/**
 * Visits the members of the object, or the items of the array, that begins at `open`; of any other value there are none.
 * @param isEnough asked in arrays, whose items have each a name of its own: whether the rest is of no interest
 * @returns offset behind it
 */
export function visitChildren(text: string, open: number, visit: Visit, isEnough?: () => boolean): number {
  if (text[open] === '[') return visitItems(text, open, visit, isEnough);
  if (text[open] !== '{') return endOfValue(text, open);
  let at = skipSpace(text, open + 1);
  while (at < text.length && text[at] !== '}') {
    const keyEnd = endOfValue(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    at = nextItem(text, visit(unquoted(text.slice(at, keyEnd)), at, start) ?? endOfValue(text, start));
  }
  return at + 1;
}

const unquoted = (name: string): string => (name.includes('\\') ? (JSON.parse(name) as string) : name.slice(1, -1));

function visitItems(text: string, open: number, visit: Visit, isEnough?: () => boolean): number {
  let at = skipSpace(text, open + 1);
  for (let index = 0; at < text.length && text[at] !== ']'; index++) {
    if (isEnough?.() === true) return walkBrackets(text, at, 1, isOutside);
    at = nextItem(text, visit(String(index), at, at) ?? endOfValue(text, at));
  }
  return at + 1;
}

function nextItem(text: string, end: number): number {
  const at = skipSpace(text, end);
  return text[at] === ',' ? skipSpace(text, at + 1) : at;
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

/** Span of the value at `pointer`, or of its nearest ancestor where it does not exist (a missing property). */
export function findSpan(text: string, pointer: string): Span {
  const span = findSpans(text, [pointer]).get(pointer);
  if (span === undefined) throw new Error(`${pointer} has no span`);
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
  if (pointers.length === 0) return spans;
  const start = skipSpace(text, 0);
  assign(spans, text, { key: start, start }, byParts(pointers));
  return spans;
}

/** The last of equal names counts, as in JSON.parse: what an earlier one has set is set again. */
function assign(
  spans: Map<string, Span>,
  text: string,
  { key, start }: Omit<Span, 'end'>,
  { pointers, below }: Wanted,
): number {
  const found = new Set<string>();
  const visit: Visit = (name, childKey, childStart) => {
    const wanted = below.get(name);
    if (wanted === undefined) return undefined;
    found.add(name);
    return assign(spans, text, { key: childKey, start: childStart }, wanted);
  };
  const end =
    below.size === 0 ? endOfValue(text, start) : visitChildren(text, start, visit, () => found.size === below.size);
  const span: Span = { key, start, end };
  for (const pointer of pointers) spans.set(pointer, span);
  for (const [name, wanted] of below) if (!found.has(name)) assignAll(spans, span, wanted);
  return end;
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
  let lineEnd = text.indexOf('\n');
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    while (lineEnd !== -1 && lineEnd < offset) {
      line++;
      lineStart = lineEnd + 1;
      lineEnd = text.indexOf('\n', lineStart);
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

/** Turns the verdict of the schema into sentences: what was found, what is allowed, what was probably meant. */
import type { SchemaError } from '../generated/explain-config.ts';
import { type Finding, mistake } from './findings.ts';
import { didYouMean } from './nearest.ts';
import { findSpans, pointerParts, type Span } from './position.ts';
import { type SchemaNode, schemaAt } from './schema-tree.ts';

/** "linux.namespaces[2].type" for "/linux/namespaces/2/type". */
function dotted(pointer: string): string {
  const path = pointerParts(pointer)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('');
  return path === '' ? 'the configuration' : path.replace(/^\./, '');
}

/** The value as it stands in the text, where a parsed number could be rounded; the kind of long values only. */
function sourceAt(text: string, { start, end }: Span): string {
  if (text[start] === '{') return 'an object';
  if (text[start] === '[') return 'an array';
  const source = text.slice(start, end);
  return source.length > 60 ? `${source.slice(0, 57)}...` : source;
}

const kinds: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  integer: 'an integer',
  boolean: 'true or false',
};

/** What a value may be, in words. */
function allowed(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => (value === '' ? '""' : value)).join(', ');
  const kind = kinds[node.type ?? ''] ?? 'anything';
  if (node.pattern !== undefined) return `${kind} that matches ${node.pattern}`;
  const { minimum, maximum } = node;
  if (minimum === undefined && maximum === undefined) return kind;
  if (maximum === undefined) return `${kind} from ${minimum} on`;
  return `${kind} from ${integer(minimum ?? 0)} to ${integer(maximum)}`;
}

/** The bounds of 64-bit integers with the digits that the schema has, not those of the nearest double. */
const integer = (value: number): string => {
  if (value === 2 ** 64) return '18446744073709551615';
  if (value === 2 ** 63) return '9223372036854775807';
  return BigInt(value).toString();
};

const meaning = ({ description }: SchemaNode): string => (description === undefined ? '' : ` (${description})`);

function explainError(error: SchemaError, foundAt: (pointer: string) => string): Finding {
  const { instancePath: pointer, keyword, params } = error;
  const node = schemaAt(pointer) ?? {};
  if (keyword === 'required') return explainMissing(pointer, String(params.missingProperty));
  if (keyword === 'minItems') return mistake(pointer, `${dotted(pointer)} is empty; at least one item is needed`);
  const found = foundAt(pointer);
  const hint = node.enum === undefined ? undefined : didYouMean(found.replaceAll('"', ''), node.enum);
  return mistake(pointer, `${dotted(pointer)}${meaning(node)} is ${found}; allowed: ${allowed(node)}`, hint);
}

function explainMissing(pointer: string, name: string): Finding {
  const node = schemaAt(`${pointer}/${name}`) ?? {};
  return mistake(pointer, `${dotted(pointer)} has no ${name}${meaning(node)}`);
}

/** @param text the source that was parsed and validated */
export function explainSchemaErrors(errors: readonly SchemaError[], text: string): Finding[] {
  const pointers = errors.map(({ instancePath }) => instancePath);
  const spans = findSpans(text, pointers);
  const foundAt = (pointer: string): string => {
    const span = spans.get(pointer);
    return span === undefined ? 'nothing' : sourceAt(text, span);
  };
  return errors.map((error) => explainError(error, foundAt));
}

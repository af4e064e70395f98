/**
 * Unknown properties are allowed (spec.md "Extensibility"), and that is how a misspelled one goes unnoticed. Those that look
 * like a known one of the same object, and properties given twice, are worth a warning.
 */
import { quoted } from './findings.ts';
import { nearest } from './nearest.ts';
import { pointerTo, visitChildren } from './position.ts';
import type { Report } from './rules/helpers.ts';
import { childSchema, hasNames, type SchemaNode, schemaAt } from './schema-tree.ts';

/** @param pointer where the text stands in a configuration; at its root where nothing is said */
export function reportMisspelled(text: string, report: Report, pointer = ''): void {
  inValue(text, Math.max(text.search(/[^\s]/), 0), pointer, schemaAt(pointer) ?? {}, report);
}

/** @returns offset behind the value */
function inValue(text: string, start: number, pointer: string, schema: SchemaNode, report: Report): number {
  const isObject = text[start] === '{';
  const seen = new Set<string>();
  // Of maps and lists, which may be long, every child has the same.
  const shared = schema.properties === undefined ? childSchema(schema, '') : undefined;
  return visitChildren(text, start, (name, _key, at) => {
    if (isObject) inName(name, pointer, schema, seen, report);
    const known = shared ?? childSchema(schema, name);
    // Lists of words can be long, and have nothing in them to be misspelled.
    const isLooked = known !== undefined && (text[at] === '{' || hasNames(known));
    return isLooked ? inValue(text, at, pointerTo(pointer, name), known, report) : undefined;
  });
}

function inName(name: string, parent: string, schema: SchemaNode, seen: Set<string>, report: Report): void {
  const place = () => ({ pointer: pointerTo(parent, name), about: 'key' }) as const;
  if (seen.has(name)) report.caution(place(), `The property ${quoted(name)} stands there twice: the last one counts`);
  seen.add(name);
  const { properties } = schema;
  if (properties === undefined) return;
  if (Object.hasOwn(properties, name)) return;
  const near = nearest(name, Object.keys(properties));
  if (near !== undefined) {
    report.caution(place(), `The property ${quoted(name)} is unknown and has no effect`, `Did you mean ${near}?`);
  }
}

/**
 * Unknown properties are allowed (spec.md "Extensibility"), and that is how a misspelled one goes unnoticed. Those that look
 * like a known one of the same object, and properties given twice, are worth a warning.
 */
import { caution, type Finding, quoted } from './findings.ts';
import { nearest } from './nearest.ts';
import { children, pointerTo } from './position.ts';
import { childSchema, type SchemaNode, schemaRoot } from './schema-tree.ts';

export function findMisspelled(text: string): Finding[] {
  const start = text.search(/[^\s]/);
  return [...inValue(text, start, '', schemaRoot)];
}

function* inValue(text: string, start: number, pointer: string, schema: SchemaNode): Generator<Finding> {
  const seen = new Set<string>();
  for (const child of children(text, start)) {
    const place = pointerTo(pointer, child.name);
    if (text[start] === '{') yield* inName(child.name, place, schema, seen);
    const known = childSchema(schema, child.name);
    if (known !== undefined) yield* inValue(text, child.start, place, known);
  }
}

function* inName(name: string, place: string, schema: SchemaNode, seen: Set<string>): Generator<Finding> {
  if (seen.has(name)) yield aboutName(place, `The property ${quoted(name)} stands there twice: the last one counts`);
  seen.add(name);
  const known = Object.keys(schema.properties ?? {});
  if (known.length === 0 || known.includes(name)) return;
  const near = nearest(name, known);
  if (near !== undefined) {
    yield aboutName(place, `The property ${quoted(name)} is unknown and has no effect`, `Did you mean ${near}?`);
  }
}

const aboutName = (pointer: string, message: string, hint?: string): Finding => ({
  ...caution(pointer, message, hint),
  about: 'key',
});

/**
 * Takes what the schema has rejected out of a configuration, so that the rules can speak about the rest: all mistakes are
 * to be reported at once.
 */
import type { SchemaError } from '../generated/explain-config.ts';
import { pointerParts, pointerTo } from './position.ts';
import { schemaAt } from './schema-tree.ts';
import type { Spec } from './spec.ts';

type Container = Record<string, unknown>;

/** Required members that the rules can do with: better an invented value than no word about the rest of the object. */
const stopgaps: Readonly<Record<string, unknown>> = {
  '/ociVersion': '1.0.0',
  '/process/cwd': '/',
  '/root/path': 'rootfs',
};

const parentOf = (pointer: string): string => pointer.slice(0, pointer.lastIndexOf('/'));
const nameOf = (pointer: string): string => pointerParts(pointer).at(-1) ?? '';

function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointerParts(pointer)) {
    value = typeof value === 'object' && value !== null ? (value as Container)[part] : undefined;
  }
  return value;
}

/** Removes one value; from a list it leaves a hole, and an object that cannot be without it goes too. */
function remove(document: unknown, pointer: string): void {
  if (pointer === '') return;
  const parent = valueAt(document, parentOf(pointer));
  const name = nameOf(pointer);
  if (Array.isArray(parent)) parent[Number(name)] = undefined;
  else if (typeof parent !== 'object' || parent === null) return;
  else if (Object.hasOwn(stopgaps, pointer)) (parent as Container)[name] = stopgaps[pointer];
  else if (schemaAt(parentOf(pointer))?.required?.includes(name) === true) remove(document, parentOf(pointer));
  else delete (parent as Container)[name];
}

const rejectedPlace = ({ keyword, instancePath, params }: SchemaError): string =>
  keyword === 'required' ? pointerTo(instancePath, String(params.missingProperty)) : instancePath;

/** Unreadable namespaces become a hole: rules that ask for a namespace then keep quiet. */
function doubtNamespaces(document: Container): void {
  const linux = document.linux;
  document.linux = { ...(typeof linux === 'object' ? linux : {}), namespaces: [undefined] };
}

/** What the rules can take of `document`, a copy where something has to go, or undefined where nothing can be said about it. */
export function prune(document: unknown, errors: readonly SchemaError[]): Spec | undefined {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return undefined;
  if (errors.length === 0) return document as Spec;
  const copy = structuredClone(document) as Container;
  const places = errors.map(rejectedPlace);
  for (const place of places) remove(copy, place);
  if (places.includes('/linux') || places.includes('/linux/namespaces')) doubtNamespaces(copy);
  return copy as unknown as Spec;
}

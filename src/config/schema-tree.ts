/** Walks over the schema of the configuration: which properties there are, what they mean. Not on the hot path. */
import { configSchema } from '../generated/config-schema.ts';
import { pointerParts } from './position.ts';

/** The part of JSON Schema that our schemas use. */
export interface SchemaNode {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

interface RawNode extends SchemaNode {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, RawNode>>;
}

const root = configSchema as RawNode;

const alreadyResolved = new WeakMap<RawNode, SchemaNode>();

/** The node itself, or the definition it refers to; a description beside the reference is the nearer one. */
function resolved(node: RawNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const known = alreadyResolved.get(node);
  if (known !== undefined) return known;
  const { $ref, ...own } = node;
  const definition = root.$defs?.[$ref.slice('#/$defs/'.length)];
  const found = { ...(definition === undefined ? {} : resolved(definition)), ...own };
  alreadyResolved.set(node, found);
  return found;
}

export const schemaRoot: SchemaNode = root;

/** The schema of a member or item of what `node` describes; undefined where anything goes. */
export function childSchema(node: SchemaNode, name: string): SchemaNode | undefined {
  const { properties = {}, items, additionalProperties } = node;
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  const map = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  const child = property ?? items ?? map;
  return child === undefined ? undefined : resolved(child);
}

/** Whether anything in such a value has a name that the schema knows. */
export function hasNames(node: SchemaNode): boolean {
  const { properties, items, additionalProperties } = node;
  if (properties !== undefined) return true;
  const inner = items ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
  return inner !== undefined && hasNames(resolved(inner));
}

/** The schema of the value at a JSON pointer of a configuration. */
export function schemaAt(pointer: string): SchemaNode | undefined {
  let node: SchemaNode | undefined = schemaRoot;
  for (const part of pointerParts(pointer)) node = node === undefined ? undefined : childSchema(node, part);
  return node;
}

/** JSON pointers of all leaves of the schema, with * for any item or any name. */
export function* leaves(node: SchemaNode = schemaRoot, pointer = ''): Generator<string> {
  const names = Object.keys(node.properties ?? {});
  const isList = node.items !== undefined || typeof node.additionalProperties === 'object';
  if (names.length === 0 && !isList) yield pointer;
  for (const name of isList ? [...names, '*'] : names) {
    const child = childSchema(node, name);
    if (child !== undefined) yield* leaves(child, `${pointer}/${name}`);
  }
}

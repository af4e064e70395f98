/** Arbitrary configurations: mostly right by our schema, with wrong values here and there. */
import fc from 'fast-check';
import { childSchema, type SchemaNode, schemaRoot } from '../../src/config/schema-tree.ts';

const wrong = fc.constantFrom<unknown>(null, true, 7, -1, 1.5, 'text', [], {}, [1], ['x'], { x: 1 });

/** One value in sixty has the wrong type. */
const mostly = (right: fc.Arbitrary<unknown>, doubtful: fc.Arbitrary<unknown> = right): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 57, arbitrary: right }, { weight: 2, arbitrary: doubtful }, { weight: 1, arbitrary: wrong });

const integers = ({ minimum = 0, maximum = 0 }: SchemaNode): fc.Arbitrary<unknown> =>
  fc.constantFrom(0, 1, 5, 7, 8, 511, 512, 1000, 1001, minimum, minimum - 1, maximum, maximum + 1, 2 ** 53, 0.5);

const strings: fc.Arbitrary<unknown> = fc.constantFrom('', '/', '/dev', 'x', '0-3', '2MB', 'MB:0=1', 'rwm', 'CAP_KILL');

function objects(node: SchemaNode): fc.Arbitrary<unknown> {
  const required = node.required ?? [];
  const members = Object.keys(node.properties ?? {}).map((name) => {
    const value = valueFor(childSchema(node, name) ?? {});
    // One in `freq` is left out.
    const freq = required.includes(name) ? 20 : 2;
    return fc.option(value, { freq, nil: undefined }).map((member) => [name, member] as const);
  });
  return fc
    .tuple(...members)
    .map((entries) => Object.fromEntries(entries.filter(([, member]) => member !== undefined)));
}

function valueFor(node: SchemaNode): fc.Arbitrary<unknown> {
  if (node.enum !== undefined) return mostly(fc.constantFrom(...node.enum), fc.constantFrom('RLIMIT_FOO', 'x'));
  if (node.type === 'integer') return mostly(fc.constantFrom(1, 5, 7), integers(node));
  if (node.pattern !== undefined) return mostly(fc.constantFrom('2MB', 'MB:0=1', 'rwm', '0-3'), strings);
  if (node.type === 'string') return mostly(strings);
  if (node.type === 'boolean') return mostly(fc.boolean());
  if (node.items !== undefined) return mostly(fc.array(valueFor(childSchema(node, '0') ?? {}), { maxLength: 2 }));
  if (node.properties !== undefined) return mostly(objects(node));
  if (typeof node.additionalProperties !== 'object') return fc.constant({});
  return mostly(fc.dictionary(fc.constantFrom('a', 'b.c', ''), valueFor(childSchema(node, 'a') ?? {}), { maxKeys: 2 }));
}

export const configurations: fc.Arbitrary<unknown> = valueFor(schemaRoot);

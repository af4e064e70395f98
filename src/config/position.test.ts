import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactIntegersAt, findSpan, findSpans, lineAndColumn, placeOf, pointerParts, pointerTo } from './position.ts';

const text = `{
  "a": [1, {"b\\"c": "}]"}, []],
  "x/y~z": 18446744073709551615,
  "a": [ 2, {"b": null} ]
}`;

test('the last of equal names counts, as in JSON.parse', () => {
  expect(placeOf(text, 'config.json', '/a/0')).toEqual({ file: 'config.json', pointer: '/a/0', line: 4, column: 10 });
});

test('names and values have their own places', () => {
  expect(placeOf(text, 'f', '/a/1/b', 'key')).toMatchObject({ line: 4, column: 14 });
  expect(placeOf(text, 'f', '/a/1/b')).toMatchObject({ line: 4, column: 19 });
});

test('a missing property is at its nearest ancestor', () => {
  expect(placeOf(text, 'f', '/a/1/missing/deeper')).toMatchObject({ line: 4, column: 13 });
  expect(placeOf(text, 'f', '/nothing')).toMatchObject({ line: 1, column: 1 });
});

test('escaped pointers find their names, and integers keep their digits', () => {
  expect([...exactIntegersAt(text, ['/x~1y~0z', '/a/1', '/nowhere'])]).toEqual([['/x~1y~0z', 18446744073709551615n]]);
});

test('many pointers have the spans that each has alone', () => {
  const pointers = ['', '/a', '/a/1/b', '/a/1/b/deeper', '/x~1y~0z', '/nowhere/at/all', '/a/0'];
  const spans = findSpans(text, pointers);
  for (const pointer of pointers) expect(spans.get(pointer)).toEqual(findSpan(text, pointer));
});

test('columns count from the line start', () => {
  expect(lineAndColumn('ab\ncd', 0)).toEqual({ line: 1, column: 1 });
  expect(lineAndColumn('ab\ncd', 2)).toEqual({ line: 1, column: 3 });
  expect(lineAndColumn('ab\ncd', 4)).toEqual({ line: 2, column: 2 });
});

function* everyPointer(value: unknown, pointer = ''): Generator<[string, unknown]> {
  yield [pointer, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) yield* everyPointer(member, pointerTo(pointer, name));
}

test('every value of any JSON document is found', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (document, indent) => {
      const source = JSON.stringify(document, null, indent);
      for (const [pointer, value] of everyPointer(JSON.parse(source))) {
        const { start, end } = findSpan(source, pointer);
        expect(JSON.parse(source.slice(start, end))).toEqual(value);
      }
    }),
  );
});

test('pointers are the inverse of their parts', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (parts) => {
      expect(pointerParts(parts.reduce(pointerTo, ''))).toEqual(parts);
    }),
  );
});

test('strings end at a quote behind an even number of backslashes', () => {
  const contents = ['\\', '"', '\\"', '"\\', '\\\\', '\n'.repeat(20), '\\"'.repeat(20), `"}]${'\\'.repeat(33)}`];
  const source = JSON.stringify({
    list: contents,
    object: Object.fromEntries(contents.map((key) => [key, [[[key]]]])),
  });
  for (const [pointer, value] of everyPointer(JSON.parse(source))) {
    const { start, end } = findSpan(source, pointer);
    expect(JSON.parse(source.slice(start, end))).toEqual(value);
  }
});

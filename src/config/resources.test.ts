import { expect, test } from 'vitest';
import { checkResources, misspelledResources, parseResources } from './resources.ts';

test('resources alone are read by the schema of config.json', async () => {
  const text = '{"memory": {"limit": 5, "swap": null}, "cpu": null, "unknown": 1}';
  expect(await parseResources(text, 'r.json')).toEqual({ memory: { limit: 5 }, unknown: 1 });
  expect(await parseResources('{}', 'r.json')).toEqual({});
  expect(await parseResources('null', 'r.json')).toEqual({});
});

test('every mistake has its place in the text', async () => {
  const text = '{\n  "memory": { "limit": "5" },\n  "pids": []\n}';
  const message = expect.stringMatching(
    /^r\.json has 2 mistakes:\n {2}r\.json:2:24: error: .*\n {2}r\.json:3:11: error: /,
  );
  await expect(parseResources(text, 'r.json')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message });
  await expect(parseResources('{"pids": {"limit": true}}', 'r.json')).rejects.toMatchObject({
    place: { file: 'r.json', pointer: '/pids/limit', line: 1, column: 20 },
  });
});

test('what is misspelled is told with its place', async () => {
  const text = '{"memory": {"limt": 5}, "unified": {"pids.max": "3"}, "unknown": 1}';
  expect(await misspelledResources(text, 'r.json')).toEqual([
    'r.json:1:13: The property "limt" is unknown and has no effect (/memory/limt). Did you mean limit?',
  ]);
  expect(await misspelledResources('{"pids": {"limit": 5}, "cpu": null}', 'r.json')).toEqual([]);
});

test.each(['', '{', '{"a" 1}', '[]', '3'])('%j is no resources', async (text) => {
  await expect(parseResources(text, 'r.json')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('fields that must fit each other', () => {
  expect(() => checkResources({ memory: { limit: 5, swap: 4 } })).toThrow('memory.swap (4) is below memory.limit (5)');
  expect(() => checkResources({ blockIO: { weight: 5 } })).toThrow('The weight is 5');
  expect(() => checkResources({ memory: { limit: 5, swap: 6 } })).not.toThrow();
});

test('what no kernel has is refused', () => {
  expect(() => checkResources({ blockIO: { leafWeight: 20 } })).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('no leaf weights') }),
  );
});

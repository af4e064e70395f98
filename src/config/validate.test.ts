import { expect, test } from 'vitest';
import { renderFindings } from './report.ts';
import { validateConfig } from './validate.ts';

const rendered = async (text: string): Promise<string[]> =>
  renderFindings(await validateConfig(text, 'config.json')).split('\n');

test('mistakes of the schema and of the rules are reported at once, in the order of the text', async () => {
  const text = `{
  "ociVersion": "1.3.0",
  "process": {
    "oomScoreAdj": 2000,
    "env": ["A"],
    "rlimits": [{"type": "RLIMIT_NOFIL", "soft": 18446744073709551616, "hard": 2}]
  },
  "linux": {"namespaces": [{"type": "netwrok"}], "maskedPaths": ["x", 3]},
  "mounts": [{"type": "tmpfs"}, {"destination": ""}]
}`;
  expect(await rendered(text)).toMatchInlineSnapshot(`
    [
      "config.json:1:1: error: The configuration has no root. Add "root": {"path": "rootfs"}.",
      "config.json:3:14: error: process has no cwd (working directory, an absolute path inside the container) (/process).",
      "config.json:3:14: error: process.args must not be empty (/process/args). It names the program to run: ["/bin/sh"].",
      "config.json:4:20: error: process.oomScoreAdj (how willingly the kernel kills the program when memory runs out) is 2000; allowed: an integer from -1000 to 1000 (/process/oomScoreAdj).",
      "config.json:5:13: error: The environment entry "A" has no "=" (/process/env/0). Entries are NAME=value.",
      "config.json:6:26: error: process.rlimits[0].type (name of a resource) is "RLIMIT_NOFIL"; allowed: RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK (/process/rlimits/0/type). Did you mean RLIMIT_NOFILE?",
      "config.json:8:37: error: linux.namespaces[0].type (kind of a namespace) is "netwrok"; allowed: pid, network, mount, ipc, uts, user, cgroup, time (/linux/namespaces/0/type). Did you mean network?",
      "config.json:8:66: error: maskedPaths must be absolute, but this one is "x" (/linux/maskedPaths/0).",
      "config.json:8:71: error: linux.maskedPaths[1] is 3; allowed: a string (/linux/maskedPaths/1).",
      "config.json:9:14: error: mounts[0] has no destination (where to mount, an absolute path inside the container) (/mounts/0).",
      "config.json:9:33: error: The mount at "" has no type (/mounts/1). Give it a file system type, or the option "bind" or "rbind".",
      "config.json:9:49: error: The destination of the mount is empty (/mounts/1/destination).",
    ]
  `);
});

test('values are quoted as they stand in the file, and the digits of bounds are exact', async () => {
  const text =
    '{"ociVersion":"1.3.0","root":{"path":"r"},"process":{"cwd":"/","args":["a"],"rlimits":[{"type":"RLIMIT_CPU","soft":1e99,"hard":"x"}],"user":{"uid":1.5}}}';
  expect(await rendered(text)).toMatchInlineSnapshot(`
    [
      "config.json:1:116: error: process.rlimits[0].soft (the limit in force; 18446744073709551615 is none) is 1e99; allowed: an integer from 0 to 18446744073709551615 (/process/rlimits/0/soft).",
      "config.json:1:128: error: process.rlimits[0].hard (up to where the program may raise its soft limit; 18446744073709551615 is none) is "x"; allowed: an integer from 0 to 18446744073709551615 (/process/rlimits/0/hard).",
      "config.json:1:148: error: process.user.uid (user id inside the container) is 1.5; allowed: an integer from 0 to 4294967294 (/process/user/uid).",
    ]
  `);
});

test('a rejected list of namespaces raises no complaint about missing namespaces', async () => {
  const text =
    '{"ociVersion":"1.3.0","root":{"path":"r"},"hostname":"h","process":{"cwd":"/","args":["a"]},"linux":{"namespaces":7}}';
  expect(await rendered(text)).toMatchInlineSnapshot(`
    [
      "config.json:1:115: error: linux.namespaces (namespaces to make or to join; others are the runtime's) is 7; allowed: an array (/linux/namespaces).",
    ]
  `);
});

test('misspelled and repeated properties are warned of, unrelated unknown ones are not', async () => {
  const text =
    '{"ociVersion":"1.3.0","root":{"path":"r","readOnly":true},"proces":{},"com.example":1,"process":{"cwd":"/","cwd":"/","args":["a"]}}';
  expect(await rendered(text)).toMatchInlineSnapshot(`
    [
      "config.json:1:42: warning: The property "readOnly" is unknown and has no effect (/root/readOnly). Did you mean readonly?",
      "config.json:1:59: warning: The property "proces" is unknown and has no effect (/proces). Did you mean process?",
      "config.json:1:108: warning: The property "cwd" stands there twice: the last one counts (/process/cwd).",
    ]
  `);
});

test('fields that this version cannot apply are warnings here', async () => {
  const text =
    '{"ociVersion":"1.3.0","root":{"path":"r"},"process":{"cwd":"/","args":["a"]},"linux":{"personality":{"domain":"LINUX","flags":["X"]}}}';
  expect(await rendered(text)).toMatchInlineSnapshot(`
    [
      "config.json:1:127: warning: The runtime-spec defines no flags of personality (/linux/personality/flags).",
    ]
  `);
});

test.each([
  ['{"a": 1,\n\t"b": [1,2,}', 'expected a value'],
  ['{"a" 1}', 'expected a colon after the property name'],
  ["{'a': 1}", 'this is no JSON value'],
  ['{"a": 1 "b": 2}', 'expected a comma'],
  ['{"a": 1, }', 'expected a property name in double quotes'],
  ['// x\n{}', 'JSON has no comments'],
  ['{} {}', 'expected the end of the file'],
  ['\uFEFF{}', 'the file begins with a byte order mark'],
  [' \n', 'the file is empty'],
  ['{"a": "x', 'the string has no closing double quote'],
])('malformed JSON: %j', async (text, sentence) => {
  const [finding, ...others] = await validateConfig(text, 'config.json');
  expect(others).toEqual([]);
  expect(finding?.message).toContain(sentence);
  expect(finding?.place.line).toBeGreaterThan(0);
});

test('malformed JSON shows its line with a caret, tabs kept', async () => {
  expect(await rendered('{"a": 1,\n\t"b": [1,2,}\n}')).toEqual([
    'config.json:2:12: error: The file is not valid JSON: expected a value.',
    '  \t"b": [1,2,}',
    '  \t          ^',
  ]);
});

test('a document that is no object is one mistake', async () => {
  expect(await rendered('[]')).toMatchInlineSnapshot(`
    [
      "config.json:1:1: error: the configuration (the config.json of an OCI bundle, runtime-spec 1.3) is an array; allowed: an object.",
    ]
  `);
});

const withMounts = (mounts: unknown): string =>
  JSON.stringify({ ociVersion: '1.3.0', root: { path: 'r' }, mounts }, null, 1);

test.each([
  ['of shape', { destination: 1 }],
  ['of the rules', { destination: '' }],
])('of thousands of mistakes %s the first are told, and at once', async (_, mount) => {
  const text = withMounts(Array.from({ length: 40_000 }, () => mount));
  const start = performance.now();
  const findings = await validateConfig(text, 'config.json');
  expect(performance.now() - start).toBeLessThan(5000);
  const errors = findings.filter(({ severity }) => severity === 'error');
  expect(errors).toHaveLength(101);
  expect(errors[0]?.place).toMatchObject({ pointer: expect.stringMatching(/^.mounts.0/), line: expect.any(Number) });
  expect(errors.at(-1)?.message).toMatch(/^At least 9\d\d more mistakes are not shown$/);
});

test.each([
  ['brackets alone', '['.repeat(2_000_000)],
  ['complete', `{"ociVersion": 1, "x": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ['with a null', `{"ociVersion": 1, "x": ${'{"x":'.repeat(200_000)}null${'}'.repeat(200_000)}}`],
  ['after others', `[${'[],'.repeat(2000)}${'['.repeat(2000)}`],
])('what is nested too deeply is one mistake: %s', async (_, text) => {
  const findings = await validateConfig(text, 'config.json');
  expect(findings).toMatchObject([{ severity: 'error', message: expect.stringContaining('nested too deeply') }]);
  expect(findings[0]?.place.line).toBe(1);
});

test('brackets in strings are not nested', async () => {
  const text = JSON.stringify({ ociVersion: '1.3.0', root: { path: '["{'.repeat(3000) }, hostname: 7 });
  expect(await validateConfig(text, 'config.json')).toMatchObject([{ severity: 'warning' }, { pointer: '/hostname' }]);
});

test('many places in a text of one line take one walk', async () => {
  const text = JSON.stringify({
    ociVersion: '1.3.0',
    root: { path: 'r' },
    hostname: 'x'.repeat(4_000_000),
    mounts: [],
  });
  const many = text.replace(
    '"mounts":[]',
    `"mounts":[${Array.from({ length: 500 }, () => '{"destination":""}').join()}]`,
  );
  const start = performance.now();
  expect(await validateConfig(many, 'config.json')).toHaveLength(102);
  expect(performance.now() - start).toBeLessThan(3000);
});

test('warnings beyond those that are told are counted, and no mistake behind them is lost', async () => {
  const bounding = Array.from({ length: 5000 }, (_, index) => `CAP_${index}`);
  const text = JSON.stringify({
    ociVersion: '1.3.0',
    root: { path: 'r' },
    process: { args: ['x'], cwd: '/', capabilities: { bounding } },
    linux: { maskedPaths: ['relative'] },
  });
  const findings = await validateConfig(text, 'config.json');
  expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([{ pointer: '/linux/maskedPaths/0' }]);
  expect(findings).toHaveLength(102);
  expect(findings.at(-1)?.message).toBe('4900 more warnings are not shown');
});

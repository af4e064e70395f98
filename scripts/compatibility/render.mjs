/** docs/compatibility.md from the records of runs: pure. */

/** @typedef {'passed' | 'failed' | 'skipped'} Verdict */
/** @typedef {{ group: string, name: string, verdict: Verdict, again?: boolean }} Check group: of the describes below the client's, joined; again: passed at its second attempt only */
/** @typedef {{ name: string, file: string, checks: readonly Check[], date?: string | undefined, commit?: string | undefined }} Client date, commit: when it was tried, if not in the latest run */
/** @typedef {{ name: string, verdict: Verdict, reason?: string }} Program of the validation suite */

/**
 * What one host showed.
 * @typedef {object} Run
 * @property {string} host for headings: "cgroup v2, systemd"
 * @property {string} date of the run, ISO 8601
 * @property {string | undefined} [commit] of tsrunc
 * @property {Readonly<Record<string, string>>} versions by the name of the program
 * @property {readonly Client[]} clients
 * @property {readonly Program[]} conformance empty where the suite was not run
 * @property {{ date: string, commit?: string | undefined }} [suite] when it was run, if not in the latest run
 */

/** @typedef {{ name: string, status: string, assertionResults: readonly Assertion[] }} TestFile */
/** @typedef {{ ancestorTitles: readonly string[], title: string, status: string, failureMessages?: readonly string[] }} Assertion */

/** @type {Readonly<Record<string, Verdict>>} */
const verdicts = { passed: 'passed', failed: 'failed' };

/** "Docker: needs root" and "containerd (needs root)" name the client, and then why it is skipped. @param {string} title */
const clientName = (title) => /^[^:(]*/.exec(title)?.[0].trim() ?? title;

/**
 * @param {{ testResults: readonly TestFile[] }} report vitest's, in JSON
 * @param {(path: string) => string} relative a path as it stands in the repository
 * @returns {Client[]} by name
 */
export const clientsOf = ({ testResults }, relative) => {
  const clients = testResults.map(({ name: path, status, assertionResults }) => {
    const file = relative(path);
    const [title = file] = assertionResults.map(({ ancestorTitles }) => ancestorTitles[0]).filter(Boolean);
    const checks = assertionResults.map((test) => ({
      group: test.ancestorTitles.slice(1).join(', '),
      name: test.title,
      verdict: verdicts[test.status] ?? 'skipped',
      ...(test.status === 'passed' && (test.failureMessages ?? []).length > 0 && { again: true }),
    }));
    // A file that cannot be loaded, or whose engine does not start, has no test that could say so.
    const broken = status === 'failed' && !checks.some(({ verdict }) => verdict === 'failed');
    const failure = { group: '', name: 'starts', verdict: /** @type {const} */ ('failed') };
    return { name: clientName(title), file, checks: broken ? [failure, ...checks] : checks };
  });
  return clients.sort((one, other) => one.name.localeCompare(other.name));
};

/** @type {Readonly<Record<string, Verdict>>} */
const programVerdicts = { ok: 'passed', 'not ok': 'failed', skipped: 'skipped' };

/** @param {string} output of `npm run conformance` @returns {Program[]} */
export const programsOf = (output) =>
  [...output.matchAll(/^(ok|not ok|skipped) (\w+)(?: \((.*)\))?$/gm)].map(([, verdict = '', name = '', reason]) => ({
    name,
    verdict: programVerdicts[verdict] ?? 'failed',
    ...(reason === undefined ? {} : { reason }),
  }));

const marks = { passed: '✓', failed: '✗', skipped: '–' };

const markOf = /** @param {Check} check */ ({ verdict, again = false }) =>
  again ? `${marks[verdict]}²` : marks[verdict];

/** @param {readonly { verdict: Verdict }[]} things */
const sum = (things) => {
  const count = /** @param {Verdict} wanted */ (wanted) => things.filter(({ verdict }) => verdict === wanted).length;
  if (things.length === 0) return '';
  const rest = [
    ...(count('failed') > 0 ? [`${count('failed')} ✗`] : []),
    ...(count('skipped') > 0 ? [`${count('skipped')} –`] : []),
  ];
  return [`${count('passed')} ✓`, ...rest].join(', ');
};

const escaped = /** @param {string} text */ (text) => text.replaceAll('|', '\\|').replaceAll('<', '\\<');

/** @param {readonly (readonly string[])[]} rows the first is the head */
const table = ([head = [], ...rows]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n');

/** Names in the order of their first appearance. @param {readonly string[]} names */
const unique = (names) => [...new Set(names)];

/** @param {readonly Run[]} runs */
const clientNames = (runs) => unique(runs.flatMap(({ clients }) => clients.map(({ name }) => name))).sort();

/** @param {Run} run @param {string} name */
const checksOf = (run, name) => run.clients.find((client) => client.name === name)?.checks ?? [];

const dated = /** @param {{ date: string, commit?: string | undefined }} run */ ({ date, commit }) =>
  [date.slice(0, 10), ...(commit === undefined ? [] : [commit])].join(', ');

/** Of what the latest run left out, or did not come to the end of. @param {Run} run @param {{ date?: string | undefined, commit?: string | undefined }} [part] */
const earlier = (run, part) => {
  if (part?.date === undefined) return '';
  const day = dated({ ...part, date: part.date });
  return day === dated(run) ? '' : ` (${day})`;
};

/** @param {readonly Run[]} runs */
const summary = (runs) =>
  table([
    ['', ...runs.map(({ host }) => host)],
    ...clientNames(runs).map((name) => [
      name,
      ...runs.map((run) => {
        const client = run.clients.find((one) => one.name === name);
        return `${sum(checksOf(run, name))}${earlier(run, client)}`;
      }),
    ]),
    ['OCI validation suite', ...runs.map((run) => `${sum(run.conformance)}${earlier(run, run.suite)}`)],
  ]);

/** @param {readonly Run[]} runs */
const versions = (runs) => {
  const names = unique(runs.flatMap((run) => Object.keys(run.versions)));
  return table([
    ['', ...runs.map(({ host }) => host)],
    ...names.map((name) => [name, ...runs.map((run) => run.versions[name] ?? '')]),
    ['run on', ...runs.map(dated)],
  ]);
};

const label = /** @param {Check} check */ ({ group, name }) => (group === '' ? name : `${group}: ${name}`);

/**
 * All that one file of tests showed, with the host's own engines and with the newest.
 * @param {readonly Run[]} runs
 * @param {string} file
 */
const section = (runs, file) => {
  const names = clientNames(runs.map((run) => ({ ...run, clients: run.clients.filter((one) => one.file === file) })));
  const [title = ''] = names;
  const columns = runs.flatMap((run) =>
    names
      .map((name) => ({ head: `${run.host}${name.slice(title.length)}`, checks: checksOf(run, name) }))
      .filter(({ checks }) => checks.length > 0),
  );
  const labels = unique(columns.flatMap(({ checks }) => checks.map(label)));
  const rows = labels.map((wanted) => [
    wanted,
    ...columns.map(({ checks }) => checks.filter((check) => label(check) === wanted).map(markOf)[0] ?? ''),
  ]);
  return `## ${title}\n\n[${file}](../${file})\n\n${table([['', ...columns.map(({ head }) => head)], ...rows])}`;
};

/** In the order of the names. @param {readonly Run[]} runs */
const files = (runs) => {
  const clients = runs.flatMap((run) => run.clients);
  return unique(clientNames(runs).flatMap((name) => clients.filter((one) => one.name === name).map((one) => one.file)));
};

/** @param {readonly Run[]} runs */
const conformance = (runs) => {
  const run = runs.filter((one) => one.conformance.length > 0);
  const names = unique(run.flatMap((one) => one.conformance.map(({ name }) => name))).sort();
  const find = /** @param {Run} one @param {string} name */ (one, name) =>
    one.conformance.find((program) => program.name === name);
  const rows = names.map((name) => {
    const programs = run.map((one) => find(one, name));
    const reason = unique(programs.flatMap((program) => program?.reason ?? [])).join('; ');
    return [name, ...programs.map((program) => (program === undefined ? '' : marks[program.verdict])), reason];
  });
  const text = 'Programs of the OCI runtime-tools; [conformance/](../conformance) tells how they are run and judged.';
  return `## OCI validation suite\n\n${text}\n\n${table([['', ...run.map(({ host }) => host), 'why not'], ...rows])}`;
};

/** @param {readonly Run[]} given @returns {string} the text of docs/compatibility.md */
export const render = (given) => {
  const runs = [...given].sort((one, other) => one.host.localeCompare(other.host));
  const head = `# Compatibility

What others' programs showed with tsrunc as their runtime, on each kind of host: ✓ passed (✓² at its second attempt), ✗ failed, – skipped (the
host or the client lacks what it needs). "Newest" are Debian's newest engines. Made from the last runs of \`npm run compatibility\` and \`npm run test:vm\`, which [compatibility.json](compatibility.json) holds; not to be edited.`;
  const parts = [head, summary(runs), '## Versions', versions(runs)];
  return `${[...parts, ...files(runs).map((file) => section(runs, file)), conformance(runs)].join('\n\n')}\n`;
};

/**
 * `npm run compatibility [-- --vm MODE]`: the tests with real clients and the OCI validation suite, on this host or in a virtual
 * machine (MODE as in test:vm), and docs/compatibility.md from what they showed. A run replaces what was known of the
 * clients that it tried, on its kind of host; all else stays. `--clients FILE,FILE` (or none: `--clients=`) and `--without-conformance` run less and keep
 * the rest; `--render` writes the document anew without a run.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { cache } from './apt.mjs';
import { checksOf, lineOf, remember, renderKnown, runIn } from './compatibility/records.mjs';
import { clientsOf, programsOf } from './compatibility/render.mjs';
import { commit, host, versions } from './compatibility/versions.mjs';
import { engineTests, newestEngines } from './engines.mjs';
import { findingsOf } from './findings.mjs';
import { repository, SetupError } from './run.mjs';
import { script, setUp } from './setup.mjs';

/** @typedef {import('./compatibility/render.mjs').Run} Run */

const { values } = parseArgs({
  options: {
    vm: { type: 'string' },
    render: { type: 'boolean', default: false },
    collect: { type: 'boolean', default: false },
    clients: { type: 'string', default: 'test/clients' },
    'without-conformance': { type: 'boolean', default: false },
  },
});

/** @param {readonly string[]} words @param {'inherit' | 'pipe'} stdout @param {NodeJS.ProcessEnv} [env] */
const node = (words, stdout, env = process.env) =>
  spawnSync(process.execPath, words, {
    cwd: repository,
    env,
    stdio: ['ignore', stdout, 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });

/** @typedef {import('./compatibility/render.mjs').Client} Client */

/** @param {readonly string[]} files @param {NodeJS.ProcessEnv} [env] @returns {Client[]} */
const runTests = (files, env = process.env) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-compatibility-'));
  const report = join(directory, 'vitest.json');
  const patience = Number(process.env.TSRUNC_PATIENCE ?? 1);
  const limits = ['--testTimeout', '--hookTimeout'].map((flag) => `${flag}=${30_000 * patience}`);
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${report}`];
  try {
    const flags = ['--project', 'integration', '--no-cache', '--configLoader=runner', '--retry=1'];
    const words = ['node_modules/vitest/vitest.mjs', 'run', ...flags];
    node([...words, ...limits, ...reporters, ...files], 'inherit', env);
    if (!existsSync(report)) throw new SetupError('The tests with clients did not come to their end.');
    const results = JSON.parse(readFileSync(report, 'utf8'));
    for (const finding of results.testResults.flatMap(findingsOf)) console.log(finding);
    return clientsOf(results, (path) => relative(repository, path));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

/** The same with the newest engines. @param {readonly string[]} tried @returns {Client[]} */
const runWithNewest = (tried) => {
  const newest = newestEngines();
  const files = engineTests.filter((file) => tried.includes(file));
  if (newest === undefined || files.length === 0) return [];
  const clients = runTests(files, { ...process.env, TSRUNC_ENGINES: newest.tree });
  return clients.map((client) => ({ ...client, name: `${client.name}, newest` }));
};

const runClients = () => {
  if (values.clients === '') return [];
  const clients = runTests(values.clients.split(','));
  return [...clients, ...runWithNewest(clients.map(({ file }) => file))];
};

const runConformance = () => {
  if (values['without-conformance']) return [];
  const { stdout } = node(['conformance/run.mjs'], 'pipe');
  console.log(stdout);
  if (!/^\d+ passed, \d+ failed/m.test(stdout)) throw new SetupError('The validation suite did not come to its end.');
  return programsOf(stdout);
};

/** @returns {Run} */
const collect = () => ({
  host: host(),
  date: new Date().toISOString(),
  commit: commit(),
  versions: versions(),
  clients: runClients(),
  conformance: runConformance(),
});

/** The same in a virtual machine. @param {string} mode @returns {Run} */
const collectInMachine = (mode) => {
  const flags = [`--clients=${values.clients}`, ...(values['without-conformance'] ? ['--without-conformance'] : [])];
  const environment = ['env', 'TSRUNC_PATIENCE=10', `TSRUNC_CACHE=${cache}`];
  const command = [...environment, process.execPath, 'scripts/compatibility.mjs', '--collect', ...flags];
  const machine = ['scripts/vm/test.mjs', '--mode', mode, '--seconds', '7200', '--command', command.join(' ')];
  const { stdout } = node(machine, 'pipe');
  const run = runIn(stdout);
  if (run === undefined) throw new SetupError(`The machine gave no result:\n${stdout.slice(-4000)}`);
  return run;
};

await script(() => {
  if (values.render) {
    renderKnown();
    return 0;
  }
  if (values.collect) {
    console.log(lineOf(collect()));
    return 0;
  }
  if (process.getuid?.() !== 0) throw new SetupError('Engines have to be started as root.');
  setUp({ tests: true });
  const run = values.vm === undefined ? collect() : collectInMachine(values.vm);
  remember(run);
  const failed = checksOf(run).filter(({ verdict }) => verdict === 'failed');
  for (const { name } of failed) console.error(`failed: ${name}`);
  return failed.length === 0 ? 0 : 1;
});

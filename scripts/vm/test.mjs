/**
 * `npm run test:vm`: integration tests, clients and the validation suite in virtual machines with what this host may lack:
 * cgroup v2 alone, systemd as process 1, AppArmor or SELinux; all that stages.mjs lists, or `--all NAME...` (those with NAME in
 * their names), or `--quick`. It ends with a sum (`--sum FILE`: also there, as JSON), and renews docs/compatibility.md.
 * `npm run test:vm -- [--mode plain|selinux|systemd|user|v1] [--kernel trixie|sid] [--seconds N] FILE...`: these tests in one
 * machine. `--command TEXT` runs a shell command instead.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSuite } from '../../conformance/suite.mjs';
import { cache } from '../apt.mjs';
import { checksOf, remember, runIn } from '../compatibility/records.mjs';
import { ensureCriu } from '../criu.mjs';
import { ensureEngines } from '../engines.mjs';
import { ensurePackages, toEmulate, toTest } from '../packages.mjs';
import { must, report, repository, SetupError } from '../run.mjs';
import { script, setUp } from '../setup.mjs';
import { ensureKernel } from './kernel.mjs';
import { bootOnce, quote } from './machine.mjs';
import { full, quick } from './stages.mjs';

const modes = /** @type {const} */ (['plain', 'selinux', 'systemd', 'user', 'v1']);
const releases = /** @type {const} */ (['trixie', 'sid']);

/** Without KVM everything takes ten to twenty times as long as on the host. */
const patience = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: 'string', default: 'systemd' },
    kernel: { type: 'string' },
    seconds: { type: 'string', default: '1800' },
    command: { type: 'string' },
    quick: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    sum: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

/** @param {string} data */
const printAtOnce = (data) => process.stdout.write(data);

/** @param {readonly string[]} words */
const words = (words) => words.map(quote).join(' ');

/** The home directory is another one there. */
const environment = ['env', `TSRUNC_PATIENCE=${patience}`, `TSRUNC_CACHE=${cache}`];

/** @param {readonly string[]} files */
const vitest = (files) =>
  words([
    ...environment,
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'integration',
    '--maxWorkers=1',
    '--no-cache',
    '--configLoader=runner', // the other one writes into node_modules, which an ordinary user may not
    '--reporter=verbose',
    '--reporter=./scripts/vm/reporter.mjs',
    ...files,
  ]);

/** @param {import('./stages.mjs').Stage} stage */
const commandOf = (stage) => {
  const { compatibility, shard, files = [] } = stage;
  if (compatibility === undefined) return vitest([...(shard ? [`--shard=${shard}`] : []), ...files]);
  const collect = [...environment, process.execPath, 'scripts/compatibility.mjs', '--collect'];
  if (compatibility !== 'conformance')
    return words([...collect, `--clients=${compatibility}`, '--without-conformance']);
  buildSuite(); // here: the machine has no network
  return words([...collect, '--clients=']);
};

/** What of the host the machine needs, wherever it lies. */
const shared = () =>
  [repository, join(repository, 'node_modules'), dirname(process.execPath), cache]
    .filter((path) => existsSync(path))
    .map((path) => realpathSync(path));

/** @param {string} text of the console: its end, where the reason is */
const tail = (text) =>
  text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-60)
    .join('\n');

/** @typedef {(data: string) => void} Print */

/**
 * Boot, once more where the emulator died before the command began: once is bad luck, twice is a fault.
 * @param {{ mode: import('./machine.mjs').Boot['mode'], release?: import('./kernel.mjs').Release, command: string, seconds: number }} request
 * @param {Print} print what the command says
 * @returns {Promise<{ status: number, output: string }>}
 * @throws SetupError when the machine did not come to the end of the command
 */
const boot = async ({ mode, release, command, seconds }, print) => {
  let output = '';
  /** @type {import('./machine.mjs').Boot} */
  const request = {
    kernel: ensureKernel(release),
    mode,
    command,
    directory: realpathSync(repository),
    paths: shared(),
    seconds,
    onOutput: (data) => {
      output += data;
      print(String(data));
    },
  };
  let end = await bootOnce(request);
  if (!end.started && !end.timedOut) end = await bootOnce(request);
  if (values.verbose || end.status === undefined) print(`${tail(end.console)}\n`);
  if (end.timedOut) throw new SetupError(`The machine was switched off after ${seconds} seconds.`);
  if (end.status === undefined)
    throw new SetupError('The machine stopped before the command ended; its console is above.');
  return { status: end.status, output };
};

/** @returns {Promise<number>} exit status of the command */
const single = async () => {
  const mode = modes.find((name) => name === values.mode);
  const release = releases.find((name) => name === values.kernel);
  const seconds = Number(values.seconds);
  if (mode === undefined) throw new SetupError(`--mode is one of ${modes.join(', ')}, not ${values.mode}.`);
  if (values.kernel !== undefined && release === undefined)
    throw new SetupError(`--kernel is one of ${releases.join(', ')}, not ${values.kernel}.`);
  if (!(seconds > 0)) throw new SetupError(`--seconds is a number, not ${values.seconds}.`);
  const command = values.command ?? vitest(positionals);
  return (await boot({ mode, command, seconds, ...(release && { release }) }, printAtOnce)).status;
};

/** @param {readonly { verdict: string }[]} checks */
const sumOf = (checks) => {
  const count = /** @param {string} wanted */ (wanted) => checks.filter(({ verdict }) => verdict === wanted).length;
  return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
};

/** A record in a stage's output, which is kept, or what it ends with; a stage without either has failed. @param {string} output */
const countOf = (output) => {
  const run = runIn(output);
  if (run !== undefined) {
    remember(run);
    return sumOf(checksOf(run));
  }
  const [, passed, failed, skipped] =
    [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped\r?$/gm)].at(-1) ?? [];
  return passed === undefined
    ? { passed: 0, failed: 1, skipped: 0 }
    : { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
};

/** @param {import('./stages.mjs').Stage} stage @param {Print} print */
const runStage = async (stage, print) => {
  const { mode, seconds, kernel } = stage;
  try {
    const command = commandOf(stage);
    const { output, status } = await boot({ mode, seconds, command, ...(kernel && { release: kernel }) }, print);
    const count = countOf(output);
    return status !== 0 && count.failed === 0 ? { ...count, failed: 1 } : count;
  } catch (error) {
    // The other stages are worth their time all the same.
    if (!(error instanceof SetupError)) throw error;
    print(`${error.message}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
};

/**
 * As many machines at a time as there are processors: each emulates with one thread. What several say goes to files, and is
 * printed when they have ended.
 * @param {readonly import('./stages.mjs').Stage[]} stages
 * @returns {Promise<number>} exit status
 */
const several = async (stages) => {
  const total = { passed: 0, failed: 0, skipped: 0 };
  /** @type {string[]} */
  const lines = [];
  const waiting = [...stages];
  const logs = join(repository, 'build/vm');
  mkdirSync(logs, { recursive: true });
  const machines = Math.min(stages.length, availableParallelism());
  const work = async () => {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) {
      const { name } = stage;
      const began = Date.now();
      const log = join(logs, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.log`);
      writeFileSync(log, '');
      console.log(machines === 1 ? `\n== ${name}\n` : `begins: ${name} (${log})`);
      const keep = /** @param {string} data */ (data) => appendFileSync(log, data);
      const count = await runStage(stage, machines === 1 ? printAtOnce : keep);
      if (machines > 1) console.log(`\n== ${name}\n\n${readFileSync(log, 'utf8')}`);
      for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += count[key];
      const minutes = ((Date.now() - began) / 60_000).toFixed(1);
      lines.push(`${name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped, ${minutes} min`);
    }
  };
  await Promise.all(Array.from({ length: machines }, work));
  console.log(`\n${lines.join('\n')}\n\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (values.sum !== undefined) writeFileSync(values.sum, JSON.stringify(total));
  return total.failed === 0 ? 0 : 1;
};

await script(async () => {
  if (process.getuid?.() !== 0) throw new SetupError('test:vm shares the root file system and needs root for that.');
  // By way of "exit", which stops the machine and its file servers.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));
  setUp();
  const all = values.all || (!values.quick && values.command === undefined && positionals.length === 0);
  const missing = ensurePackages([...toEmulate, ...(all ? toTest : [])]);
  if (missing !== undefined) throw new SetupError(missing);
  const withoutCriu = values.quick ? undefined : ensureCriu(process.env.PATH ?? '');
  if (withoutCriu !== undefined) report(`checkpoint and restore are not tested: ${withoutCriu}`);
  const withoutEngines = all ? ensureEngines() : undefined;
  if (withoutEngines !== undefined) report(withoutEngines);
  if (!values.quick) must('make', ['-s', '-C', join(repository, 'addon'), 'fs-driver']); // minutes in a machine
  const asked = /** @param {import('./stages.mjs').Stage} stage */ ({ name }) =>
    positionals.length === 0 || positionals.some((part) => name.includes(part));
  if (all) {
    const chosen = full.filter(asked);
    const names = full.map(({ name }) => `  ${name}`).join('\n');
    if (chosen.length === 0)
      throw new SetupError(`No stage has ${positionals.join(' or ')} in its name. There are:\n${names}`);
    return several(chosen);
  }
  return values.quick ? several(quick) : single();
});

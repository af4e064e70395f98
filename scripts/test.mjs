/**
 * `npm test`: the one gate. Sets up what is missing, runs every check, and ends with
 *
 *   N passed, N failed, N skipped
 *
 * summed over all: a tool counts as one, vitest counts its tests. Everything that a check writes goes to a directory
 * of this run; afterwards nothing may be left on the host.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSuite } from '../conformance/suite.mjs';
import { settledResidue, takeSnapshot } from '../test/residue.mjs';
import { comparisons, engineTests, newestEngines, under } from './engines.mjs';
import { findingsOf, isBroken } from './findings.mjs';
import { ensurePackages, has, toEmulate } from './packages.mjs';
import { repository, run, SetupError } from './run.mjs';
import { script, setUp } from './setup.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */
/** @typedef {{ name: string, run: () => Promise<Count> }} Check */

/** @param {Partial<Count>} [count] @returns {Count} */
const counted = (count) => ({ passed: 0, failed: 0, skipped: 0, ...count });

const bin = /** @param {string} name */ (name) => join(repository, 'node_modules/.bin', name);

/** Every check ends: a test can spin in a loop that no time limit of its own interrupts. */
const minutesPerCheck = 15;

/** The check that runs, as a process group: Ctrl-C and the time limit end all of it. @type {number | undefined} */
let running;
let interrupted = false;
const stopRunning = () => running !== undefined && process.kill(-running, 'SIGTERM');

/**
 * Run a program to its end; async, so that an interrupt reaches us as well.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, show: boolean, minutes?: number }} options show: its output at once; else only when it fails
 * @returns {Promise<boolean>} whether it succeeded
 */
const succeeds = (command, args, { env, show, minutes = minutesPerCheck }) =>
  new Promise((resolve, reject) => {
    const stdio = show
      ? /** @type {const} */ (['ignore', 'inherit', 'inherit'])
      : /** @type {const} */ (['ignore', 'pipe', 'pipe']);
    const child = spawn(command, args, { cwd: repository, env, detached: true, stdio: [...stdio] });
    running = child.pid;
    const limit = setTimeout(() => {
      console.log(`  stopped after ${minutes} minutes`);
      stopRunning();
    }, minutes * 60_000);
    /** @type {Buffer[]} */
    const output = [];
    child.stdout?.on('data', (data) => output.push(data));
    child.stderr?.on('data', (data) => output.push(data));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(limit);
      running = undefined;
      if (code !== 0 && !show) process.stderr.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });

/**
 * A check that is one program.
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {string} [needs] what has to be installed, when it is not the command itself
 * @returns {Check}
 */
const tool = (name, command, args, env, needs = command) => ({
  name,
  run: async () => {
    if (!has(needs)) {
      console.log(`  ${needs} is not installed`);
      return counted({ skipped: 1 });
    }
    return counted((await succeeds(command, args, { env, show: false })) ? { passed: 1 } : { failed: 1 });
  },
});

/** What is said once more below the sum, where nobody has to search for it: failures, and what took two attempts. @type {string[]} */
const findings = [];

/**
 * What vitest's JSON report counts. A file that could not be loaded has no tests: it counts as one failure.
 * @param {string} path
 */
const countOf = (path) => {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  /** @type {import('./findings.mjs').TestFile[]} */
  const files = report.testResults;
  findings.push(...files.flatMap(findingsOf));
  const broken = files.filter(isBroken).length;
  return counted({
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests + report.numTodoTests,
  });
};

/**
 * @param {string} name
 * @param {readonly string[]} args which tests
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} [prefix] words of a command that runs another
 * @returns {Check}
 */
const vitest = (name, args, env, prefix = []) => ({
  name,
  run: async () => {
    const report = join(String(env.TMPDIR), 'vitest.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    // Containers on a machine that others load as well: a second attempt tells an unsteady test from a broken one.
    const attempts = ['--retry=1'];
    try {
      const [command = '', ...words] = [...prefix, bin('vitest'), 'run', ...args, ...attempts, ...reporters];
      const good = await succeeds(command, words, { env, show: true });
      if (!existsSync(report)) return counted({ failed: 1 }); // it did not come to its end
      const count = countOf(report);
      // An error outside every test (an unhandled rejection) fails the run, though no test did.
      return !good && count.failed === 0 ? { ...count, failed: 1 } : count;
    } finally {
      rmSync(report, { force: true });
    }
  },
});

/** @param {string[]} patterns @returns {string[]} files that git knows or would */
const sources = (...patterns) =>
  run('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns])
    .stdout.split('\n')
    .filter(Boolean);

/** @param {readonly string[]} commands @returns {string} the first that is installed */
const anyOf = (...commands) => commands.find(has) ?? String(commands[0]);

const clangFormat = anyOf('clang-format-19', 'clang-format');
const clangTidy = anyOf('clang-tidy-19', 'clang-tidy');
// One process per file and core; addon/node is left out, since its library's headers take 20 s per file.
const tidyAll = `ls addon/init/*.cpp addon/host/*.cpp | xargs -P "$(nproc)" -I{} ${clangTidy} --quiet {} -- -std=c++20 -D_GNU_SOURCE`;

/** @param {NodeJS.ProcessEnv} env @returns {Check[]} */
const staticChecks = (env) => [
  tool('format and lint (TypeScript, JSON)', bin('biome'), ['ci', '.'], env),
  tool('types', bin('tsc'), ['-p', '.', '--noEmit'], env),
  tool('types of tests and scripts', bin('tsc'), ['-p', 'test'], env),
  tool('unused code', bin('knip'), [], env),
  tool(
    'format (C, C++)',
    clangFormat,
    ['--dry-run', '--Werror', '--style=file:addon/.clang-format', ...sources('*.c', '*.cpp', '*.h')],
    env,
  ),
  tool('lint (C++)', 'sh', ['-c', tidyAll], env, clangTidy),
  tool('C++ unit tests', 'make', ['-s', '-C', 'addon', 'test'], env, '/usr/include/doctest/doctest.h'),
];

const executable = { TSRUNC: join(repository, 'dist/tsrunc') };

/** @param {NodeJS.ProcessEnv} env @returns {Check[]} */
const tests = (env) => [
  vitest('unit tests', ['--project', 'unit'], env),
  vitest('integration tests, executable', ['--project', 'integration'], { ...env, ...executable }),
  withNewestEngines('tests with the newest engines', ({ tree, versions }) => {
    for (const [name, version] of Object.entries(versions)) console.log(`  ${name} ${version}`);
    return vitest('', ['--project', 'integration', ...engineTests], { ...env, ...executable, TSRUNC_ENGINES: tree });
  }),
  withNewestEngines('comparisons with the newest runc and crun', ({ tree }) =>
    vitest('', ['--project', 'integration', ...comparisons], { ...env, ...executable }, under(tree)),
  ),
  vitest('lifecycle tests, the program on Bun', ['--project', 'integration', 'lifecycle', 'engine'], {
    ...env,
    TSRUNC: join(repository, 'dist/tsrunc-bun'),
  }),
  vitest('lifecycle tests, Node', ['--project', 'integration', 'lifecycle'], {
    ...env,
    TSRUNC: join(repository, 'bin/tsrunc'),
  }),
  validationSuite(env),
  virtualMachine(env),
];

/** @typedef {import('./engines.mjs').Engines} Engines */

/**
 * Tests with the newest engines; the host's own were among the integration tests.
 * @param {string} name
 * @param {(newest: Engines) => Check} check
 * @returns {Check}
 */
const withNewestEngines = (name, check) => ({
  name,
  run: async () => {
    const newest = newestEngines();
    if (newest !== undefined) return check(newest).run();
    console.log('  there are none beside the host’s');
    return counted({ skipped: 1 });
  },
});

/** Why the suite cannot be had here. @returns {string | undefined} */
const withoutSuite = () => {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    buildSuite();
    return undefined;
  } catch (error) {
    if (error instanceof SetupError) return error.message;
    throw error;
  }
};

/**
 * A check that is a script of ours, which leaves its sum in the file that `--sum` names.
 * @param {object} check
 * @param {string} check.name
 * @param {() => string | undefined} check.obstacle why it cannot be run here
 * @param {readonly string[]} check.words the script and its arguments
 * @param {number} [check.minutes]
 * @param {NodeJS.ProcessEnv} env
 * @returns {Check}
 */
const summed = ({ name, obstacle, words, minutes = minutesPerCheck }, env) => ({
  name,
  run: async () => {
    const reason = obstacle();
    if (reason !== undefined) {
      console.log(`  ${reason}`);
      return counted({ skipped: 1 });
    }
    const sum = join(String(env.TMPDIR), 'sum.json');
    const good = await succeeds(process.execPath, [...words, '--sum', sum], { env, show: true, minutes });
    const count = existsSync(sum) ? counted(JSON.parse(readFileSync(sum, 'utf8'))) : counted();
    rmSync(sum, { force: true });
    return !good && count.failed === 0 ? { ...count, failed: 1 } : count;
  },
});

/** @param {NodeJS.ProcessEnv} env @returns {Check} */
const validationSuite = (env) =>
  summed({ name: 'OCI runtime-tools validation suite', obstacle: withoutSuite, words: ['conformance/run.mjs'] }, env);

/** Why there can be no virtual machine here. @returns {string | undefined} */
const withoutMachine = () => {
  if (process.getuid?.() !== 0) return 'needs root';
  if (process.arch !== 'x64') return `there is no machine for ${process.arch} yet`;
  return ensurePackages(toEmulate)?.split('\n')[0];
};

/**
 * Tests on what this host may lack: cgroup v2 alone, and systemd. The full run is `npm run test:vm`.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Check}
 */
const virtualMachine = (env) =>
  summed(
    {
      name: 'tests in a virtual machine with systemd and cgroup v2',
      obstacle: withoutMachine,
      words: ['scripts/vm/test.mjs', '--quick'],
      // Eight minutes where nothing else runs; the machine has a limit of its own, which comes first and shows its console.
      minutes: 25,
    },
    env,
  );

/** @param {readonly Check[]} checks */
const runAll = async (checks) => {
  const total = counted();
  for (const check of checks) {
    if (interrupted) break;
    const began = Date.now();
    console.log(`\n== ${check.name}`);
    const count = await check.run();
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += count[key];
    const verdict = count.failed > 0 ? 'FAILED' : count.passed > 0 ? 'ok' : 'skipped';
    console.log(`   ${verdict}, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  return total;
};

/**
 * Checks with a directory and a mark of their own, and then the look at what they left.
 * @param {(env: NodeJS.ProcessEnv) => readonly Check[]} checksWith
 */
const runLeavingNothing = async (checksWith) => {
  const temporary = mkdtempSync(join(tmpdir(), 'tsrunc-gate-'));
  // Containers in user namespaces and rootless tests are other users, who have to pass.
  chmodSync(temporary, 0o755);
  const mark = `TSRUNC_GATE=${temporary}`;
  const env = { ...process.env, TMPDIR: temporary, TSRUNC_GATE: temporary };
  const before = takeSnapshot({ mark, temporary });
  /** @type {Check} */
  const nothingLeft = {
    name: 'nothing is left on the host',
    run: async () => {
      const left = await settledResidue(before, { mark, temporary });
      for (const line of left) console.log(`  left: ${line}`);
      return counted(left.length === 0 ? { passed: 1 } : { failed: 1 });
    },
  };
  try {
    return await runAll([...checksWith(env), nothingLeft]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
};

await script(async () => {
  // The running check ends and counts as failed, the others are left out; what it made is still removed.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interrupted = true;
      stopRunning();
    });
  }
  setUp({ tests: true });
  const total = await runLeavingNothing((env) => [...staticChecks(env), ...tests(env)]);
  console.log(
    `\n${findings.map((finding) => `${finding}\n`).join('')}${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
  );
  return total.failed === 0 ? 0 : 1;
});

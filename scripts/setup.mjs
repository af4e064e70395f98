/**
 * Everything that a fresh clone lacks: system packages, node_modules, the native parts and the executable. Plain Node
 * without dependencies, because it runs before there are any. Says nothing when there is nothing to do.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureCriu } from './criu.mjs';
import { ensureEngines } from './engines.mjs';
import { ensurePackages, toBuild, toTest } from './packages.mjs';
import { must, report, repository, SetupError } from './run.mjs';

const checkNode = () => {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new SetupError(`Node.js 20 or newer is needed; this is ${process.version}.`);
  if (process.platform !== 'linux') throw new SetupError('Containers of this kind exist on Linux only.');
};

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} Locked */

/** @param {string} path @returns {[string, Locked][]} */
const lockedPackages = (path) =>
  Object.entries(JSON.parse(readFileSync(path, 'utf8')).packages).filter(([name]) => name !== '');

/** npm notes in node_modules what it has installed: compare it with the lock file instead of asking npm (0.5 s). */
const modulesMatch = () => {
  const noted = join(repository, 'node_modules/.package-lock.json');
  if (!existsSync(noted)) return false;
  const installed = new Map(lockedPackages(noted));
  return lockedPackages(join(repository, 'package-lock.json')).every(([name, locked]) =>
    installed.has(name) ? installed.get(name)?.version === locked.version : locked.optional === true,
  );
};

const ensureModules = () => {
  if (modulesMatch()) return;
  report('npm ci');
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
};

/** The build knows itself what is up to date. */
const build = () => {
  if (!existsSync(join(repository, 'dist/tsrunc'))) report('building (native parts, library, executable)');
  must('node_modules/.bin/bun', ['scripts/build.ts']);
};

/** Not fatal either: its tests are skipped. */
const reportWithoutCriu = () => {
  const reason = ensureCriu(process.env.PATH ?? '');
  if (reason !== undefined) report(`checkpoint and restore are not tested: ${reason}`);
};

/** Nor is this: the host's own are tested all the same. */
const reportWithoutEngines = () => {
  const reason = ensureEngines();
  if (reason !== undefined) report(reason);
};

/**
 * @param {{ tests?: boolean, build?: boolean }} [options] tests: also what only the gate needs; build: false leaves it out
 * @throws SetupError with what the user has to do
 */
export const setUp = (options = {}) => {
  checkNode();
  const missing = ensurePackages(toBuild);
  if (missing !== undefined) throw new SetupError(missing);
  const missingForTests = options.tests ? ensurePackages(toTest) : undefined;
  // Not fatal: the checks that need these tools are counted as skipped.
  if (missingForTests !== undefined) report(missingForTests);
  if (options.tests) {
    reportWithoutCriu();
    reportWithoutEngines();
  }
  ensureModules();
  if (options.build !== false) build();
};

/**
 * Run a script's main part; a SetupError is for the user, anything else keeps its stack.
 * @param {() => Promise<number> | number} main resolves with the exit status
 */
export const script = async (main) => {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await script(() => {
    setUp({ tests: process.argv.includes('--tests') });
    return 0;
  });
}

/**
 * `npm run build`: everything that is made from the sources. Each step runs only when what it reads has changed since it
 * last succeeded, so a second build is quick and says nothing. Run by Bun, which is also the compiler of the executable.
 *
 *   src/plan/ops.ts ──▶ addon/generated/ops.h, src/generated/wire-hash.ts
 *   schemas/        ──▶ src/generated/*
 *   src/cli/        ──▶ src/generated/help-pages.ts
 *   addon/          ──▶ addon/build/tsrunc-init (the helper) ──▶ addon/build/tsrunc.node (with the helper in it)
 *   src/            ──▶ dist/tsrunc (the executable: engine, bytecode, addon and helper in one static file)
 *                   ──▶ dist/tsrunc-bun (the same program on Bun, which finds tsrunc.node beside it)
 *                   ──▶ dist/*.js, *.d.ts (library, Node CLI)
 *   src/cli/        ──▶ dist/man (the manual) and dist/completions (scripts for shells)
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { deafen } from './deafen.ts';
import { haveEngineSource } from './engine-source.ts';

const root = join(import.meta.dirname, '..');
const stamps = join(root, 'build/stamps');
const engineModules = 'addon/build/modules';
const compilerMemory = 'build/library.tsbuildinfo';

interface Step {
  readonly name: string;
  /** Files and directories that the step reads; without any it runs always, because its tool knows what is up to date. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly run: () => void | Promise<void>;
}

/** Files that decide what the tools do, whatever they are fed with. */
const tools = ['package-lock.json', 'scripts/build.ts', 'scripts/deafen.ts'];
const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', ...tools];

/**
 * Bytecode saves parsing at each start (50 ms without it, 12 ms with it, of which 4 ms are Bun itself); splitting keeps what
 * is imported lazily (debug, the explaining validator) out of the first file, and a large least size of the pieces
 * puts what they share into it: each module costs. The JIT never pays off in a process
 * that lives for some milliseconds: compiling took 5 ms of `run`, so its thresholds are far away. Configuration files of
 * the working directory must stay unread: that is the bundle, somebody else's code.
 */
const compileFlags = [
  '--compile',
  '--target=bun',
  '--format=esm',
  '--minify',
  '--bytecode',
  '--splitting',
  '--min-chunk-size=1000000',
  '--compile-jit-policy=1000',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  '--no-compile-autoload-tsconfig',
  '--no-compile-autoload-package-json',
];

const steps: readonly Step[] = [
  {
    name: 'the wire of the init helper',
    inputs: ['src/plan/ops.ts', 'scripts/generate-wire.ts', ...tools],
    outputs: ['addon/generated/ops.h', 'src/generated/wire-hash.ts'],
    run: () => bun('scripts/generate-wire.ts'),
  },
  {
    name: 'types and validators of the schemas',
    inputs: ['schemas', 'scripts/generate-schema-code.ts', 'src/config/findings.ts', ...tools],
    outputs: ['config', 'state', 'features', 'validate-config', 'explain-config', 'config-schema'].map(
      (name) => `src/generated/${name}.ts`,
    ),
    run: () => bun('scripts/generate-schema-code.ts'),
  },
  {
    name: 'help pages',
    inputs: ['src/cli', 'scripts/generate-help.ts', ...tools],
    outputs: ['src/generated/help-pages.ts'],
    run: () => bun('scripts/generate-help.ts'),
  },
  { name: 'version', inputs: [], outputs: [], run: () => bun('scripts/generate-version.ts') },
  {
    name: 'init helper and addon',
    inputs: [],
    outputs: [],
    run: () => run('make', ['-s', `-j${availableParallelism()}`, '-C', 'addon', 'helper', 'addon']),
  },
  {
    name: 'addon beside the executable',
    inputs: ['addon/build/tsrunc.node'],
    outputs: ['dist/tsrunc.node'],
    run: () => replace('dist/tsrunc.node', (path) => fs.copyFileSync(join(root, 'addon/build/tsrunc.node'), path)),
  },
  {
    name: 'program on Bun',
    inputs: sources,
    outputs: ['dist/tsrunc-bun'],
    run: () => replace('dist/tsrunc-bun', compileWithBun),
  },
  {
    name: 'modules of the executable',
    inputs: [...sources, 'scripts/bundle-engine.ts'],
    outputs: [`${engineModules}/main.js`],
    run: () => {
      fs.rmSync(join(root, engineModules), { recursive: true, force: true });
      bun('scripts/bundle-engine.ts', engineModules);
    },
  },
  { name: 'executable', inputs: [], outputs: [], run: makeExecutable },
  {
    name: 'library',
    inputs: sources,
    outputs: ['dist/index.js', 'dist/index.d.ts', 'dist/main.js'],
    run: compileLibrary,
  },
  {
    name: 'manual and completion',
    inputs: ['src/cli', 'scripts/generate-pages.ts', ...tools],
    outputs: ['dist/man/man8/tsrunc.8', 'dist/completions/_tsrunc'],
    run: () => bun('scripts/generate-pages.ts'),
  },
];

/** What was made last is remembered by its name, size and time. */
async function makeExecutable(): Promise<void> {
  const made = await haveEngineSource(join(root, 'addon/build/quickjs'));
  if (made) run('make', ['-s', `-j${availableParallelism()}`, '-C', 'addon', 'executable']);
  const from = made ? 'addon/build/tsrunc' : 'dist/tsrunc-bun';
  await perform({
    name: 'executable in its place',
    inputs: [from],
    outputs: ['dist/tsrunc'],
    run: () => replace('dist/tsrunc', (path) => fs.copyFileSync(join(root, from), path)),
  });
}

/**
 * Compiled twice: the first one is run once, by what needs neither privileges nor a container, and says which functions it
 * called; their bytecode then lies together at the front, so that a start touches fewer pages (2 of 25 ms of `run`).
 */
function compileWithBun(path: string): void {
  const compile = (...more: string[]): void =>
    bun('build', 'src/main.ts', ...compileFlags, ...more, `--outfile=${path}`);
  compile();
  const order = `${path}.order`;
  try {
    run(path, ['plan', '--json', 'bundles/hello'], { BUN_BYTECODE_ORDER_OUT: order });
    compile(`--bytecode-order=${order}`);
  } finally {
    fs.rmSync(order, { force: true });
  }
  change(() => deafen(path));
}

/** The compiler remembers what it has emitted and does not look whether that is still there. */
function compileLibrary(): void {
  if (!fs.existsSync(join(root, 'dist/index.js'))) fs.rmSync(join(root, compilerMemory), { force: true });
  const incremental = ['--incremental', '--tsBuildInfoFile', compilerMemory];
  run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', ...incremental]);
}

/** A tool that failed; it has said why itself. */
class BuildError extends Error {}

function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (error !== undefined || status !== 0) {
    throw new BuildError(`${[relative(root, program) || program, ...args].join(' ')}\n${stdout}${stderr}`, {
      cause: error,
    });
  }
}

function change(run: () => void): void {
  try {
    run();
  } catch (cause) {
    throw new BuildError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

const bun = (...args: string[]): void => run(process.execPath, args);

/** Make a file beside its place and move it there: whoever runs the old one meanwhile keeps it whole. */
function replace(path: string, make: (temporary: string) => void): void {
  const target = join(root, path);
  const temporary = `${target}.${process.pid}`;
  fs.mkdirSync(join(target, '..'), { recursive: true });
  try {
    make(temporary);
    fs.renameSync(temporary, target);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Name, size and time of every input, tests left out. */
function fingerprint(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const input of inputs.flatMap(filesBelow).sort()) {
    const { size, mtimeMs } = fs.statSync(input);
    hash.update(`${input}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function filesBelow(path: string): string[] {
  const full = join(root, path);
  if (!fs.statSync(full).isDirectory()) return [full];
  return fs
    .readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

const stampOf = (step: Step): string => join(stamps, step.name.replaceAll(' ', '-'));

function isUpToDate(step: Step, inputs: string): boolean {
  const made = step.outputs.every((path) => fs.existsSync(join(root, path)));
  return made && fs.existsSync(stampOf(step)) && fs.readFileSync(stampOf(step), 'utf8') === inputs;
}

async function perform(step: Step): Promise<void> {
  if (step.inputs.length === 0) {
    await step.run();
    return;
  }
  const inputs = fingerprint(step.inputs);
  if (isUpToDate(step, inputs)) return;
  const started = performance.now();
  await step.run();
  fs.mkdirSync(stamps, { recursive: true });
  fs.writeFileSync(stampOf(step), inputs);
  console.log(`built: ${step.name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

async function build(): Promise<number> {
  for (const step of steps) {
    try {
      await perform(step);
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      console.error(`Cannot build ${step.name}: ${error.message}`);
      return 1;
    }
  }
  return 0;
}

process.exitCode = await build();

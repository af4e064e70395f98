/**
 * npm run bench [-- --rounds N --count N --write]: tsrunc against crun and runc, where installed, with the same bundle
 * (bundles/hello, its program replaced by one that does nothing). The runtimes take turns in blocks of `count`
 * measures, `rounds` times, so that a busy moment of the machine hits all of them; the table shows medians of all.
 *
 * --write puts the table into README.md, with the command and the machine.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { has } from '../scripts/packages.mjs';
import { must, repository, run, SetupError } from '../scripts/run.mjs';
import { script } from '../scripts/setup.mjs';

/** @typedef {{ nanoseconds: number, kib: number }} Measure */
/** @typedef {{ name: string, command: string | undefined }} Contender command undefined: the kernel floor */
/** @typedef {'run' | 'lifecycle' | 'state' | 'exec'} Task */

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    count: { type: 'string', default: '10' },
    write: { type: 'boolean', default: false },
  },
});

/** @param {readonly number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** @returns {Contender[]} */
const contenders = () => [
  { name: 'kernel floor', command: undefined },
  { name: 'tsrunc', command: join(repository, 'dist/tsrunc') },
  { name: 'tsrunc on Node', command: join(repository, 'bin/tsrunc') },
  ...['crun', 'runc'].filter(has).map((name) => ({ name, command: name })),
];

/** The bundle and the C programs, below `work`. @param {string} work */
const prepare = (work) => {
  mkdirSync(join(work, 'bundle/rootfs'), { recursive: true });
  const compile = join(repository, 'bundles/compile');
  const source = /** @param {string} name */ (name) => join(repository, 'bench', `${name}.c`);
  // musl comes without the kernel's headers; those of the system do, after musl's own.
  const multiarch = `/usr/include/${must('gcc', ['-print-multiarch']).trim()}`;
  must(compile, [source('floor'), join(work, 'floor'), '-idirafter', '/usr/include', '-idirafter', multiarch]);
  must(compile, [source('timer'), join(work, 'timer')]);
  must(compile, [source('true'), join(work, 'bundle/rootfs/true')]);
  for (const name of ['proc', 'dev', 'sys']) mkdirSync(join(work, 'bundle/rootfs', name));
  const config = JSON.parse(readFileSync(join(repository, 'bundles/hello/config.json'), 'utf8'));
  config.process.args = ['/true'];
  config.ociVersion = '1.0.2'; // what older releases of the others accept
  writeFileSync(join(work, 'bundle/config.json'), JSON.stringify(config));
};

const id = `tsrunc-bench-${process.pid}`;

/**
 * The commands of one measure, as arguments of bench/timer.
 * @param {Contender} contender
 * @param {Task} task
 * @param {string} work
 * @returns {string[]}
 */
const commands = ({ name, command }, task, work) => {
  if (command === undefined) return [join(work, 'floor'), join(work, 'bundle/rootfs'), '/true', id];
  const runtime = [command, '--root', join(work, `state-${name}`)];
  const bundle = ['--bundle', join(work, 'bundle'), id];
  if (task === 'run') return [...runtime, 'run', ...bundle];
  if (task === 'state') return [...runtime, 'state', id];
  if (task === 'exec') return [...runtime, 'exec', id, '/true'];
  return [...runtime, 'create', ...bundle, ';', ...runtime, 'start', id, ';', ...runtime, 'delete', id];
};

/**
 * One block of measures. crun refuses hosts that have cgroup v1 and v2 at once: all run where there is only v1.
 * @param {Contender} contender
 * @param {Task} task
 * @param {string} work
 * @param {string} count
 * @returns {Measure[]}
 */
const block = (contender, task, work, count) => {
  const timer = [join(work, 'timer'), count, ...commands(contender, task, work)];
  const quoted = /** @param {readonly string[]} words */ (words) => words.map((word) => `'${word}'`).join(' ');
  const runtime = [String(contender.command), '--root', join(work, `state-${contender.name}`)];
  const create = quoted([...runtime, 'create', '--bundle', join(work, 'bundle'), id]);
  const remove = quoted([...runtime, 'delete', '--force', id]);
  const inside =
    task === 'state' || task === 'exec'
      ? `${create} && { ${quoted(timer)}; status=$?; ${remove}; exit $status; }`
      : quoted(timer);
  // Detached from our pipe: the created container of `state` and `exec` would keep it open.
  const output = join(work, 'measures');
  const shell = `{ ${inside}; } >'${output}' </dev/null`;
  const { status } = run(join(repository, 'bench/private-cgroups'), ['sh', '-c', shell], { stdio: 'inherit' });
  if (status !== 0) throw new SetupError(`${contender.name}: ${task} failed (see above)`);
  const lines = readFileSync(output, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [nanoseconds, kib] = line.split(' ').map(Number);
    return { nanoseconds: Number(nanoseconds), kib: Number(kib) };
  });
};

/**
 * @param {Task} task
 * @param {string} work
 * @returns {Map<string, Measure[]>}
 */
const compete = (task, work) => {
  const all = contenders().filter(({ command }) => task === 'run' || command !== undefined);
  /** @type {Map<string, Measure[]>} */
  const measures = new Map(all.map(({ name }) => [name, []]));
  for (const contender of all) block(contender, task, work, '2'); // caches, and the first write to a cgroup in a while
  for (let round = 0; round < Number(options.rounds); round++) {
    // Another one begins each time.
    const order = [...all.slice(round % all.length), ...all.slice(0, round % all.length)];
    for (const contender of order) measures.get(contender.name)?.push(...block(contender, task, work, options.count));
  }
  return measures;
};

/**
 * A row of the table: medians, and their ratio to crun's.
 * @param {string} title
 * @param {Map<string, Measure[]>} measures
 * @param {(measure: Measure) => number} value
 */
const row = (title, measures, value) => {
  const medians = new Map([...measures].map(([name, all]) => [name, median(all.map(value))]));
  const base = medians.get('crun');
  const cells = contenders().map(({ name }) => {
    const own = medians.get(name);
    if (own === undefined) return '';
    const ratio = base === undefined || name === 'crun' ? '' : ` (${(own / base).toFixed(2)})`;
    return `${own.toFixed(1)}${ratio}`;
  });
  return `| ${[title, ...cells].join(' | ')} |`;
};

/** @param {string} command */
const version = (command) => run(command, ['--version']).stdout.split('\n')[0]?.replace(' version', '') ?? command;

/** @param {string} work */
const table = (work) => {
  const milliseconds = /** @param {Measure} measure */ ({ nanoseconds }) => nanoseconds / 1e6;
  const mebibytes = /** @param {Measure} measure */ ({ kib }) => kib / 1024;
  const names = contenders().map(({ name }) => name);
  const ofRun = compete('run', work);
  const withoutFloor = new Map([...ofRun].filter(([name]) => name !== 'kernel floor'));
  return [
    `| median (ratio to crun) | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---:|').join('')}`,
    row('`run` of true, ms', ofRun, milliseconds),
    row('`create` + `start` + `delete`, ms', compete('lifecycle', work), milliseconds),
    row('`exec` of true, ms', compete('exec', work), milliseconds),
    row('`state`, ms', compete('state', work), milliseconds),
    row('peak memory of `run`, MiB', withoutFloor, mebibytes),
    '',
    `\`npm run bench -- --rounds ${options.rounds} --count ${options.count}\`: ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, ` +
      `${['crun', 'runc'].filter(has).map(version).join(', ')}, Node ${process.version}.`,
  ].join('\n');
};

/** @param {string} text */
const writeToReadme = (text) => {
  const path = join(repository, 'README.md');
  const readme = readFileSync(path, 'utf8');
  const marked = /(<!-- bench -->\n)[\s\S]*?(<!-- end of bench -->)/;
  if (!marked.test(readme)) throw new SetupError('README.md lost its <!-- bench --> marks.');
  const filled = readme.replace(marked, (_, begin, end) => `${begin}\n${text}\n\n${end}`);
  writeFileSync(path, filled);
  must('node_modules/.bin/biome', ['format', '--write', 'README.md']);
};

await script(() => {
  if (process.getuid?.() !== 0) throw new SetupError('The benchmark makes containers with cgroups: run it as root.');
  const work = mkdtempSync(join(tmpdir(), 'tsrunc-bench-'));
  try {
    prepare(work);
    const text = table(work);
    console.log(text);
    if (options.write) writeToReadme(text);
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

/**
 * npm run conformance [-- RUNTIME [PROGRAM...]]: the OCI runtime-tools validation suite against a runtime (dist/tsrunc). Each
 * program runs alone, in a mount and a pid namespace of its own with a private /run, and has a minute. Exit status 0: every
 * program that counts is ok. `--sum FILE`: the sum also goes there, as JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { has } from '../scripts/packages.mjs';
import { repository, SetupError } from '../scripts/run.mjs';
import { script, setUp } from '../scripts/setup.mjs';
import { suiteCgroups } from './cgroups.mjs';
import { thisHost } from './host.mjs';
import { programs, unfairOn } from './programs.mjs';
import { buildSuite, programsDirectory } from './suite.mjs';
import { judge } from './tap.mjs';

/** Emulated machines take many times as long ($TSRUNC_PATIENCE, a factor). */
const secondsPerProgram = 60 * Number(process.env.TSRUNC_PATIENCE ?? 1);

/** Runtimes that fail a program, and some that pass it, leave their cgroups. @param {string} name */
const removeCgroups = (name) => {
  const left = suiteCgroups('/sys/fs/cgroup');
  for (const path of left) rmdirSync(path);
  if (left.length > 0) console.log(`# ${name} left ${left.length} cgroups, which are removed`);
};

/**
 * @param {string} runtime
 * @param {string} name
 * @returns {Promise<{ output: string, status: number | null, timedOut: boolean }>}
 */
const execute = async (runtime, name) => {
  const temporary = mkdtempSync(join(tmpdir(), 'tsrunc-conformance-'));
  chmodSync(temporary, 0o755); // containers in user namespaces have to pass
  const inside = `mount -t tmpfs tsrunc-conformance /run && exec ./${name}.t`;
  const isolation = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const privately = runtime.endsWith('crun') ? [join(repository, 'bench/private-cgroups')] : [];
  const [command = '', ...args] = [...privately, 'unshare', ...isolation, 'sh', '-c', inside];
  try {
    const child = spawn(command, args, {
      cwd: programsDirectory,
      env: { ...process.env, RUNTIME: runtime, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      process.kill(-Number(child.pid), 'SIGKILL');
    }, secondsPerProgram * 1000);
    const [status] = await once(child, 'close');
    clearTimeout(timer);
    return { output, status, timedOut };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    removeCgroups(name);
  }
};

/** @param {string} runtime @param {string} name @param {import('./programs.mjs').Host} host @returns {Promise<import('./tap.mjs').Judgement>} */
const validate = async (runtime, name, host) => {
  const program = programs[name] ?? {};
  const unfair = unfairOn(program, host);
  if (unfair !== undefined) return { verdict: 'skipped', reasons: [unfair] };
  let judgement = judge(await execute(runtime, name), program);
  for (let attempt = 1; judgement.verdict === 'not ok' && attempt < (program.tries ?? 1); attempt++) {
    judgement = judge(await execute(runtime, name), program);
  }
  return judgement;
};

await script(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { sum: { type: 'string' } } });
  const [given = 'dist/tsrunc', ...wanted] = positionals;
  if (process.getuid?.() !== 0) throw new SetupError('The validation suite has to run as root.');
  setUp();
  const runtime = has(given) && !given.includes('/') ? given : resolve(repository, given);
  const names = buildSuite();
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new SetupError(`There is no program ${unknown.join(', ')}. There are: ${names.join(' ')}`);
  const host = thisHost();
  const count = { ok: 0, 'not ok': 0, skipped: 0 };
  for (const name of wanted.length > 0 ? wanted : names) {
    const { verdict, reasons } = await validate(runtime, name, host);
    count[verdict] += 1;
    console.log(verdict === 'skipped' ? `skipped ${name} (${reasons[0]})` : `${verdict} ${name}`);
    if (verdict === 'not ok') for (const reason of reasons.slice(0, 10)) console.log(`    ${reason}`);
  }
  console.log(`\n${count.ok} passed, ${count['not ok']} failed, ${count.skipped} skipped`);
  const sum = { passed: count.ok, failed: count['not ok'], skipped: count.skipped };
  if (values.sum !== undefined) writeFileSync(values.sum, JSON.stringify(sum));
  return sum.failed === 0 ? 0 : 1;
});

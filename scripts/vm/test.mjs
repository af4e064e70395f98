/**
 * `npm run test:vm -- [--mode plain|systemd|user|v1] [--seconds N] [FILE...]`: integration tests in a virtual machine with what
 * this host may lack: cgroup v2 alone, systemd as process 1, AppArmor. `--command TEXT` runs a shell command instead.
 */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages, toEmulate } from '../packages.mjs';
import { repository, SetupError } from '../run.mjs';
import { script, setUp } from '../setup.mjs';
import { ensureKernel } from './kernel.mjs';
import { bootOnce, quote } from './machine.mjs';

const modes = /** @type {const} */ (['plain', 'systemd', 'user', 'v1']);

/** Without KVM everything takes ten to twenty times as long as on the host. */
const patience = 10;
const testTimeoutMs = 30_000 * patience;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: 'string', default: 'systemd' },
    seconds: { type: 'string', default: '1800' },
    command: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

/** @param {readonly string[]} files */
const vitest = (files) =>
  [
    'env',
    `TSRUNC_PATIENCE=${patience}`,
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'integration',
    '--maxWorkers=1',
    '--no-cache',
  ]
    .concat([`--testTimeout=${testTimeoutMs}`, `--hookTimeout=${testTimeoutMs}`, ...files])
    .map(quote)
    .join(' ');

/** @returns {import('./machine.mjs').Boot} */
const request = () => {
  const mode = modes.find((name) => name === values.mode);
  const seconds = Number(values.seconds);
  if (mode === undefined) throw new SetupError(`--mode is one of ${modes.join(', ')}, not ${values.mode}.`);
  if (!(seconds > 0)) throw new SetupError(`--seconds is a number, not ${values.seconds}.`);
  return {
    kernel: ensureKernel(),
    mode,
    command: values.command ?? vitest(positionals),
    directory: realpathSync(repository),
    paths: [repository, join(repository, 'node_modules'), dirname(process.execPath)].map((path) => realpathSync(path)),
    seconds,
    onOutput: (data) => process.stdout.write(data),
  };
};

/** @param {string} text of the console: its end, where the reason is */
const tail = (text) =>
  text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .slice(-60)
    .join('\n');

await script(async () => {
  if (process.getuid?.() !== 0) throw new SetupError('test:vm shares the root file system and needs root for that.');
  // By way of "exit", which stops the machine and its file servers.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));
  setUp();
  const missing = ensurePackages(toEmulate);
  if (missing !== undefined) throw new SetupError(missing);
  const boot = request();
  let end = await bootOnce(boot);
  // The emulator dies now and then; once is bad luck, twice is a fault.
  if (!end.started && !end.timedOut) end = await bootOnce(boot);
  if (values.verbose || end.status === undefined) console.error(tail(end.console));
  if (end.timedOut) throw new SetupError(`The machine was switched off after ${values.seconds} seconds.`);
  if (end.status === undefined)
    throw new SetupError('The machine stopped before the command ended; its console is above.');
  return end.status;
});

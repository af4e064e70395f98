/** Running programs for the set-up: quietly, with their output at hand when they fail. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('..', import.meta.url));

/** A failure that the user can mend; printed without a stack. */
export class SetupError extends Error {}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 * @throws when the program cannot be started; its exit status is left to the caller
 */
export const run = (command, args, options = {}) => {
  const outcome = spawnSync(command, args, { cwd: repository, maxBuffer: 1 << 28, ...options, encoding: 'utf8' });
  if (outcome.error !== undefined) throw new SetupError(`Cannot run ${command}: ${outcome.error.message}`);
  return outcome;
};

/**
 * As run(), for a program that has to succeed.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options]
 * @throws with all that the program said
 */
export const must = (command, args, options) => {
  const { status, signal, stdout, stderr } = run(command, args, options);
  if (status !== 0)
    throw new SetupError(`${[command, ...args].join(' ')}: ${signal ?? `exit ${status}`}\n${stdout}${stderr}`);
  return stdout;
};

/** @param {string} line progress of a step that takes its time */
export const report = (line) => console.error(`tsrunc set-up: ${line}`);

import type { Hook, State } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import { signalName } from '../host/signals.ts';
import type { Native, ProgramEnd, SystemCallError } from '../native/native.ts';

/**
 * Hooks that run in the runtime's own namespaces (runtime-spec, config.md "POSIX-platform Hooks"): prestart, createRuntime,
 * poststart, poststop. createContainer and startContainer run inside and belong to the init helper.
 */
export type RuntimeHook = 'prestart' | 'createRuntime' | 'poststart' | 'poststop';

/** How much of a failing hook's stderr is worth showing. */
const STDERR_TAIL_BYTES = 2048;

type Runner = Pick<Native, 'runProgram'>;

/** Run the hooks of one kind in their order; the first that fails ends the list with HOOK_FAILED. */
export async function runHooks(
  native: Runner,
  kind: RuntimeHook,
  hooks: readonly Hook[] | undefined,
  state: State,
): Promise<void> {
  for (const [index, hook] of (hooks ?? []).entries()) await runHook(native, kind, index, hook, state);
}

/** Run all hooks of the kind even when some fail (poststop), and return the failures. */
export async function runAllHooks(
  native: Runner,
  kind: RuntimeHook,
  hooks: readonly Hook[] | undefined,
  state: State,
): Promise<TsruncError[]> {
  const failures: TsruncError[] = [];
  for (const [index, hook] of (hooks ?? []).entries()) {
    try {
      await runHook(native, kind, index, hook, state);
    } catch (error) {
      if (!(error instanceof TsruncError)) throw error;
      failures.push(error);
    }
  }
  return failures;
}

async function runHook(native: Runner, kind: RuntimeHook, index: number, hook: Hook, state: State): Promise<void> {
  const end = await execute(native, hook, state).catch((cause: SystemCallError) => {
    throw failure(kind, index, hook, `could not be started: ${cause.code}`, '', cause);
  });
  if (end.code === 0 && !end.signaled && !end.timedOut) return;
  throw failure(kind, index, hook, describeEnd(hook, end), end.stderr.trim());
}

function failure(
  kind: RuntimeHook,
  index: number,
  hook: Hook,
  what: string,
  stderr: string,
  cause?: unknown,
): TsruncError {
  const tail = stderr === '' ? '' : `, stderr: ${stderr}`;
  return new TsruncError('HOOK_FAILED', `error running ${kind} hook #${index}: "${hook.path}" ${what}${tail}`, {
    place: { file: 'config.json', pointer: `/hooks/${kind}/${index}` },
    ...(cause === undefined ? {} : { cause }),
  });
}

function describeEnd(hook: Hook, end: ProgramEnd): string {
  if (end.timedOut) return `timed out after ${hook.timeout} s`;
  return end.signaled ? `was killed by ${signalName(end.code)}` : `ended with exit status ${end.code}`;
}

/** 24 days: what the system calls take as an int. */
const longestMs = 2 ** 31 - 1;

/** execve semantics (config.md): args includes argv[0]; no env means an empty environment, never ours. */
const execute = (native: Runner, hook: Hook, state: State): Promise<ProgramEnd> =>
  native.runProgram({
    path: hook.path,
    argv: hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args,
    env: hook.env ?? [],
    cwd: state.bundle,
    input: JSON.stringify(state),
    timeoutMs: hook.timeout === undefined ? -1 : Math.min(hook.timeout * 1000, longestMs),
    mostOutput: 0,
    mostComplaint: STDERR_TAIL_BYTES,
  });

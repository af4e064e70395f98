import type { Hook, State } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';

/**
 * Hooks that run in the runtime's own namespaces (runtime-spec, config.md "POSIX-platform Hooks"): prestart, createRuntime,
 * poststart, poststop. createContainer and startContainer run inside and belong to the init helper.
 */
export type RuntimeHook = 'prestart' | 'createRuntime' | 'poststart' | 'poststop';

/** How much of a failing hook's stderr is worth showing. */
const STDERR_TAIL_BYTES = 2048;

/** Run the hooks of one kind in their order; the first that fails ends the list with HOOK_FAILED. */
export async function runHooks(kind: RuntimeHook, hooks: readonly Hook[] | undefined, state: State): Promise<void> {
  for (const [index, hook] of (hooks ?? []).entries()) await runHook(kind, index, hook, state);
}

/** Run all hooks of the kind even when some fail (poststop), and return the failures. */
export async function runAllHooks(
  kind: RuntimeHook,
  hooks: readonly Hook[] | undefined,
  state: State,
): Promise<TsruncError[]> {
  const failures: TsruncError[] = [];
  for (const [index, hook] of (hooks ?? []).entries()) {
    try {
      await runHook(kind, index, hook, state);
    } catch (error) {
      if (!(error instanceof TsruncError)) throw error;
      failures.push(error);
    }
  }
  return failures;
}

interface HookEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly stderr: string;
}

async function runHook(kind: RuntimeHook, index: number, hook: Hook, state: State): Promise<void> {
  const end = await execute(hook, state).catch((cause: unknown) => {
    throw failure(kind, index, hook, `could not be started: ${(cause as Error).message}`, '', cause);
  });
  if (end.code === 0 && !end.timedOut) return;
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

function describeEnd(hook: Hook, end: HookEnd): string {
  if (end.timedOut) return `timed out after ${hook.timeout} s`;
  return end.signal === null ? `ended with exit status ${end.code}` : `was killed by ${end.signal}`;
}

async function execute(hook: Hook, state: State): Promise<HookEnd> {
  const { spawn } = await import('node:child_process');
  // execve semantics (config.md): args includes argv[0]; no env means an empty environment, never ours.
  const [argv0, ...args] = hook.args ?? [hook.path];
  const child = spawn(hook.path, args, {
    argv0: argv0 ?? hook.path,
    env: Object.fromEntries((hook.env ?? []).map(splitVariable)),
    cwd: state.bundle,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_TAIL_BYTES);
  });
  // A hook need not read its stdin: EPIPE says nothing about its success.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(state));
  return await new Promise<HookEnd>((resolve, reject) => {
    let timedOut = false;
    const timer =
      hook.timeout === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGKILL');
          }, hook.timeout * 1000);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // "exit", not "close": a hook may leave a daemon behind that keeps the pipes open.
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      // What it wrote last may still be in the pipe.
      setImmediate(() => {
        child.stderr.destroy();
        child.unref();
        resolve({ code, signal, timedOut, stderr });
      });
    });
  });
}

function splitVariable(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** Run a program of the host, with a time limit and captured output. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A time limit for this machine: an emulated one ($TSRUNC_PATIENCE, a factor) takes many times as long for the same. */
export const patient = (milliseconds: number): number => milliseconds * Number(process.env.TSRUNC_PATIENCE ?? 1);

export interface Outcome {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  /** Text for fd 0 (none). */
  readonly stdin?: string;
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Milliseconds until the program gets SIGKILL, which its outcome shows (30 000). */
  readonly timeout?: number;
}

/** An open file without a name: output of any length, and no reader that a detached container could keep waiting. */
const anonymousFile = (content = ''): number => {
  const path = join(tmpdir(), `tsrunc-test-io-${process.pid}-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, content);
  const fd = openSync(path, 'r+');
  unlinkSync(path);
  return fd;
};

// By way of /proc, since the descriptor itself shares its offset with the program.
const contentOf = (fd: number): string => readFileSync(`/proc/self/fd/${fd}`, 'utf8');

/**
 * Resolves with the outcome, whatever the exit code. Waits for the end of the program, not of its output: a detached
 * container keeps the descriptors of its `create` open. fds 1 and 2 are files (`> /dev/stdout` inside empties them first).
 * @throws when the program cannot be started.
 */
export const exec = (command: string, args: readonly string[], options: ExecOptions = {}): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const stdio = [anonymousFile(options.stdin), anonymousFile(), anonymousFile()] as const;
    const child = spawn(command, args, {
      cwd: options.cwd,
      uid: options.uid,
      gid: options.gid,
      env: { ...process.env, ...options.env },
      stdio: [...stdio],
    });
    const end = () => {
      clearTimeout(limit);
      const [stdout, stderr] = [contentOf(stdio[1]), contentOf(stdio[2])];
      for (const fd of stdio) closeSync(fd);
      return { stdout, stderr };
    };
    const limit = setTimeout(() => child.kill('SIGKILL'), patient(options.timeout ?? 30_000));
    child.on('error', (error) => {
      end();
      reject(error);
    });
    child.on('exit', (code, signal) => resolve({ code, signal, ...end() }));
  });

/** Standard output of a program that has to succeed. */
export const output = async (command: string, args: readonly string[], options: ExecOptions = {}): Promise<string> => {
  const outcome = await exec(command, args, options);
  if (outcome.code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${outcome.code}\n${outcome.stderr}`);
  return outcome.stdout;
};

/**
 * Resolves with the first value of `probe` that is not undefined; asks again every 10 ms.
 * @throws after `timeout` milliseconds (5000), naming `what`.
 */
export const eventually = async <T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  timeout = patient(5000),
): Promise<T> => {
  for (const end = Date.now() + timeout; ; ) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`did not happen within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** Whether a process is there and has not ended; a zombie that its parent has not reaped yet has. */
export const alive = (pid: number | string | undefined): boolean => {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** Clock ticks that a process has used. */
export const cpuTime = (pid: number | undefined): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
};

/** Completion in the shells themselves, each at a terminal: what is typed, then Tab, then what the shell has made of it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { shells } from '../src/cli/completion-scripts.ts';
import { type Box, eventually, exec, expect, patient, test } from './support/box.ts';
import { hasCommand, runtime } from './support/host.ts';

/**
 * compinit reads the first lines of each function in fpath, a thousand files. The foundations are enough for it, and what is
 * for files is found when it is called.
 */
const zsh = [
  'all=($fpath); fpath=(${(M)fpath:#*/Completion(|/Base)})',
  'autoload -U compinit; compinit -u -D',
  'fpath=($all); autoload -U _files _path_files _list_files _directories',
].join('; ');

const start = {
  bash: { program: 'bash --norc --noprofile -i', load: '. ./script' },
  zsh: { program: 'zsh -f -i', load: `${zsh}; . ./script` },
  fish: { program: 'fish --no-config -i', load: '. ./script' },
} as const;

/** A shell at a terminal of its own. A tsrunc that prints its words, unless it is asked to complete, is in its PATH. */
class ShellAtTerminal implements AsyncDisposable {
  readonly #process: ChildProcessWithoutNullStreams;
  #output = '';

  constructor(directory: string, program: string) {
    this.#process = spawn('script', ['--quiet', '--command', program, '/dev/null'], {
      cwd: directory,
      env: {
        ...process.env,
        PATH: `${directory}/bin:${process.env.PATH}`,
        TERM: 'dumb',
        HOME: directory,
        TMPDIR: directory,
        PS1: '$ ',
      },
    });
    this.#process.stdout.on('data', (data) => {
      this.#output += data;
    });
  }

  /** The words of the command line that `keys` and Enter make; after `limit` milliseconds an error. */
  async run(keys: string, limit = 5000): Promise<string[]> {
    const before = this.#output.length;
    this.#process.stdin.write(`${keys}\r`);
    const words = () =>
      /\[\[(.*)\]\]/
        .exec(this.#output.slice(before).replaceAll(/[\r\n]/g, ''))?.[1]
        ?.split('][')
        .filter(Boolean);
    return eventually(`${JSON.stringify(keys)} runs`, words, patient(limit));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.end();
    this.#process.kill('SIGKILL');
    await once(this.#process, 'close');
  }
}

async function openShell(box: Box, shell: (typeof shells)[number]): Promise<ShellAtTerminal> {
  const directory = join(box.path, 'home');
  mkdirSync(join(directory, 'bin'), { recursive: true });
  mkdirSync(join(directory, 'some bundle'));
  writeFileSync(join(directory, 'some file'), '');
  const script = `#!/bin/sh\ncase $1 in completion) exec ${runtime} "$@";; esac\nprintf '[['; printf '%s][' "$@"; echo ']]'\n`;
  writeFileSync(join(directory, 'bin', 'tsrunc'), script, { mode: 0o755 });
  writeFileSync(join(directory, 'script'), (await box.ok('completion', shell)).stdout);
  const terminal = new ShellAtTerminal(directory, start[shell].program);
  await terminal.run(`${start[shell].load}; tsrunc ready`, 20_000);
  return terminal;
}

describe.for(shells)('%s', (shell) => {
  const missing = [shell, 'script'].find((program) => !hasCommand(program));

  test.skipIf(missing !== undefined)('completes commands, options, values, containers and files', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
    });
    const id = await box.create(bundle);
    await using terminal = await openShell(box, shell);
    expect(await terminal.run('tsrunc featu\t')).toEqual(['features']);
    expect(await terminal.run('tsrunc create --console-s\t')).toEqual(['create', '--console-socket']);
    expect(await terminal.run('tsrunc list --format js\t')).toEqual(['list', '--format', 'json']);
    expect(await terminal.run('tsrunc list --format=js\t')).toEqual(['list', '--format=json']);
    expect(await terminal.run('tsrunc list --format=\t\x15tsrunc next')).toEqual(['next']);
    expect(await terminal.run(`tsrunc --root ${box.root} start tsr\t`)).toEqual(['--root', box.root, 'start', id]);
    expect(await terminal.run(`tsrunc --root=${box.root} start tsr\t`)).toEqual([`--root=${box.root}`, 'start', id]);
    // Not paused, so there is nothing to complete.
    expect(await terminal.run(`tsrunc --root ${box.root} resume tsr\t`)).toEqual(['--root', box.root, 'resume', 'tsr']);
    expect(await terminal.run('tsrunc update --resources some\\ f\t')).toEqual(['update', '--resources', 'some file']);
    // zsh takes the slash away again when the line ends there.
    expect(await terminal.run('tsrunc create --bundle some\t')).toEqual([
      'create',
      '--bundle',
      expect.stringMatching(/^some bundle\/?$/),
    ]);
  });
});

describe('the answer to a shell', () => {
  test('has the containers of this root with what they are doing', async ({ box }) => {
    const id = await box.running();
    const { stdout } = await box.ok('completion', 'fish', '--', 'pause', '');
    expect(stdout).toMatch(new RegExp(`^words\n${id}\trunning, /.*\n$`));
    expect((await box.ok('completion', 'zsh', '--', 'pause', '')).stdout).toContain(`${id}:running, `);
    expect((await box.ok('completion', 'bash', '--', 'pause', 'x')).stdout).toBe('words\n');
  });

  test('is an error for a shell that is not known', async ({ box }) => {
    const { code, stderr } = await box.tsrunc('completion', 'csh');
    expect([code, stderr]).toEqual([1, expect.stringContaining('completion is for bash, zsh, fish, not for "csh"')]);
  });

  test('is nothing but an exit status where the root cannot be read', async ({ box }) => {
    writeFileSync(join(box.path, 'file'), '');
    const outcome = await exec(runtime, ['completion', 'bash', '--', '--root', join(box.path, 'file'), 'state', '']);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
  });
});

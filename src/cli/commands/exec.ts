import { didYouMean } from '../../config/nearest.ts';
import { TsruncError } from '../../errors.ts';
import { exec } from '../../lifecycle/exec.ts';
import type { ExecOptions, ProcessChanges } from '../../lifecycle/options.ts';
import { capabilityNumbers } from '../../plan/capabilities.ts';
import type { Call } from '../commands.ts';
import { parseId, parseUser } from '../ids.ts';

type ExecCall = Call<'exec'>;

export async function run(call: ExecCall): Promise<number> {
  const { global, options, args } = call;
  return exec({
    global,
    id: args['container-id'],
    process: chosenProcess(call),
    detach: options.detach,
    consoleSocket: options['console-socket'],
    pidfdSocket: options['pidfd-socket'],
    pidFile: options['pid-file'],
    preserveFds: options['preserve-fds'],
    cgroups: parseCgroups(options.cgroup),
    ignorePaused: options['ignore-paused'],
  });
}

function chosenProcess({ options, args }: ExecCall): ExecOptions['process'] {
  if (options.process === undefined) return processChanges(options, args.command);
  if (args.command.length === 0) return { file: options.process };
  throw new TsruncError('USAGE', `--process names the whole process: "${args.command[0]}" cannot be run as well`);
}

function processChanges(options: ExecCall['options'], args: readonly string[]): ProcessChanges {
  if (args.length === 0) {
    throw new TsruncError('USAGE', 'process args cannot be empty', {
      hint: 'Name the program after the container: tsrunc exec ID sh, or give --process.',
    });
  }
  return {
    args,
    cwd: checkCwd(options.cwd),
    env: options.env.map(checkVariable),
    terminal: options.tty,
    user: options.user === undefined ? undefined : parseUser(options.user),
    additionalGids: options['additional-gids'].map((text) => parseId(text, '--additional-gids')),
    capabilities: options.cap.map(checkCapability),
    apparmorProfile: options.apparmor,
    selinuxLabel: options['process-label'],
    noNewPrivileges: options['no-new-privs'],
  };
}

function checkCwd(cwd: string | undefined): string | undefined {
  if (cwd === undefined || cwd.startsWith('/')) return cwd;
  throw new TsruncError('USAGE', `Cwd must be an absolute path, but --cwd is "${cwd}"`);
}

function checkVariable(text: string): string {
  if (text.indexOf('=') > 0) return text;
  throw new TsruncError('USAGE', `invalid environment variable: "${text}"`, { hint: 'Give it as --env NAME=VALUE.' });
}

function checkCapability(name: string): string {
  const names = Object.keys(capabilityNumbers);
  if (names.includes(name)) return name;
  const upper = name.toUpperCase();
  const hint = didYouMean(upper.startsWith('CAP_') ? upper : `CAP_${upper}`, names);
  throw new TsruncError('USAGE', `unknown capability "${name}"`, hint === undefined ? {} : { hint });
}

/** "PATH", or "CONTROLLER,...:PATH" several times; '' is every controller. */
function parseCgroups(words: readonly string[]): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const word of words) {
    const [controllers, path, surplus] = word.includes(':') ? word.split(':') : ['', word];
    if (path === undefined || surplus !== undefined) throw invalidCgroup(word);
    if (controllers === '' && (words.length > 1 || word.includes(':'))) {
      throw invalidCgroup(word, ' (missing <controller>: prefix)');
    }
    for (const controller of controllers?.split(',') ?? []) {
      if (paths.has(controller)) throw invalidCgroup(word, `: controller ${controller} is there twice`);
      paths.set(controller, path);
    }
  }
  return paths;
}

const invalidCgroup = (word: string, because = ''): TsruncError =>
  new TsruncError('USAGE', `invalid --cgroup argument: ${word}${because}`, {
    hint: "Give one path below the container's cgroup, or, on cgroup v1, CONTROLLER:PATH for each controller.",
  });

/** From the options of create and run to what the lifecycle takes. */
import { isAbsolute, resolve } from 'node:path';
import type { CreateOptions } from '../lifecycle/options.ts';
import type { Call } from './commands.ts';

/**
 * An absolute --bundle is reported by `state` exactly as given; the runtime-spec wants the path absolute (runtime.md
 * "State"), so a relative one is reported resolved.
 */
export function bundlePaths(given: string | undefined): Pick<CreateOptions, 'bundle' | 'bundlePath'> {
  const bundlePath = resolve(given ?? '.');
  return { bundle: given !== undefined && isAbsolute(given) ? given : bundlePath, bundlePath };
}

export function createOptions({ global, options, args }: Call<'create'> | Call<'run'>): CreateOptions {
  return {
    global,
    id: args['container-id'],
    ...bundlePaths(options.bundle),
    configFile: options.config,
    consoleSocket: options['console-socket'],
    pidfdSocket: options['pidfd-socket'],
    pidFile: options['pid-file'],
    noPivot: options['no-pivot'],
    noNewKeyring: options['no-new-keyring'],
    preserveFds: options['preserve-fds'],
    listenFds: listenFds(process.env, process.pid),
  };
}

/** Number of socket activation fds that are meant for this process: sd_listen_fds(3). */
export function listenFds(env: Readonly<Record<string, string | undefined>>, pid: number): number {
  const count = env.LISTEN_FDS ?? '';
  return env.LISTEN_PID === String(pid) && /^\d{1,9}$/.test(count) ? Number(count) : 0;
}

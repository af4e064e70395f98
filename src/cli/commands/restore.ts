import { TsruncError } from '../../errors.ts';
import { restore } from '../../lifecycle/restore.ts';
import { bundlePaths } from '../bundle.ts';
import type { Call } from '../commands.ts';
import { criuFlags, imagePaths } from '../criu-options.ts';

export async function run({ global, options, args }: Call<'restore'>): Promise<number> {
  return await restore({
    global,
    id: args['container-id'],
    ...bundlePaths(options.bundle),
    ...imagePaths(options),
    configFile: undefined,
    consoleSocket: options['console-socket'],
    pidfdSocket: undefined,
    pidFile: options['pid-file'],
    noPivot: options['no-pivot'],
    noNewKeyring: true,
    preserveFds: 0,
    listenFds: 0,
    detach: options.detach,
    noSubreaper: options['no-subreaper'],
    flags: {
      ...criuFlags(options),
      tcpClose: options['tcp-close'],
      lsmProfile: lsmProfile(options['lsm-profile']),
      lsmMountContext: options['lsm-mount-context'],
    },
  });
}

/** criu looks at it only when all processes have been made. */
function lsmProfile(given: string | undefined): string | undefined {
  if (given === undefined || /^(?:apparmor|selinux):./.test(given)) return given;
  throw new TsruncError('USAGE', `--lsm-profile takes apparmor:NAME or selinux:LABEL, not "${given}"`);
}

/** The options that checkpoint and restore share. */
import { resolve } from 'node:path';
import type { CriuFlags } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import type { ImagePaths } from '../lifecycle/images.ts';
import type { Call } from './commands.ts';

type Options = Call<'checkpoint'>['options'] | Call<'restore'>['options'];

/** runc's default. */
const DEFAULT_IMAGE_PATH = 'checkpoint';

export const imagePaths = (options: Options): ImagePaths => ({
  imagePath: resolve(options['image-path'] ?? DEFAULT_IMAGE_PATH),
  workPath: options['work-path'] === undefined ? undefined : resolve(options['work-path']),
});

/** @throws TsruncError USAGE */
export function criuFlags(options: Options): CriuFlags {
  const other = options['empty-ns'].find((type) => type !== 'network');
  if (other !== undefined)
    throw new TsruncError('USAGE', `namespace "${other}" is not supported by --empty-ns`, {
      hint: 'Only "network" is.',
    });
  return {
    tcpEstablished: options['tcp-established'],
    extUnixSk: options['ext-unix-sk'],
    shellJob: options['shell-job'],
    fileLocks: options['file-locks'],
    autoDedup: options['auto-dedup'],
    lazyPages: options['lazy-pages'],
    manageCgroups: options['manage-cgroups-mode'],
    networkLock: options['network-lock'],
  };
}

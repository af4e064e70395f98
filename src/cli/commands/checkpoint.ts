import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { DumpFlags } from '../../criu/options.ts';
import { TsruncError } from '../../errors.ts';
import { checkpoint } from '../../lifecycle/checkpoint.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { criuFlags, imagePaths } from '../criu-options.ts';

export async function run({ global, options, args }: Call<'checkpoint'>): Promise<number> {
  const paths = imagePaths(options);
  await checkpoint({
    store: new Store(global.root),
    id: args['container-id'],
    log: global.log,
    ...paths,
    flags: {
      ...criuFlags(options),
      leaveRunning: options['leave-running'],
      preDump: options['pre-dump'],
      parentPath: parentPath(options['parent-path'], paths.imagePath),
      linkRemap: options['link-remap'],
      tcpSkipInFlight: options['tcp-skip-in-flight'],
      pageServer: pageServer(options['page-server']),
    },
    statusFd: statusFd(options['status-fd']),
  });
  return 0;
}

/** criu follows it from the directory of the images, wherever that is moved. */
function parentPath(given: string | undefined, imagePath: string): string | undefined {
  if (given === undefined) return undefined;
  if (isAbsolute(given))
    throw new TsruncError('USAGE', `--parent-path must be relative, but is "${given}"`, {
      hint: 'It is relative to --image-path, so that both can be moved together: ../first, for example.',
    });
  const path = join(imagePath, given);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return given;
  throw new TsruncError('USAGE', `invalid --parent-path: there is no directory "${path}"`);
}

/** An IPv6 address stands in brackets. */
function pageServer(given: string | undefined): DumpFlags['pageServer'] {
  if (given === undefined) return undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(given) ?? [];
  const address = bracketed ?? plain;
  if (address !== undefined && Number(port) > 0 && Number(port) < 65536) return { address, port: Number(port) };
  throw new TsruncError('USAGE', `Use --page-server ADDRESS:PORT to specify page server, not "${given}"`);
}

const ACCESS_MODE = 0o3;

function statusFd(fd: number | undefined): number | undefined {
  if (fd === undefined) return undefined;
  const flags = flagsOf(fd);
  if (flags !== undefined && (flags & ACCESS_MODE) !== 0) return fd;
  const problem = flags === undefined ? 'not open' : 'not writable';
  throw new TsruncError('USAGE', `invalid --status-fd argument ${fd}: ${problem}`);
}

function flagsOf(fd: number): number | undefined {
  try {
    return Number.parseInt(/^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
  } catch {
    return undefined; // not open
  }
}

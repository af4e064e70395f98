import { TsruncError } from '../../errors.ts';
import { errnoName } from '../../host/errno.ts';
import { processes } from '../../lifecycle/processes.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { renderProcessIds, selectProcesses } from '../render-processes.ts';

export async function run({ global, options, args, print }: Call<'ps'>): Promise<number> {
  const pids = processes({ store: new Store(global.root), id: args['container-id'] });
  if (options.format === 'json') print(renderProcessIds(pids));
  else print(selectProcesses(await hostPs(args['ps-options']), pids));
  return 0;
}

const enough = 256 * 1024 * 1024;

/** What ps of the host prints, of all processes. */
async function hostPs(given: readonly string[]): Promise<string> {
  const { execFileSync } = await import('node:child_process');
  const words = given.length === 0 ? ['-ef'] : given;
  try {
    return execFileSync('ps', words, { encoding: 'utf8', maxBuffer: enough, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (cause) {
    throw psFailed(words, cause);
  }
}

function psFailed(words: readonly string[], cause: unknown): TsruncError {
  if (errnoName(cause) === 'ENOENT') {
    return new TsruncError('HOST_UNSUITABLE', 'ps is not installed on this host', {
      hint: 'Install procps, or use --format json, which does not need it.',
    });
  }
  const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause);
  return new TsruncError('USAGE', `ps ${words.join(' ')} failed: ${said.split('\n')[0]}`, {
    hint: 'What follows the container is for ps of this host.',
  });
}

import { TsruncError } from '../../errors.ts';
import { processes } from '../../lifecycle/processes.ts';
import { loadNative } from '../../native/load.ts';
import type { SystemCallError } from '../../native/native.ts';
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
const mostWords = 4096;

/** What ps of the host prints, of all processes. */
async function hostPs(given: readonly string[]): Promise<string> {
  const words = given.length === 0 ? ['-ef'] : given;
  const end = await loadNative()
    .runProgram({
      path: 'ps',
      argv: ['ps', ...words],
      env: Object.entries(process.env).map(([name, value]) => `${name}=${value}`),
      cwd: '',
      input: '',
      timeoutMs: -1,
      mostOutput: enough,
      mostComplaint: mostWords,
    })
    .catch((cause: SystemCallError) => {
      throw notStarted(cause);
    });
  if (end.code === 0 && !end.signaled) return end.stdout;
  throw new TsruncError('USAGE', `ps ${words.join(' ')} failed: ${end.stderr.trim().split('\n')[0]}`, {
    hint: 'What follows the container is for ps of this host.',
  });
}

function notStarted(cause: SystemCallError): TsruncError {
  if (cause.code !== 'ENOENT') return new TsruncError('SYSTEM', 'ps could not be started', { cause });
  return new TsruncError('HOST_UNSUITABLE', 'ps is not installed on this host', {
    hint: 'Install procps, or use --format json, which does not need it.',
  });
}

import { nearest } from '../../config/nearest.ts';
import { TsruncError } from '../../errors.ts';
import type { Call } from '../commands.ts';
import { commands } from '../table.ts';

export async function run({ args, print }: Call<'help'>): Promise<number> {
  print(await pageOf(args.command));
  return 0;
}

/**
 * yargs looks for a package.json in the current folder while it loads, whatever it is told afterwards. That folder may be a
 * hostile bundle, where the file is endless or a pipe; this process prints a text and ends, so it can go elsewhere.
 */
async function loadPages(): Promise<typeof import('../help.ts')> {
  process.chdir('/');
  return import('../help.ts');
}

async function pageOf(command: string | undefined): Promise<string> {
  const { commandPage, overview } = await loadPages();
  if (command === undefined) return overview();
  const row = commands.find(({ name }) => name === command);
  if (row !== undefined) return commandPage(row);
  const near = nearest(
    command,
    commands.map(({ name }) => name),
  );
  throw new TsruncError('USAGE', `unknown command "${command}"${near === undefined ? '' : `: did you mean ${near}?`}`, {
    hint: '"tsrunc help" lists the commands.',
  });
}

import { nearest } from '../../config/nearest.ts';
import { TsruncError } from '../../errors.ts';
import type { Call } from '../commands.ts';
import { commandPage, overview } from '../help.ts';
import { commands } from '../table.ts';

export async function run({ args, print }: Call<'help'>): Promise<number> {
  print(await pageOf(args.command));
  return 0;
}

async function pageOf(command: string | undefined): Promise<string> {
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

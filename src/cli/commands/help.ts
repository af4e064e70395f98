import { helpPages } from '../../generated/help-pages.ts';
import type { Call } from '../commands.ts';
import { refuseCommand } from '../mistakes.ts';
import { wrapLines } from '../wrap.ts';

export async function run({ args, print }: Call<'help'>): Promise<number> {
  print(pageOf(args.command));
  return 0;
}

/** Lines longer than this are hard to read, however wide the terminal is. */
const widestPage = 110;
const usualWidth = 80;

function pageOf(command = ''): string {
  const page = Object.hasOwn(helpPages, command) ? helpPages[command] : undefined;
  if (page === undefined) refuseCommand(command);
  return wrapLines(page, Math.min(process.stdout.columns ?? usualWidth, widestPage));
}

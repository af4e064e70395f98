/** The program on the executable's own engine, after globals.ts. */
import { dirname, join } from 'node:path';
import { main } from '../cli/main.ts';
import { writeStderr } from '../cli/output.ts';
import { type Parsed, parse } from '../cli/parse.ts';
import { natives } from './natives.ts';

/** The same program on another engine, for what needs packages that want all of Node.js. */
const completeProgram = 'tsrunc-complete';

const parsed = parse(process.argv.slice(2));
if (needsPackages(parsed)) handOver(join(dirname(process.execPath), completeProgram));
process.exit(await main(parsed));

/** Help is printed by yargs, debug lines by debug. Nothing has been done yet that would be done again. */
function needsPackages(command: Parsed): boolean {
  const { globals } = command;
  const debug = globals.debug === true || globals['log-level'] === 'debug';
  return debug || ('invocation' in command && command.invocation.verb === 'help');
}

function handOver(program: string): never {
  try {
    return natives.execve(program, natives.argv);
  } catch (error) {
    writeStderr(`tsrunc: help and debug lines need ${program}: ${(error as Error).message}\n`);
    return natives.exit(1);
  }
}

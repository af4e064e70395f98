/** The program. On the executable's own engine src/engine/globals.ts has run before it. */
import { main } from './cli/main.ts';
import { parse } from './cli/parse.ts';

process.exit(await main(parse(process.argv.slice(2))));

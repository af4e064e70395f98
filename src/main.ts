/** The program on Node.js and Bun. */
import { main } from './cli/main.ts';
import { parse } from './cli/parse.ts';

process.exit(await main(parse(process.argv.slice(2))));

/** Writes src/generated/help-pages.ts: the help pages, which need yargs only here. Run by `npx bun scripts/generate-help.ts`. */
import fs from 'node:fs';
import { join } from 'node:path';
import { commandPage, overview } from '../src/cli/help-layout.ts';
import { commands } from '../src/cli/table.ts';

const pages: Record<string, string> = { '': await overview() };
for (const row of commands) pages[row.name] = await commandPage(row);

const text = `// Written by scripts/generate-help.ts.
/** By the name of the command, and the overview by none; lines of any length. */
export const helpPages: Readonly<Record<string, string>> = ${JSON.stringify(pages, undefined, 2)};
`;
fs.writeFileSync(join(import.meta.dirname, '../src/generated/help-pages.ts'), text);

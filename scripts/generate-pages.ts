/**
 * Writes dist/man/man8 (the manual) and dist/completions (scripts for shells) from the table of commands. Run by
 * `npx bun scripts/generate-pages.ts`.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { completionScript } from '../src/cli/completion-scripts.ts';
import { manual } from '../src/cli/man.ts';

const root = join(import.meta.dirname, '..');

/** Of the last commit, so that the same sources make the same pages; outside of a git checkout that of package.json. */
function dateOfSources(): string {
  const { status, stdout } = spawnSync('git', ['-C', root, 'log', '-1', '--format=%cs'], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  return fs.statSync(join(root, 'package.json')).mtime.toISOString().slice(0, 10);
}

function write(directory: string, files: Iterable<readonly [name: string, text: string]>): void {
  const path = join(root, 'dist', directory);
  // A page of a command that there is no more must not stay.
  fs.rmSync(path, { recursive: true, force: true });
  fs.mkdirSync(path, { recursive: true });
  for (const [name, text] of files) fs.writeFileSync(join(path, name), text);
}

const { version } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));
write('man/man8', manual({ version, date: dateOfSources() }));
write('completions', [
  ['tsrunc.bash', completionScript('bash')],
  ['_tsrunc', completionScript('zsh')],
  ['tsrunc.fish', completionScript('fish')],
]);

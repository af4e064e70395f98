/** Writes src/generated/version.ts: what `tsrunc --version` says. Run by `npx bun scripts/generate-version.ts`. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Full hash of the commit, with "-dirty" when tracked files differ from it; "unknown" outside of a git checkout. */
function commitOf(directory: string): string {
  const git = (...args: string[]) => spawnSync('git', ['-C', directory, ...args], { encoding: 'utf8' });
  const head = git('rev-parse', '--verify', 'HEAD');
  if (head.status !== 0) return 'unknown';
  const changes = git('status', '--porcelain', '--untracked-files=no');
  return `${head.stdout.trim()}${changes.stdout.trim() === '' ? '' : '-dirty'}`;
}

const { version } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));
const target = join(root, 'src/generated/version.ts');
const text = `// Written by scripts/generate-version.ts.
export const version = ${JSON.stringify(version)};
export const commit = ${JSON.stringify(commitOf(root))};
`;
fs.mkdirSync(join(root, 'src/generated'), { recursive: true });
// Written only when it changes: a newer file would make the build run again.
if (!fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== text) fs.writeFileSync(target, text);

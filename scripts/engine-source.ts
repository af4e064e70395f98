/**
 * The source of the executable's engine, QuickJS (MIT), from Debian's archive: neither npm nor every Debian release has it as
 * a library, and what is built in as root's own program should be one known version.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const version = '2025.04.26';
const sha256 = 'ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe';
const archive = `http://deb.debian.org/debian/pool/main/q/quickjs/quickjs_${version}.orig.tar.xz`;
const patienceMs = 60_000;

/**
 * Have the source in a directory, unpacked.
 * @returns false, after saying why, where it cannot be had: the executable is then the one of Bun, which starts more slowly
 */
export async function haveEngineSource(directory: string): Promise<boolean> {
  if (existsSync(join(directory, `.${version}`))) return true;
  const problem = await fetchAndUnpack(directory);
  if (problem === undefined) return true;
  console.error(
    `The executable's own engine cannot be built: ${problem}\nIt runs on Bun instead, which takes longer to start.`,
  );
  return false;
}

/** @returns what went wrong */
async function fetchAndUnpack(directory: string): Promise<string | undefined> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const tarball = await download().catch((error: unknown) => `${archive}: ${String(error)}`);
  if (typeof tarball === 'string') return tarball;
  const found = createHash('sha256').update(tarball).digest('hex');
  if (found !== sha256) return `${archive} is not the file that was reviewed: its sha256 is ${found}`;
  const { status, stderr, error } = spawnSync('tar', ['-xJ', '-C', directory, '--strip-components=1'], {
    input: tarball,
    encoding: 'utf8',
  });
  if (status !== 0) return `tar: ${error?.message ?? stderr.trim()}`;
  writeFileSync(join(directory, `.${version}`), '');
  return undefined;
}

async function download(): Promise<Buffer | string> {
  const response = await fetch(archive, { signal: AbortSignal.timeout(patienceMs) });
  if (!response.ok) return `${archive}: ${response.status} ${response.statusText}`;
  return Buffer.from(await response.arrayBuffer());
}

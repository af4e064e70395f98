/** Where the state of all containers lives when --root does not say. */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { inUserNamespace } from '../host/probe.ts';

export const systemRoot = '/run/tsrunc';

/** What the choice depends on. */
export interface RootQuestion {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly euid: number;
  /** Asked only where it matters. */
  readonly nested: () => boolean;
}

/**
 * /run/tsrunc for root, $XDG_RUNTIME_DIR/tsrunc for everybody else. uid 0 of a user namespace is somebody else, unless it
 * says USER=root (as runc decides, so that engines find the same container from every shell). A variable that is set but
 * empty, as podman leaves it for root, counts as not set.
 */
export function defaultRoot(question: RootQuestion = thisProcess()): string {
  const runtimeDirectory = question.env.XDG_RUNTIME_DIR ?? '';
  return runtimeDirectory !== '' && belongsToUser(question) ? `${runtimeDirectory}/tsrunc` : systemRoot;
}

function belongsToUser({ env, euid, nested }: RootQuestion): boolean {
  return euid !== 0 || (env.USER !== 'root' && nested());
}

function thisProcess(): RootQuestion {
  return { env: process.env, euid: process.geteuid?.() ?? 0, nested: inUserNamespace };
}

/**
 * Make the root directory, for its owner only.
 * @throws TsruncError SYSTEM when it cannot be made.
 */
export function prepareRoot(root: string): void {
  try {
    const isNew = makeWithParents(root);
    // The XDG base directory specification lets a cleaner remove files of $XDG_RUNTIME_DIR after six hours without access,
    // except those with the sticky bit.
    if (isNew && root !== systemRoot) chmodSync(root, 0o1700);
  } catch (cause) {
    throw new TsruncError('SYSTEM', `Cannot make the state directory "${root}"`, { cause, hint: otherRootHint() });
  }
}

/** For a user who may not use a state directory. */
export const otherRootHint = (question: RootQuestion = thisProcess()): string =>
  belongsToUser(question)
    ? 'Set XDG_RUNTIME_DIR to a directory of your own, or give another --root.'
    : 'Give another --root.';

/**
 * Node's own recursive mkdir never ends where mkdir says ENOENT although the parent exists, as in /proc.
 * @returns whether the directory itself is new
 */
function makeWithParents(path: string): boolean {
  if (existsSync(path)) return false;
  if (dirname(path) !== path) makeWithParents(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another tsrunc was faster.
    if (errnoName(error) !== 'EEXIST') throw error;
  }
  return true;
}

/** Where the state of all containers lives when --root does not say. */
import { chmodSync, mkdirSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
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
    const created = mkdirSync(root, { recursive: true, mode: 0o700 });
    // The XDG base directory specification lets a cleaner remove files of $XDG_RUNTIME_DIR after six hours without access,
    // except those with the sticky bit.
    if (created !== undefined && root !== systemRoot) chmodSync(root, 0o1700);
  } catch (cause) {
    const hint = 'Set XDG_RUNTIME_DIR to a directory of your own, or give another --root.';
    throw new TsruncError('SYSTEM', `Cannot make the state directory "${root}"`, { cause, hint });
  }
}

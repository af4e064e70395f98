import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TsruncError } from '../errors.ts';
import { wireHash } from '../generated/wire-hash.ts';
import type { Native } from './native.ts';

const fileName = 'tsrunc.node';
let loaded: Native | undefined;

/**
 * The addon, loaded once per process and only from where the build put it: beside the executable, or inside this package.
 * The working directory and the environment have no say: for a runtime both belong to whoever made the bundle.
 *
 * @throws TsruncError HOST_UNSUITABLE when the addon is missing, cannot be loaded, or was built from another op table.
 */
export function loadNative(): Native {
  loaded ??= open(findAddon());
  return loaded;
}

/** Where the addon may lie, the first that exists counts. */
function candidates(): readonly string[] {
  // In a compiled executable the sources live in a virtual file system, which cannot hold a shared object.
  if (import.meta.url.includes('/$bunfs/')) {
    return [join(dirname(realpathSync(process.execPath)), fileName)];
  }
  const here = decodeURIComponent(new URL('.', import.meta.url).pathname);
  return [join(here, '..', fileName), join(here, '..', '..', 'addon', 'build', fileName)];
}

function findAddon(): string {
  const places = candidates();
  const found = places.find((path) => existsSync(path));
  if (found === undefined) {
    throw new TsruncError('HOST_UNSUITABLE', `Cannot find the native addon (looked for ${places.join(', ')})`, {
      hint: 'Build it with "npm run build"; the executable needs tsrunc.node beside it.',
    });
  }
  return found;
}

function open(path: string): Native {
  const module: { exports: Partial<Native> } = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    throw new TsruncError('HOST_UNSUITABLE', `Cannot load the native addon ${path}`, {
      cause,
      hint: 'It must be built on a machine with the same architecture and C library: run "npm run build" here.',
    });
  }
  if (module.exports.wireHash !== wireHash) {
    throw new TsruncError('HOST_UNSUITABLE', `The native addon ${path} was built from another version of tsrunc`, {
      hint: 'Run "npm run build"; executable and tsrunc.node must come from the same build.',
    });
  }
  return module.exports as Native;
}

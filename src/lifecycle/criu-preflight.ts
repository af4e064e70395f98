import { closeSync, openSync } from 'node:fs';
import { findCriu, searchPathOf } from '../criu/find.ts';
import { errorsOf } from '../criu/log.ts';
import { type CriuFeature, type CriuRequest, type CriuResponse, requestTypes } from '../criu/messages.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { tailOf } from '../host/tail.ts';
import type { Native } from '../native/native.ts';
import { type CriuProgram, planDump } from '../plan/criu.ts';
import { Criu, hiddenFile } from './criu.ts';

/** major * 10000 + minor * 100 + sublevel, as criu itself counts. */
type Version = number;

/** The first with everything that we ask for: external pid namespaces, the word that a page server is ready. */
const oldest: Version = 31500;
/** The first that applies another LSM profile rightly. */
export const oldestForLsm: Version = 31600;

export interface Preflight {
  readonly native: Native;
  readonly host: HostFacts;
  /** "checkpoint", "restore" */
  readonly verb: string;
  /** What this kernel must let criu do. */
  readonly features: readonly CriuFeature[];
  readonly oldest?: Version;
}

/** Where criu is, and whether it can do on this host what is wanted. */
export type CriuLocation = Pick<CriuProgram, 'path' | 'searchPath'>;

/**
 * Everything that can be known to be missing before the container is touched.
 * @throws TsruncError HOST_UNSUITABLE
 */
export async function findWorkingCriu(preflight: Preflight): Promise<CriuLocation> {
  const { host, verb, features } = preflight;
  const searchPath = searchPathOf(process.env.PATH);
  const location = { path: findCriu(searchPath, verb), searchPath };
  if (!host.user.privileged) throw unprivileged(verb);
  await refuseOld(preflight, location);
  if (features.length > 0) await refuseMissing(preflight, location);
  return location;
}

const unprivileged = (verb: string): TsruncError =>
  new TsruncError('HOST_UNSUITABLE', `Cannot ${verb}: operation not permitted for an ordinary user`, {
    hint: 'criu reads and makes processes of other namespaces: run tsrunc as root, outside of any user namespace.',
  });

async function refuseOld({ native, verb, oldest: wanted = oldest }: Preflight, location: CriuLocation): Promise<void> {
  const { version } = await ask(native, verb, location, { type: requestTypes.version });
  const { major_number: major = 0, minor_number: minor = 0, sublevel = 0 } = version ?? {};
  if (major * 10000 + minor * 100 + sublevel >= wanted) return;
  throw new TsruncError(
    'HOST_UNSUITABLE',
    `Cannot ${verb}: ${location.path} is version ${major}.${minor}.${sublevel}, and ${named(wanted)} is needed`,
    { hint: 'Install a newer criu.' },
  );
}

const named = (version: Version): string => `${Math.floor(version / 10000)}.${Math.floor(version / 100) % 100}`;

const featureHints: Readonly<Record<CriuFeature, string>> = {
  mem_track:
    'It does not track which memory changes (CONFIG_MEM_SOFT_DIRTY), which pre-dumps and their later dumps need: checkpoint without --pre-dump.',
  lazy_pages: 'It lacks userfaultfd (CONFIG_USERFAULTFD) or forbids it: go without --lazy-pages.',
};

async function refuseMissing({ native, verb, features: wanted }: Preflight, location: CriuLocation): Promise<void> {
  const asked = Object.fromEntries(wanted.map((name) => [name, true]));
  const { features } = await ask(native, verb, location, { type: requestTypes.featureCheck, features: asked });
  const missing = wanted.find((name) => features?.[name] !== true);
  if (missing === undefined) return;
  const hint = featureHints[missing];
  throw new TsruncError('HOST_UNSUITABLE', `Cannot ${verb}: this kernel has no ${missing} for criu`, { hint });
}

/** One question to a criu of its own, without a container. */
async function ask(
  native: Native,
  verb: string,
  { path, searchPath }: CriuLocation,
  request: CriuRequest,
): Promise<CriuResponse> {
  const nothing = openSync('/dev/null', 'r+');
  const output = hiddenFile();
  const criu = Criu.spawn({ native, stdio: [nothing, output, output] });
  try {
    await criu.send({ ops: planDump({ path, searchPath, fds: 1 }), fds: [] });
    await criu.begin();
    const response = await criu.request(request);
    if (response?.success === true) return response;
    throw unable(verb, path, tailOf(output));
  } finally {
    await criu.end();
    closeSync(output);
    closeSync(nothing);
  }
}

/** A criu that is too old for the kernel often fails at its first look at it. */
function unable(verb: string, path: string, output: string): TsruncError {
  const [first = output.trim().split('\n').at(-1) ?? ''] = errorsOf(output);
  const because = first === '' ? '' : `: ${first}`;
  return new TsruncError('HOST_UNSUITABLE', `Cannot ${verb}: ${path} does not work on this host${because}`, {
    hint: '"criu check" tells more; a criu that is older than the kernel may not know what it finds.',
  });
}

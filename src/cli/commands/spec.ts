import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TsruncError } from '../../errors.ts';
import { errnoName } from '../../host/errno.ts';
import { probeHost } from '../../host/probe.ts';
import { hasIdMappers, subordinateIds } from '../../host/subids.ts';
import type { Call } from '../commands.ts';
import { defaultSpec, type RootlessUser } from '../default-spec.ts';

export function run({ options }: Call<'spec'>): number {
  const { cgroup, user } = probeHost();
  const rootless = options.rootless ? rootlessUser(user.euid, user.egid) : undefined;
  const spec = defaultSpec({ cgroupV2: cgroup.layout === 'v2', rootless });
  writeNew(resolve(options.bundle ?? '.', options.config), `${JSON.stringify(spec, null, '\t')}\n`);
  return 0;
}

/** A configuration that works here and now: ranges that cannot be mapped would make `run` fail. */
function rootlessUser(uid: number, gid: number): RootlessUser {
  if (uid === 0 || !hasIdMappers()) return { uid, gid };
  const [uids, gids] = [subordinateIds('uid', uid), subordinateIds('gid', uid)];
  return uids.length > 0 && gids.length > 0 ? { uid, gid, subordinate: { uids, gids } } : { uid, gid };
}

function writeNew(path: string, text: string): void {
  const fd = openNew(path);
  try {
    fs.writeFileSync(fd, text);
  } catch (cause) {
    fs.rmSync(path, { force: true });
    throw notWritten(path, cause);
  } finally {
    fs.closeSync(fd);
  }
}

function openNew(path: string): number {
  try {
    // wx: one atomic decision, also against a second tsrunc and a dangling link.
    return fs.openSync(path, 'wx');
  } catch (cause) {
    if (errnoName(cause) !== 'EEXIST') throw notWritten(path, cause);
    throw new TsruncError('SYSTEM', `file "${path}" exists`, {
      hint: 'Remove or rename it first: it is not overwritten.',
    });
  }
}

const notWritten = (path: string, cause: unknown): TsruncError =>
  new TsruncError('SYSTEM', `cannot write "${path}"`, {
    cause,
    ...(errnoName(cause) === 'ENOENT' && !fs.existsSync(dirname(path))
      ? { hint: `Make the folder first: mkdir ${dirname(path)}` }
      : {}),
  });

import { readFileSync, writeFileSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Logger } from '../log/logger.ts';

/**
 * Write process.oomScoreAdj (config.md "Linux Process") of a process that has just been cloned; its children inherit it.
 * Lowering it needs CAP_SYS_RESOURCE: an ordinary user's container keeps the caller's value then, as with other runtimes.
 */
export function setOomScore(pid: number, value: number | undefined, { user }: HostFacts, log: Logger): void {
  if (value === undefined) return;
  const path = `/proc/${pid}/oom_score_adj`;
  try {
    writeFileSync(path, String(value));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' && !user.privileged) {
      const kept = Number(readFileSync(path, 'utf8'));
      if (value < kept)
        return void log.debug('process', `oomScoreAdj stays at ${kept}: uid ${user.euid} may not lower it to ${value}`);
    }
    throw new TsruncError('STEP_FAILED', `Cannot set the oom score adjustment to ${value}: ${code}`, {
      cause,
      place: { file: 'config.json', pointer: '/process/oomScoreAdj' },
      hint: 'Lowering it below the value of the calling process needs CAP_SYS_RESOURCE.',
    });
  }
}

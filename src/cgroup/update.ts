/** Writes of which all are made or none. */
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { applyWrites, type Placed, type Target } from './apply.ts';
import type { Former, Write } from './controllers/write.ts';
import type { Change } from './driver.ts';
import { readControl, writeControl } from './files.ts';

/**
 * Make the writes; when one fails, set back those that were made, the last one first.
 * @throws TsruncError of the one that failed; the message tells whether everything is as before
 */
export function applyOrRestore(writes: readonly Write[], target: Target): Change[] {
  const changes: Change[] = [];
  try {
    applyWrites(writes, target, (placed) => {
      const before = formerValue(placed);
      writeControl(placed.path, placed.value);
      changes.push({ path: placed.path, before, after: placed.value });
    });
  } catch (error) {
    throw withOutcome(error, restore(changes.toReversed()));
  }
  return changes;
}

/**
 * Work that the changes are nothing without: when it fails they are set back.
 * @throws what the work threw; the message tells whether everything is as before
 */
export async function orSetBack<T>(changes: readonly Change[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw withOutcome(error, restore(changes.toReversed()));
  }
}

/** @returns what could not be set back, in sentences */
function restore(changes: readonly Change[]): string[] {
  // As when they were made, the kernel may want another order.
  const refused = changes.filter((change) => setBack(change) !== undefined);
  return refused.map(setBack).filter((sentence) => sentence !== undefined);
}

function setBack({ path, before, after }: Change): string | undefined {
  if (before === undefined) return `${path} keeps "${after}", because it does not tell what it was`;
  try {
    writeControl(path, before);
    return undefined;
  } catch (error) {
    return `${path} keeps "${after}": setting it back to "${before}" fails with ${errnoName(error) ?? String(error)}`;
  }
}

function withOutcome(error: unknown, left: readonly string[]): unknown {
  if (!(error instanceof TsruncError)) return error;
  const outcome = left.length === 0 ? 'everything is as before' : left.join('; ');
  const { code, message, cause, place, hint } = error;
  return new TsruncError(code, `${message}; ${outcome}`, {
    cause,
    ...(place === undefined ? {} : { place }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What has to be written to get the present value back; undefined where the file does not tell. */
function formerValue({ write: { former }, path, value }: Placed): string | undefined {
  const content = readable(path);
  return content === undefined ? undefined : formerIn(content, value, former);
}

/** Pure; see Former. */
export function formerIn(content: string, value: string, former: Former | undefined): string | undefined {
  const lines = content.split('\n');
  if (former?.kind === 'line') {
    const name = value.split(' ', 1)[0] ?? '';
    return lines.find((line) => line.startsWith(`${name} `)) ?? `${name} ${former.none}`;
  }
  if (former?.kind === 'key') {
    const line = lines.find((each) => each.startsWith(`${former.key} `));
    if (line !== undefined) return line.slice(former.key.length + 1);
  }
  if (lines.length > 1) return undefined;
  // The kernel does not see a write of nothing, and takes the end of a line for an empty list.
  return content === '' ? '\n' : content;
}

/** Some files can only be written: EACCES for everybody (memory.reclaim), EINVAL on cgroup v1. */
function readable(path: string): string | undefined {
  try {
    return readControl(path);
  } catch (error) {
    if (['EACCES', 'EINVAL'].includes(errnoName(error) ?? '')) return undefined;
    throw error;
  }
}

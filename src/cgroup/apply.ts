/** Makes the writes that the controllers asked for. */
import { existsSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import { isLost, type Write } from './controllers/write.ts';
import { belowUsage, placeOf, writeFailed } from './failure.ts';
import { readControlIfThere, writeControl } from './files.ts';
import { isWithheld } from './leniency.ts';
import type { Forgo, Obstacle } from './unapplied.ts';

/** Where a controller's files are, or why there are none. */
export type Locate = (controller: string) => { readonly directory: string } | Missing;

export interface Missing {
  /** The second half of a sentence. */
  readonly missing: string;
  readonly obstacle: Obstacle;
}

/** A write with the file that it goes to and the value that belongs there. */
export interface Placed {
  readonly write: Write;
  readonly path: string;
  readonly value: string;
}

export interface Target {
  readonly locate: Locate;
  /** Hears in a sentence what was asked for and left out. */
  readonly warn: (sentence: string) => void;
  /** Takes note of what an ordinary user has no right to; without it that is an error. */
  readonly forgo?: Forgo | undefined;
}

/** Makes one write. @throws the system call's error */
type Perform = (placed: Placed) => void;

const perform: Perform = ({ path, value }) => writeControl(path, value);

/**
 * Write everything in order, then once more what the kernel refused because of values that came later.
 * @param make what a write is; by default just that
 * @throws TsruncError CGROUP_FAILED at the first refusal; UNSUPPORTED when a controller is missing
 */
export function applyWrites(writes: readonly Write[], target: Target, make: Perform = perform): void {
  const again: Placed[] = [];
  for (const write of writes) {
    const placed = find(write, target);
    if (placed !== undefined && attempt(placed, target, make, write.retry === true) === 'later') again.push(placed);
  }
  for (const placed of again) attempt(placed, target, make, false);
}

/** undefined when it is left out */
function find(write: Write, target: Target): Placed | undefined {
  const found = target.locate(write.controller);
  if ('directory' in found) return inDirectory(write, found.directory);
  leaveOut(write, found, target);
  return undefined;
}

const wayOut =
  'Give the container a cgroup with this controller (/proc/cgroups lists those of the kernel), or leave the field out.';

/** @throws TsruncError UNSUPPORTED when it must not be left out */
function leaveOut(write: Write, { missing, obstacle }: Missing, { warn, forgo }: Target): void {
  const sentence = `Cannot set ${write.file} to "${write.value}": ${missing}`;
  if (isLost(write)) {
    if (forgo === undefined) throw new TsruncError('UNSUPPORTED', sentence, { ...placeOf(write.from), hint: wayOut });
    forgo(write, obstacle);
  } else if (write.ifMissing === 'warn' && forgo === undefined) warn(sentence);
}

function inDirectory(write: Write, directory: string): Placed {
  const path = `${directory}/${write.file}`;
  if (write.instead === undefined || existsSync(path)) return { write, path, value: write.value };
  return { write, path: `${directory}/${write.instead.file}`, value: write.instead.value };
}

function attempt(placed: Placed, { warn, forgo }: Target, make: Perform, mayWait: boolean): 'done' | 'later' {
  const { write, path } = placed;
  const usage = write.usage === undefined ? undefined : path.replace(/[^/]*$/, write.usage);
  if (usage !== undefined && write.aboveUsage) refuseBelowUsage(placed, usage);
  try {
    make(placed);
    if (write.mayBeGone) warnIfIgnored(placed, warn);
  } catch (error) {
    const errno = errnoName(error);
    if (mayWait && errno === 'EINVAL') return 'later';
    if (write.mayBeGone && isUnsupported(errno)) {
      warn(hasNoEffect(write, 'has no such limit any more'));
      return 'done';
    }
    if (forgo !== undefined && isWithheld(error)) {
      forgo(write, { kind: 'cgroup', path });
      return 'done';
    }
    const failure = writeFailed(placed, error, usage === undefined ? undefined : bytesIn(usage));
    if (write.ifMissing === undefined || errno !== 'ENOENT') throw failure;
    if (write.ifMissing === 'warn') warn(failure.message);
  }
  return 'done';
}

function warnIfIgnored({ write, path, value }: Placed, warn: Target['warn']): void {
  if (Number(value) < 0 || (bytesIn(path) ?? 0) <= Number(value)) return;
  warn(hasNoEffect(write, 'takes the value and ignores it'));
}

const hasNoEffect = ({ file, value, from }: Write, kernel: string): string =>
  `${file} of "${value}" has no effect: this kernel ${kernel} (${from})`;

/** Two names of one number. */
const isUnsupported = (errno: string | undefined): boolean => errno === 'EOPNOTSUPP' || errno === 'ENOTSUP';

function refuseBelowUsage({ write, value }: Placed, usageFile: string): void {
  const usage = bytesIn(usageFile) ?? 0;
  if (usage <= Number(value)) return;
  throw new TsruncError('CGROUP_FAILED', `Cannot set ${write.file}: ${belowUsage(value, usage)}`, {
    ...placeOf(write.from),
    hint: 'Processes would be killed. Free memory first, take a higher limit, or leave checkBeforeUpdate out.',
  });
}

function bytesIn(file: string): number | undefined {
  const content = readControlIfThere(file);
  return content === undefined ? undefined : Number(content);
}

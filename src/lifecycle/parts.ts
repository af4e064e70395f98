import { type FdName, type FieldType, type Op, type OpName, opTable } from '../plan/ops.ts';

/** Most file descriptors that go along with one part: the kernel's SCM_MAX_FD, less the part itself. */
export const MAX_PART_FDS = 252;

const fdFields = (name: OpName): readonly string[] =>
  Object.entries<FieldType>(opTable[name])
    .filter(([, type]) => type === 'fd')
    .map(([field]) => field);

/** The file descriptors that an operation names. */
export const fdsOf = (op: Op): readonly FdName[] =>
  fdFields(op.op)
    .map((field): FdName => Reflect.get(op, field))
    .filter((name) => name !== '');

/** A run of operations and the file descriptors that they name, each once. */
export interface Part {
  readonly ops: readonly Op[];
  readonly names: readonly FdName[];
}

/**
 * Cut operations into parts, in their order, so that none names more than `limit` file descriptors. There is always at least
 * one part.
 */
export function splitParts(ops: readonly Op[], limit = MAX_PART_FDS): readonly Part[] {
  const parts: Part[] = [];
  let current: Op[] = [];
  let names = new Set<FdName>();
  for (const op of ops) {
    const together = new Set([...names, ...fdsOf(op)]);
    if (together.size > limit && current.length > 0) {
      parts.push({ ops: current, names: [...names] });
      current = [];
      names = new Set(fdsOf(op));
    } else names = together;
    current.push(op);
  }
  return [...parts, { ops: current, names: [...names] }];
}

import { wireHashBytes } from '../generated/wire-hash.ts';
import { type FdName, type FieldType, type Op, opTable } from '../plan/ops.ts';

const magic = 0x43525354; // "TSRC", read as little endian
const version = 1;

/**
 * Encode the operations of one part for the init helper or the monitor (docs/wire.md). Generic over the op table: a new
 * operation or field needs nothing here.
 *
 * @param fdIndex position of a named file descriptor among the part's fds, 0-based; called for every non-empty fd field.
 * @throws RangeError when a value does not fit its field: a fault of the planner, never of a user's configuration, which is
 *   validated before.
 */
export function encodePart(ops: readonly Op[], fdIndex: (name: FdName) => number): Uint8Array {
  const out = new Writer();
  out.u32(magic);
  out.u32(version);
  out.raw(wireHashBytes);
  out.u32(ops.length);
  const totalBytes = out.reserve();
  for (const op of ops) {
    encodeOp(out, op, fdIndex);
  }
  out.patch(totalBytes, out.length);
  return out.bytes();
}

const codes: ReadonlyMap<string, number> = new Map(Object.keys(opTable).map((name, code) => [name, code]));

function encodeOp(out: Writer, op: Op, fdIndex: (name: FdName) => number): void {
  const code = codes.get(op.op);
  if (code === undefined) {
    throw new RangeError(`no operation is called ${op.op}`);
  }
  out.u32(code);
  const payloadBytes = out.reserve();
  const start = out.length;
  const fields: Readonly<Record<string, FieldType>> = opTable[op.op];
  for (const [name, type] of Object.entries(fields)) {
    writers[type](out, Reflect.get(op, name), `${op.op}.${name}`, fdIndex);
  }
  out.patch(payloadBytes, out.length - start);
}

type WriteField = (out: Writer, value: unknown, where: string, fdIndex: (name: FdName) => number) => void;

/** A value arrives untyped because the table decides its type; each writer therefore checks what it gets. */
const writers: Readonly<Record<FieldType, WriteField>> = {
  u32: (out, value, where) => out.u32(asU32(value, where)),
  i64: (out, value, where) => out.u64(BigInt.asUintN(64, BigInt(asInteger(value, where)))),
  u64: (out, value, where) => out.u64(asU64(value, where)),
  str: (out, value, where) => out.str(asString(value, where)),
  strs: (out, value, where) => out.list(asList(value, where), (item) => out.str(asString(item, where))),
  u32s: (out, value, where) => out.list(asList(value, where), (item) => out.u32(asU32(item, where))),
  bytes: (out, value, where) => out.blob(asBytes(value, where)),
  fd: (out, value, where, fdIndex) => {
    const name = asString(value, where);
    out.i32(name === '' ? -1 : asU32(fdIndex(name), where));
  },
};

function asU32(value: unknown, where: string): number {
  const number = asInteger(value, where);
  if (number < 0 || number > 0xffffffff) {
    throw misfit(value, where);
  }
  return number;
}

function asInteger(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw misfit(value, where);
  }
  return value;
}

function asU64(value: unknown, where: string): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > 0xffffffffffffffffn) {
    throw misfit(value, where);
  }
  return value;
}

/** A NUL would end the string early in the kernel: "/safe\0/evil" must not turn into "/safe". */
function asString(value: unknown, where: string): string {
  if (typeof value !== 'string' || value.includes('\0')) {
    throw misfit(value, where);
  }
  return value;
}

function asList(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw misfit(value, where);
  }
  return value;
}

function asBytes(value: unknown, where: string): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw misfit(value, where);
  }
  return value;
}

const misfit = (value: unknown, where: string): RangeError =>
  new RangeError(`${where} cannot hold ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`);

const utf8 = new TextEncoder();

/**
 * A growing little-endian buffer whose content is a multiple of 4 bytes after every call. On DataView, whose methods are
 * the engine's own: Buffer's are JavaScript, which has to be loaded and linked first in a process that lives for milliseconds.
 */
class Writer {
  #bytes = new Uint8Array(8192);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  u32(value: number): void {
    this.#grow(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  i32(value: number): void {
    this.u32(value >>> 0);
  }

  u64(value: bigint): void {
    this.#grow(8);
    this.#view.setBigUint64(this.length, value, true);
    this.length += 8;
  }

  str(value: string): void {
    // UTF-8 takes at most 3 bytes for each unit of UTF-16.
    this.#grow(4 + 3 * value.length + 1);
    const { written } = utf8.encodeInto(value, this.#bytes.subarray(this.length + 4));
    this.u32(written);
    this.length += written + 1;
    this.#pad();
  }

  blob(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
    this.#pad();
  }

  raw(value: Uint8Array): void {
    this.#grow(value.length);
    this.#bytes.set(value, this.length);
    this.length += value.length;
  }

  list(items: readonly unknown[], each: (item: unknown) => void): void {
    this.u32(items.length);
    items.forEach(each);
  }

  /** Leave room for a number that is known later; returns where, for patch(). */
  reserve(): number {
    this.u32(0);
    return this.length - 4;
  }

  patch(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #grow(size: number): void {
    // Padding after str and blob may take 3 more bytes; the fresh buffer is zeroed, so padding and NUL need no write.
    const needed = this.length + size + 4;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.bytes());
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  #pad(): void {
    this.length = (this.length + 3) & ~3;
  }
}

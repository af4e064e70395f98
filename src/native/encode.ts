import { wireHashBytes } from '../generated/wire-hash.ts';
import { type FdName, type FieldType, type Op, opTable } from '../plan/ops.ts';
import { encodeAt } from './utf8.ts';

const magic = 0x43525354; // "TSRC", read as little endian
const version = 1;

/**
 * Encode the operations of one part for the init helper or the monitor (docs/wire.md). Generic over the op table: a new
 * operation or field needs nothing here.
 *
 * A plan has hundreds of fields, and every call costs an interpreter: there is one for each field, and no more.
 *
 * @param fdIndex position of a named file descriptor among the part's fds, 0-based; called for every non-empty fd field.
 * @throws RangeError when a value does not fit its field: a fault of the planner, never of a user's configuration, which is
 *   validated before.
 */
export function encodePart(ops: readonly Op[], fdIndex: (name: FdName) => number): Uint8Array {
  const out = new Writer(fdIndex);
  out.header(ops.length);
  for (const op of ops) encodeOp(out, op);
  return out.whole();
}

function encodeOp(out: Writer, op: Op): void {
  const code = codes.get(op.op);
  if (code === undefined) throw new RangeError(`no operation is called ${op.op}`);
  const fields: Readonly<Record<string, FieldType>> = opTable[op.op];
  const values: Readonly<Record<string, unknown>> = op;
  const start = out.begin(code);
  for (const name of Object.keys(fields)) {
    // The table decides the type, so that values arrive here without one.
    if (!out[fields[name] as FieldType](values[name])) throw misfit(values[name], `${op.op}.${name}`);
  }
  out.end(start);
}

const misfit = (value: unknown, where: string): RangeError =>
  new RangeError(`${where} cannot hold ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`);

const codes: ReadonlyMap<string, number> = new Map(Object.keys(opTable).map((name, code) => [name, code]));

/** In units of 4 bytes. */
const firstRoom = 4096;
const headerSize = 12;
/** Where the header has the size of the whole. */
const totalBytesAt = 11;
const most = 0xffffffff;

/**
 * A growing buffer of 4-byte words in the machine's order, which is the wire's. A method for each type of field, of the same name: it
 * appends a value, or says false where the field cannot hold it.
 */
class Writer implements Record<FieldType, (value: unknown) => boolean> {
  readonly #fdIndex: (name: FdName) => number;
  #words = new Uint32Array(firstRoom);
  #bytes = new Uint8Array(this.#words.buffer);
  /** In words, as the length of an array is a call. */
  #room = firstRoom;
  /** In words. */
  #length = 0;

  constructor(fdIndex: (name: FdName) => number) {
    this.#fdIndex = fdIndex;
  }

  header(opCount: number): void {
    this.#words[0] = magic;
    this.#words[1] = version;
    this.#bytes.set(wireHashBytes, 8);
    this.#words[totalBytesAt - 1] = opCount;
    this.#length = headerSize;
  }

  /** @returns where it starts, for end() */
  begin(code: number): number {
    this.#ensure(2);
    const start = this.#length;
    this.#words[start] = code;
    this.#length += 2;
    return start;
  }

  end(start: number): void {
    this.#words[start + 1] = (this.#length - start - 2) * 4;
  }

  whole(): Uint8Array {
    this.#words[totalBytesAt] = this.#length * 4;
    return this.#bytes.subarray(0, this.#length * 4);
  }

  u32(value: unknown): boolean {
    if (typeof value !== 'number' || value >>> 0 !== value) return false;
    if (this.#length === this.#room) this.#ensure(1);
    this.#words[this.#length++] = value;
    return true;
  }

  i64(value: unknown): boolean {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return false;
    this.#ensure(2);
    this.#words[this.#length++] = value;
    this.#words[this.#length++] = Math.floor(value / (most + 1));
    return true;
  }

  u64(value: unknown): boolean {
    if (typeof value !== 'bigint' || value < 0n || value > 0xffffffffffffffffn) return false;
    this.#ensure(2);
    this.#words[this.#length++] = Number(value & 0xffffffffn);
    this.#words[this.#length++] = Number(value >> 32n);
    return true;
  }

  /** A NUL would end the string early in the kernel: "/safe\0/evil" must not turn into "/safe". */
  str(value: unknown): boolean {
    if (typeof value !== 'string' || value.includes('\0')) return false;
    // UTF-8 takes at most 3 bytes for each unit of UTF-16.
    this.#ensure(value.length + 2);
    const at = this.#length;
    const size = encodeAt(value, this.#words.buffer, 4 * at + 4);
    this.#words[at] = size;
    // The buffer is zeroed: neither the NUL nor the padding need be written.
    this.#length = at + 2 + (size >> 2);
    return true;
  }

  strs(value: unknown): boolean {
    return this.#list(value, (item) => this.str(item));
  }

  u32s(value: unknown): boolean {
    return this.#list(value, (item) => this.u32(item));
  }

  bytes(value: unknown): boolean {
    if (!(value instanceof Uint8Array)) return false;
    const size = (value.length + 3) >> 2;
    this.#ensure(1 + size);
    this.#words[this.#length] = value.length;
    this.#bytes.set(value, 4 * this.#length + 4);
    this.#length += 1 + size;
    return true;
  }

  fd(name: unknown): boolean {
    if (typeof name !== 'string') return false;
    return this.u32(name === '' ? most : this.#fdIndex(name));
  }

  #list(items: unknown, append: (item: unknown) => boolean): boolean {
    if (!Array.isArray(items)) return false;
    if (!this.u32(items.length)) return false;
    for (const item of items) if (!append(item)) return false;
    return true;
  }

  #ensure(words: number): void {
    const needed = this.#length + words;
    if (needed <= this.#room) return;
    this.#room = Math.max(needed, this.#room * 2);
    const larger = new Uint32Array(this.#room);
    larger.set(this.#words.subarray(0, this.#length));
    this.#words = larger;
    this.#bytes = new Uint8Array(larger.buffer);
  }
}

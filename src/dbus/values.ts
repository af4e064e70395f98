/** Values of the D-Bus type system (D-Bus specification, "Type System" and "Marshaling"). */

/** t, x: bigint; other numbers: number; b: boolean; s, o, g: string; ay: bytes; arrays, structs, dict entries: arrays; v: Variant. */
export type Value = boolean | number | bigint | string | Uint8Array | Variant | readonly Value[];

export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** Alignment of a type by the first letter of its signature. */
const alignments: Readonly<Record<string, number>> = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  h: 4,
  i: 4,
  u: 4,
  s: 4,
  o: 4,
  a: 4,
  t: 8,
  x: 8,
  d: 8,
  '(': 8,
  '{': 8,
};

const closing: Readonly<Record<string, string>> = { '(': ')', '{': '}' };

/** Deeper nesting than the specification allows is an attack or a mistake. */
const deepest = 32;

/**
 * Split a signature into its complete types: "sa(sv)" -> ["s", "a(sv)"].
 * @throws Error when it is none
 */
export function completeTypes(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, at: number, depth: number): number {
  const letter = signature[at];
  if (letter === undefined || alignments[letter] === undefined || depth > deepest)
    throw new Error(`"${signature}" is not a D-Bus signature`);
  if (letter === 'a') return endOfType(signature, at + 1, depth + 1);
  const close = closing[letter];
  if (close === undefined) return at + 1;
  let end = at + 1;
  while (signature[end] !== close) end = endOfType(signature, end, depth + 1);
  if (end === at + 1) throw new Error(`"${signature}" is not a D-Bus signature`);
  return end + 1;
}

const isCompound = (type: string): boolean => closing[type[0] ?? ''] !== undefined;

/** Grows as values are appended, each at its alignment from the beginning. Little endian. */
export class Writer {
  #buffer = Buffer.alloc(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  align(alignment: number): void {
    this.#reserve((alignment - (this.#length % alignment)) % alignment);
  }

  /** @returns the next `size` bytes, zeros so far */
  #reserve(size: number): Buffer {
    const at = this.#length;
    if (at + size > this.#buffer.length) {
      const larger = Buffer.alloc(2 * (at + size));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    this.#length += size;
    return this.#buffer.subarray(at, this.#length);
  }

  u8(value: number): void {
    this.#reserve(1).writeUInt8(value);
  }

  u32(value: number): void {
    this.align(4);
    this.#reserve(4).writeUInt32LE(value);
  }

  setU32(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  raw(data: Uint8Array): void {
    this.#reserve(data.length).set(data);
  }

  /** @param type one complete type */
  value(type: string, value: Value): void {
    this.align(alignments[type[0] ?? ''] ?? 1);
    if (type.startsWith('a')) this.#array(type.slice(1), value as readonly Value[] | Uint8Array);
    else if (isCompound(type)) this.#struct(type, value as readonly Value[]);
    else scalars[type]?.write(this, value);
  }

  #struct(type: string, values: readonly Value[]): void {
    completeTypes(type.slice(1, -1)).forEach((member, index) => {
      this.value(member, values[index] ?? '');
    });
  }

  #array(element: string, values: readonly Value[] | Uint8Array): void {
    this.u32(0);
    const size = this.#length - 4;
    // The padding before the first element does not count into the size.
    this.align(alignments[element[0] ?? ''] ?? 1);
    const begin = this.#length;
    if (values instanceof Uint8Array) this.raw(values);
    else for (const value of values) this.value(element, value);
    this.setU32(size, this.#length - begin);
  }

  number64(value: bigint): void {
    this.#reserve(8).writeBigUInt64LE(BigInt.asUintN(64, value));
  }

  i16(value: number): void {
    this.#reserve(2).writeInt16LE(value);
  }

  u16(value: number): void {
    this.#reserve(2).writeUInt16LE(value);
  }

  i32(value: number): void {
    this.#reserve(4).writeInt32LE(value);
  }

  double(value: number): void {
    this.#reserve(8).writeDoubleLE(value);
  }
}

/** Takes values off a message, and nothing beyond its end. */
export class Reader {
  readonly #buffer: Buffer;
  #at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  align(alignment: number): void {
    this.#at += (alignment - (this.#at % alignment)) % alignment;
  }

  /** @throws RangeError past the end */
  take(size: number): Buffer {
    if (size > this.#buffer.length - this.#at) throw new RangeError('a D-Bus message ends within a value');
    this.#at += size;
    return this.#buffer.subarray(this.#at - size, this.#at);
  }

  u32(): number {
    this.align(4);
    return this.take(4).readUInt32LE();
  }

  text(size: number): string {
    const text = this.take(size + 1);
    return text.toString('utf8', 0, size);
  }

  /** @param type one complete type */
  value(type: string): Value {
    this.align(alignments[type[0] ?? ''] ?? 1);
    if (type.startsWith('a')) return this.#array(type.slice(1));
    if (isCompound(type)) return completeTypes(type.slice(1, -1)).map((member) => this.value(member));
    const scalar = scalars[type];
    if (scalar === undefined) throw new Error(`"${type}" is not a D-Bus signature`);
    return scalar.read(this);
  }

  #array(element: string): Value {
    const size = this.u32();
    this.align(alignments[element[0] ?? ''] ?? 1);
    if (element === 'y') return this.take(size);
    const end = this.#at + size;
    const values: Value[] = [];
    while (this.#at < end) values.push(this.value(element));
    return values;
  }
}

interface Scalar {
  readonly write: (writer: Writer, value: Value) => void;
  readonly read: (reader: Reader) => Value;
}

const text: Scalar = {
  write: (writer, value) => {
    writer.u32(Buffer.byteLength(String(value)));
    writer.raw(Buffer.from(`${value}\0`));
  },
  read: (reader) => reader.text(reader.u32()),
};

const signature: Scalar = {
  write: (writer, value) => {
    writer.u8(Buffer.byteLength(String(value)));
    writer.raw(Buffer.from(`${value}\0`));
  },
  read: (reader) => reader.text(reader.take(1).readUInt8()),
};

const number64 = (read: (bytes: Buffer) => bigint): Scalar => ({
  write: (writer, value) => writer.number64(BigInt(value as bigint | number)),
  read: (reader) => read(reader.take(8)),
});

const scalars: Readonly<Record<string, Scalar>> = {
  y: { write: (writer, value) => writer.u8(Number(value)), read: (reader) => reader.take(1).readUInt8() },
  n: { write: (writer, value) => writer.i16(Number(value)), read: (reader) => reader.take(2).readInt16LE() },
  q: { write: (writer, value) => writer.u16(Number(value)), read: (reader) => reader.take(2).readUInt16LE() },
  b: { write: (writer, value) => writer.u32(value === true ? 1 : 0), read: (reader) => reader.u32() === 1 },
  i: { write: (writer, value) => writer.i32(Number(value)), read: (reader) => reader.take(4).readInt32LE() },
  u: { write: (writer, value) => writer.u32(Number(value)), read: (reader) => reader.u32() },
  h: { write: (writer, value) => writer.u32(Number(value)), read: (reader) => reader.u32() },
  x: number64((bytes) => bytes.readBigInt64LE()),
  t: number64((bytes) => bytes.readBigUInt64LE()),
  d: { write: (writer, value) => writer.double(Number(value)), read: (reader) => reader.take(8).readDoubleLE() },
  s: text,
  o: text,
  g: signature,
  v: {
    write: (writer, value) => {
      const variant = value as Variant;
      signature.write(writer, variant.signature);
      writer.value(variant.signature, variant.value);
    },
    read: (reader) => {
      const type = String(signature.read(reader));
      if (completeTypes(type).length !== 1) throw new Error(`"${type}" is not the signature of a D-Bus variant`);
      return { signature: type, value: reader.value(type) };
    },
  },
};

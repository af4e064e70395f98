/**
 * The wire format of protocol buffers, as much of it as criu's messages need. A message is declared as a table of its fields;
 * its type, the encoder and the decoder come from the table.
 */
export interface Field {
  readonly number: number;
  readonly type: 'int' | 'bool' | 'string' | Table;
  readonly repeated?: true;
}
export interface Table {
  readonly [name: string]: Field;
}

type ValueOf<T> = T extends 'int'
  ? number
  : T extends 'bool'
    ? boolean
    : T extends 'string'
      ? string
      : T extends Table
        ? MessageOf<T>
        : never;

/** Every field may be missing; repeated ones are lists. */
export type MessageOf<T extends Table> = {
  readonly [K in keyof T]?: T[K] extends { readonly repeated: true }
    ? readonly ValueOf<T[K]['type']>[]
    : ValueOf<T[K]['type']>;
};

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

export function encode<T extends Table>(table: T, message: MessageOf<T>): Uint8Array {
  const bytes: number[] = [];
  for (const [name, field] of Object.entries(table)) {
    const value: unknown = message[name];
    if (value === undefined) continue;
    for (const one of field.repeated === true ? (value as readonly unknown[]) : [value]) encodeField(bytes, field, one);
  }
  return Uint8Array.from(bytes);
}

function encodeField(bytes: number[], { number, type }: Field, value: unknown): void {
  if (type === 'int' || type === 'bool') {
    varint(bytes, BigInt((number << 3) | VARINT));
    // A negative int32 travels as a 64-bit number.
    varint(bytes, BigInt.asUintN(64, BigInt(Number(value))));
    return;
  }
  const content = type === 'string' ? Buffer.from(String(value)) : encode(type, value as MessageOf<Table>);
  varint(bytes, BigInt((number << 3) | LENGTH));
  varint(bytes, BigInt(content.length));
  bytes.push(...content);
}

function varint(bytes: number[], value: bigint): void {
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
}

/**
 * Fields that the table does not know are skipped: newer versions of criu say more.
 * @throws Error on a message that ends too early
 */
export function decode<T extends Table>(table: T, bytes: Uint8Array): MessageOf<T> {
  const message: Record<string, unknown> = {};
  const names = new Map(Object.entries(table).map(([name, field]) => [field.number, { name, field }]));
  const reader = new Reader(bytes);
  while (!reader.atEnd) {
    const tag = Number(reader.varint());
    const known = names.get(tag >> 3);
    const raw = reader.value(tag & 7);
    if (known !== undefined) store(message, known.name, known.field, raw);
  }
  return message as MessageOf<T>;
}

function store(message: Record<string, unknown>, name: string, field: Field, raw: bigint | Uint8Array): void {
  const value = decodeValue(field.type, raw);
  if (field.repeated === true) message[name] = [...((message[name] as unknown[] | undefined) ?? []), value];
  else message[name] = value;
}

function decodeValue(type: Field['type'], raw: bigint | Uint8Array): unknown {
  if (typeof raw === 'bigint') return type === 'bool' ? raw !== 0n : Number(BigInt.asIntN(32, raw));
  return typeof type === 'string' ? Buffer.from(raw).toString() : decode(type, raw);
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#take(1)[0] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  value(wireType: number): bigint | Uint8Array {
    switch (wireType) {
      case VARINT:
        return this.varint();
      case LENGTH:
        return this.#take(Number(this.varint()));
      case FIXED64:
        return this.#take(8);
      case FIXED32:
        return this.#take(4);
      default:
        throw new Error(`a field of the unknown wire type ${wireType}`);
    }
  }

  #take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new Error('the message ends too early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

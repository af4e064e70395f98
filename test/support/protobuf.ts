/**
 * Protocol buffers for the few messages that tests exchange: a table names the fields, the types and the codec follow from it.
 *
 *   const messages = { Point: { x: [1, 'int'], label: [2, 'string'] }, Line: { points: [1, ['Point']] } } as const;
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding/. All integers, bools and enums are varints; maps have
 * strings on both sides; a type in brackets is repeated. Unknown fields are skipped, missing ones stay out.
 */
interface Scalars {
  readonly string: string;
  readonly bytes: string;
  readonly int: number;
  readonly bool: boolean;
  readonly map: Readonly<Record<string, string>>;
}

type Type = string | readonly [string];
type Fields = Readonly<Record<string, readonly [number, Type]>>;
export type Messages = Readonly<Record<string, Fields>>;

type One<M extends Messages, T> = T extends keyof Scalars ? Scalars[T] : T extends keyof M ? Message<M, T> : never;

/** What a message of the table holds; every field may be missing. */
export type Message<M extends Messages, N extends keyof M> = {
  readonly [F in keyof M[N]]?: M[N][F][1] extends readonly [infer T] ? readonly One<M, T>[] : One<M, M[N][F][1]>;
};

const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  // Negative numbers are ten bytes of two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};

const delimited = (number: number, content: Buffer): Buffer =>
  Buffer.concat([varint((number << 3) | 2), varint(content.length), content]);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const encodeOne = (messages: Messages, number: number, type: string, value: unknown): Buffer => {
  if (typeof value === 'number' || typeof value === 'boolean')
    return Buffer.concat([varint(number << 3), varint(Number(value))]);
  if (typeof value === 'string') return delimited(number, Buffer.from(value));
  if (!isRecord(value)) throw new TypeError(`a ${type} cannot be ${String(value)}`);
  if (type !== 'map') return delimited(number, encode(messages, type, value));
  const entries = Object.entries(value).map(([key, text]) =>
    Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, Buffer.from(String(text)))]),
  );
  return Buffer.concat(entries.map((entry) => delimited(number, entry)));
};

const fieldsOf = (messages: Messages, name: string): Fields => {
  const fields = messages[name];
  if (fields === undefined) throw new TypeError(`no message ${name} in the table`);
  return fields;
};

/** @throws TypeError for a field that the table does not have */
export const encode = (messages: Messages, name: string, content: object): Buffer => {
  const fields = fieldsOf(messages, name);
  const parts = Object.entries(content).flatMap(([key, value]) => {
    const field = fields[key];
    if (field === undefined) throw new TypeError(`no field ${key} in ${name}`);
    const [number, type] = field;
    if (typeof type === 'string') return [encodeOne(messages, number, type, value)];
    if (!Array.isArray(value)) throw new TypeError(`${name}.${key} is repeated`);
    return value.map((item) => encodeOne(messages, number, type[0], item));
  });
  return Buffer.concat(parts);
};

const readVarint = (bytes: Buffer, start: number): [value: bigint, end: number] => {
  let value = 0n;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes.readUInt8(at);
    value |= BigInt(byte & 127) << BigInt(7 * (at - start));
    if (byte < 128) return [value, at + 1];
  }
  throw new RangeError('a number that does not end');
};

interface Raw {
  readonly number: number;
  readonly value: bigint | Buffer;
}

function* rawFields(bytes: Buffer): Generator<Raw> {
  for (let at = 0; at < bytes.length; ) {
    const [tag, start] = readVarint(bytes, at);
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (wireType === 0) {
      const [value, end] = readVarint(bytes, start);
      yield { number, value };
      at = end;
    } else if (wireType === 2) {
      const [length, begin] = readVarint(bytes, start);
      at = begin + Number(length);
      if (at > bytes.length) throw new RangeError('a field that is longer than its message');
      yield { number, value: bytes.subarray(begin, at) };
    } else if (wireType === 1 || wireType === 5) {
      at = start + (wireType === 1 ? 8 : 4); // fixed width: in no message of ours
    } else throw new RangeError(`wire type ${wireType}`);
  }
}

const decodeOne = (messages: Messages, type: string, value: bigint | Buffer): unknown => {
  if (typeof value === 'bigint') return type === 'bool' ? value !== 0n : Number(BigInt.asIntN(64, value));
  if (type === 'string' || type === 'bytes') return value.toString();
  return decode(messages, type, value);
};

const entry = { '': { key: [1, 'string'], value: [2, 'string'] } } as const satisfies Messages;

/** The fields of a message by name, to be read as Message<M, N>. @throws RangeError for bytes that are no message */
export const decode = (messages: Messages, name: string, bytes: Buffer): Record<string, unknown> => {
  const names = new Map(
    Object.entries(fieldsOf(messages, name)).map(([key, [number, type]]) => [number, { key, type }]),
  );
  const content: Record<string, unknown> = {};
  for (const { number, value } of rawFields(bytes)) {
    const field = names.get(number);
    if (field === undefined) continue;
    const { key, type } = field;
    if (type === 'map' && typeof value !== 'bigint') {
      const pair = decode(entry, '', value);
      content[key] = { ...(isRecord(content[key]) ? content[key] : {}), [String(pair.key)]: pair.value ?? '' };
    } else if (typeof type === 'string') content[key] = decodeOne(messages, type, value);
    else content[key] = [...(Array.isArray(content[key]) ? content[key] : []), decodeOne(messages, type[0], value)];
  }
  return content;
};

/**
 * D-Bus messages (D-Bus specification, "Message Protocol"), little endian:
 *
 *   u8 'l' · u8 type · u8 flags · u8 version 1 · u32 length of the body · u32 serial · array of (u8 field, variant)
 *   · zeros up to a multiple of 8 · body
 */
import { completeTypes, Reader, type Value, type Variant, Writer } from './values.ts';

const types = { call: 1, reply: 2, error: 3, signal: 4 } as const;

export interface Message {
  readonly type: keyof typeof types;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  /** Name of the error, "org.freedesktop.systemd1.UnitExists". */
  readonly error?: string;
  /** Serial of the call that this answers. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  /** Types of the body's values. */
  readonly signature?: string;
  readonly body: readonly Value[];
}

/** THE table of header fields: number, type, key in Message. */
const fields = [
  [1, 'o', 'path'],
  [2, 's', 'interface'],
  [3, 's', 'member'],
  [4, 's', 'error'],
  [5, 'u', 'replySerial'],
  [6, 's', 'destination'],
  [7, 's', 'sender'],
  [8, 'g', 'signature'],
] as const satisfies readonly (readonly [number, string, keyof Message])[];

const fixedBytes = 16;
/** The specification's limit of a whole message. */
const longestBytes = 128 * 1024 * 1024;
const bodyLengthAt = 4;

export function encodeMessage(message: Message): Buffer {
  const writer = new Writer();
  for (const byte of [0x6c, types[message.type], 0, 1]) writer.u8(byte);
  writer.u32(0);
  writer.u32(message.serial);
  const present = fields.filter(([, , key]) => message[key] !== undefined);
  writer.value(
    'a(yv)',
    present.map(([number, signature, key]) => [number, { signature, value: message[key] ?? '' }]),
  );
  writer.align(8);
  const begin = writer.length;
  completeTypes(message.signature ?? '').forEach((type, index) => {
    writer.value(type, message.body[index] ?? '');
  });
  writer.setU32(bodyLengthAt, writer.length - begin);
  return writer.bytes();
}

/**
 * Size of the message that begins here; undefined when too little of it is there to tell.
 * @throws Error for what is no message of ours
 */
export function messageSize(buffer: Buffer): number | undefined {
  if (buffer.length < fixedBytes) return undefined;
  if (buffer[0] !== 0x6c || buffer[3] !== 1) throw new Error('the bus does not speak D-Bus version 1 in little endian');
  const head = fixedBytes + buffer.readUInt32LE(12);
  const size = Math.ceil(head / 8) * 8 + buffer.readUInt32LE(bodyLengthAt);
  if (size > longestBytes) throw new Error(`the bus announces a message of ${size} bytes`);
  return size;
}

/** @param buffer exactly one message @throws Error when it is malformed */
export function decodeMessage(buffer: Buffer): Message {
  const number = buffer[1];
  const type = Object.entries(types).find(([, code]) => code === number)?.[0] as Message['type'] | undefined;
  if (type === undefined) throw new Error(`the bus sent a message of unknown type ${number}`);
  const reader = new Reader(buffer, 8);
  const serial = reader.u32();
  const header = Object.fromEntries(
    (reader.value('a(yv)') as readonly (readonly [number, Variant])[]).flatMap(([code, { value }]) => {
      const field = fields.find(([candidate]) => candidate === code);
      return field === undefined ? [] : [[field[2], value]];
    }),
  ) as Partial<Message>;
  reader.align(8);
  const body = completeTypes(header.signature ?? '').map((member) => reader.value(member));
  return { ...header, type, serial, body };
}

/** Buffer, TextEncoder, TextDecoder: as far as the program uses them. */
import { natives } from './natives.ts';

export class EngineBuffer extends Uint8Array {
  /** The memory itself, not a copy. */
  static over(bytes: ArrayBuffer): EngineBuffer {
    return new EngineBuffer(bytes);
  }

  static override from(source: string | ArrayLike<number> | Iterable<number>, encoding?: unknown): EngineBuffer {
    if (encoding === 'latin1' && typeof source === 'string')
      return EngineBuffer.from(Array.from(source, (character) => character.charCodeAt(0)));
    if (encoding !== undefined && encoding !== 'utf8' && encoding !== 'utf-8')
      throw new TypeError(`this engine's Buffer has no encoding ${String(encoding)}`);
    if (typeof source === 'string') return EngineBuffer.over(natives.encodeUtf8(source));
    const copy = new Uint8Array(Array.from(source));
    return EngineBuffer.over(copy.buffer);
  }

  static alloc(length: number): EngineBuffer {
    return new EngineBuffer(length);
  }

  static concat(parts: readonly Uint8Array[]): EngineBuffer {
    const whole = new EngineBuffer(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  static byteLength(text: string): number {
    return natives.encodeUtf8(text).byteLength;
  }

  override toString(encoding: BufferEncoding = 'utf8', start = 0, end = this.length): string {
    const part = this.subarray(start, end);
    switch (encoding) {
      case 'utf8':
      case 'utf-8':
        return natives.decodeUtf8(part.buffer, part.byteOffset, part.length);
      case 'latin1':
        return latin1(part);
      case 'base64':
        return base64(part);
      default:
        throw new TypeError(`this engine's Buffer has no encoding ${encoding}`);
    }
  }

  equals(other: Uint8Array): boolean {
    return this.length === other.length && this.every((byte, index) => byte === other[index]);
  }

  copy(target: Uint8Array): number {
    target.set(this.subarray(0, target.length));
    return Math.min(this.length, target.length);
  }

  get #view(): DataView {
    return new DataView(this.buffer, this.byteOffset, this.byteLength);
  }

  readUInt8(offset = 0): number {
    return this.#view.getUint8(offset);
  }

  readInt16LE(offset = 0): number {
    return this.#view.getInt16(offset, true);
  }

  readUInt16LE(offset = 0): number {
    return this.#view.getUint16(offset, true);
  }

  readInt32LE(offset = 0): number {
    return this.#view.getInt32(offset, true);
  }

  readUInt32LE(offset = 0): number {
    return this.#view.getUint32(offset, true);
  }

  readDoubleLE(offset = 0): number {
    return this.#view.getFloat64(offset, true);
  }

  readBigInt64LE(offset = 0): bigint {
    return this.#view.getBigInt64(offset, true);
  }

  readBigUInt64LE(offset = 0): bigint {
    return this.#view.getBigUint64(offset, true);
  }

  writeUInt8(value: number, offset = 0): number {
    this.#view.setUint8(offset, value);
    return offset + 1;
  }

  writeInt16LE(value: number, offset = 0): number {
    this.#view.setInt16(offset, value, true);
    return offset + 2;
  }

  writeUInt16LE(value: number, offset = 0): number {
    this.#view.setUint16(offset, value, true);
    return offset + 2;
  }

  writeInt32LE(value: number, offset = 0): number {
    this.#view.setInt32(offset, value, true);
    return offset + 4;
  }

  writeUInt32LE(value: number, offset = 0): number {
    this.#view.setUint32(offset, value, true);
    return offset + 4;
  }

  writeDoubleLE(value: number, offset = 0): number {
    this.#view.setFloat64(offset, value, true);
    return offset + 8;
  }

  writeBigUInt64LE(value: bigint, offset = 0): number {
    this.#view.setBigUint64(offset, value, true);
    return offset + 8;
  }
}

/** As many arguments as a call may surely have. */
const chunk = 4096;

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += chunk)
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + chunk));
  return text;
}

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 4648, section 4. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [one = 0, two, three] = bytes.subarray(at, at + 3);
    const bits = (one << 16) | ((two ?? 0) << 8) | (three ?? 0);
    const digits = [18, 12, 6, 0].map((shift) => base64Digits[(bits >> shift) & 63]);
    text += digits
      .slice(0, two === undefined ? 2 : three === undefined ? 3 : 4)
      .join('')
      .padEnd(4, '=');
  }
  return text;
}

export class EngineTextEncoder {
  encode(text: string): Uint8Array {
    return new Uint8Array(natives.encodeUtf8(text));
  }
}

const byteOrderMark = '\uFEFF';

export class EngineTextDecoder {
  readonly #fatal: boolean;
  readonly #keepMark: boolean;

  constructor(_label = 'utf-8', options: { readonly fatal?: boolean; readonly ignoreBOM?: boolean } = {}) {
    this.#fatal = options.fatal === true;
    this.#keepMark = options.ignoreBOM === true;
  }

  decode(bytes: Uint8Array): string {
    const place = [bytes.buffer, bytes.byteOffset, bytes.length] as const;
    if (this.#fatal && !natives.validUtf8(...place)) throw new TypeError('The encoded data was not valid UTF-8');
    const text = natives.decodeUtf8(...place);
    return !this.#keepMark && text.startsWith(byteOrderMark) ? text.slice(1) : text;
  }
}

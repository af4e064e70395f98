import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wireHash } from '../generated/wire-hash.ts';
import { type FieldType, type Op, type OpName, opTable } from '../plan/ops.ts';
import { encodePart } from './encode.ts';

const names = Object.keys(opTable) as OpName[];
const fdNames = ['', 'netns', 'listener'];
const fdIndex = (name: string): number => fdNames.indexOf(name) - 1;

const string = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const fieldArbitraries: Readonly<Record<FieldType, fc.Arbitrary<unknown>>> = {
  u32,
  i64: fc.maxSafeInteger(),
  u64: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  str: string,
  strs: fc.array(string),
  u32s: fc.array(u32),
  bytes: fc.uint8Array({ maxLength: 300 }),
  fd: fc.constantFrom(...fdNames),
};

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  ...names.map((op) => {
    const fields = Object.entries(opTable[op]).map(([name, type]) => [name, fieldArbitraries[type]]);
    return fc.record({ op: fc.constant(op), from: fc.constant(''), ...Object.fromEntries(fields) }) as fc.Arbitrary<Op>;
  }),
);

/** A decoder written from docs/wire.md alone, which also demands zeroed padding and alignment. */
class Decoder {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get at(): number {
    return this.#at;
  }

  u32(): number {
    expect(this.#at % 4).toBe(0);
    return this.#advance(4).readUInt32LE();
  }

  raw(size: number): Buffer {
    return this.#advance(size);
  }

  value(type: FieldType): unknown {
    switch (type) {
      case 'u32':
        return this.u32();
      case 'i64':
        return Number(this.#advance(8).readBigInt64LE());
      case 'u64':
        return this.#advance(8).readBigUInt64LE();
      case 'str':
        return this.#text();
      case 'strs':
        return Array.from({ length: this.u32() }, () => this.#text());
      case 'u32s':
        return Array.from({ length: this.u32() }, () => this.u32());
      case 'bytes':
        return Uint8Array.from(this.#padded(this.u32(), 0));
      case 'fd':
        return fdNames[this.#advance(4).readInt32LE() + 1];
    }
  }

  #text(): string {
    return this.#padded(this.u32(), 1).toString('utf8');
  }

  /** Content without what follows it: the NUL of a string and padding, all zero. */
  #padded(size: number, trailing: number): Buffer {
    const content = this.#advance(size);
    const rest = this.#advance(trailing + ((4 - ((size + trailing) % 4)) % 4));
    expect(rest.every((byte) => byte === 0)).toBe(true);
    return content;
  }

  #advance(size: number): Buffer {
    const from = this.#at;
    this.#at += size;
    expect(this.#at).toBeLessThanOrEqual(this.#bytes.length);
    return this.#bytes.subarray(from, this.#at);
  }
}

function decodeOp(decoder: Decoder): unknown {
  const op = names[decoder.u32()] as OpName;
  const end = decoder.u32() + decoder.at;
  const fields = Object.entries(opTable[op]).map(([name, type]) => [name, decoder.value(type)]);
  expect(decoder.at).toBe(end);
  return { op, from: '', ...Object.fromEntries(fields) };
}

function decodePart(bytes: Uint8Array): unknown[] {
  const decoder = new Decoder(bytes);
  expect(decoder.raw(4).toString()).toBe('TSRC');
  expect(decoder.u32()).toBe(1);
  expect(decoder.raw(32).toString('hex')).toBe(wireHash);
  const count = decoder.u32();
  expect(decoder.u32()).toBe(bytes.length);
  const ops = Array.from({ length: count }, () => decodeOp(decoder));
  expect(decoder.at).toBe(bytes.length);
  return ops;
}

describe('encodePart', () => {
  test('gives back every operation and field', () => {
    fc.assert(
      fc.property(fc.array(anyOp), (ops) => {
        expect(decodePart(encodePart(ops, fdIndex))).toEqual(ops);
      }),
    );
  });

  test('grows beyond its first buffer', () => {
    const ops: Op[] = [{ op: 'exec', from: '', args: ['x'.repeat(100_000)], env: Array(5000).fill('A=ä') }];
    expect(decodePart(encodePart(ops, fdIndex))).toEqual(ops);
  });

  test.each<[string, Op]>([
    ['a NUL in a string', { op: 'setHostname', from: '', name: 'a\0b' }],
    ['a negative u32', { op: 'setUmask', from: '', mask: -1 }],
    ['a u32 beyond 32 bits', { op: 'setUmask', from: '', mask: 2 ** 32 }],
    ['a fraction', { op: 'setUmask', from: '', mask: 0.5 }],
    ['a u64 beyond 64 bits', { op: 'setBoundingCapabilities', from: '', keep: 2n ** 64n }],
    ['an fd that is not in the part', { op: 'joinCgroup', from: '', file: 'unheard-of', mayVanish: 0 }],
  ])('refuses %s', (_, op) => {
    const known = (name: string): number => (name === 'netns' ? 0 : -1);
    expect(() => encodePart([op], known)).toThrow(RangeError);
  });
});

import { expect, test, vi } from 'vitest';
import type { EngineBuffer as Engine } from './buffer.ts';

// The engine brings its own functions; numbers need none of them.
vi.stubGlobal('engineNatives', {});
const { EngineBuffer } = await import('./buffer.ts');

const bytes = [0x80, 0xff, 0x01, 0x7f, 0xfe, 0x10, 0x20, 0xc0, 0x05];

/** What reads a number, here and in Node.js. */
const readers = [
  'readUInt8',
  'readInt16LE',
  'readUInt16LE',
  'readInt32LE',
  'readUInt32LE',
  'readBigInt64LE',
  'readBigUInt64LE',
  'readDoubleLE',
] as const;

test.each(readers)('%s is that of Node.js, also in a part of a buffer', (name) => {
  expect(EngineBuffer.from(bytes)[name]()).toBe(Buffer.from(bytes)[name]());
  expect((EngineBuffer.from(bytes).subarray(1) as Engine)[name](0)).toBe(Buffer.from(bytes)[name](1));
});

test('numbers are written as in Node.js', () => {
  const write = (
    buffer: Pick<
      Buffer,
      | 'writeUInt8'
      | 'writeInt16LE'
      | 'writeUInt16LE'
      | 'writeInt32LE'
      | 'writeUInt32LE'
      | 'writeBigUInt64LE'
      | 'writeDoubleLE'
    >,
  ) => [
    buffer.writeUInt8(200),
    buffer.writeInt16LE(-2, 1),
    buffer.writeUInt16LE(65_000, 3),
    buffer.writeInt32LE(-3, 5),
    buffer.writeUInt32LE(4_000_000_000, 9),
    buffer.writeBigUInt64LE(2n ** 63n + 1n, 13),
    buffer.writeDoubleLE(-0.1, 21),
  ];
  const [ours, theirs] = [EngineBuffer.alloc(29), Buffer.alloc(29)];
  expect(write(ours)).toEqual(write(theirs));
  expect([...ours]).toEqual([...theirs]);
});

test('a part becomes text, and is copied', () => {
  const word = EngineBuffer.from([0x61, 0x62, 0x63, 0]);
  expect(word.toString('latin1', 0, 3)).toBe('abc');
  const larger = EngineBuffer.alloc(6);
  expect(word.copy(larger)).toBe(4);
  expect([...larger]).toEqual([0x61, 0x62, 0x63, 0, 0, 0]);
});

test.each([0, 1, 2, 3, 4, 5, 9])('%i bytes in base64 are those of Node.js', (count) => {
  const part = bytes.slice(0, count);
  expect(EngineBuffer.from(part).toString('base64')).toBe(Buffer.from(part).toString('base64'));
});

test('an encoding that it has not is an error, not UTF-8', () => {
  expect(() => EngineBuffer.from(bytes).toString('hex')).toThrow('hex');
  expect(() => EngineBuffer.from('00', 'hex')).toThrow('hex');
});

test('latin1 is that of Node.js, at any length', () => {
  const long = Uint8Array.from({ length: 10_000 }, (_, index) => index);
  for (const content of [new Uint8Array(), Uint8Array.from(bytes), long])
    expect(EngineBuffer.from(content).toString('latin1')).toBe(Buffer.from(content).toString('latin1'));
});

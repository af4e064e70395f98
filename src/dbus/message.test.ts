import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { socketPaths } from './address.ts';
import { decodeMessage, encodeMessage, type Message, messageSize } from './message.ts';
import { completeTypes, Reader, type Value, Writer } from './values.ts';

const hello: Message = {
  type: 'call',
  serial: 1,
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
  member: 'Hello',
  destination: 'org.freedesktop.DBus',
  body: [],
};

describe('a message', () => {
  test('is encoded byte for byte as the specification draws it', () => {
    const signal: Message = { type: 'signal', serial: 2, path: '/a', member: 'M', signature: 'u', body: [7] };
    const expected = [
      ['6c 04 00 01', 'little endian, signal, no flags, version 1'],
      ['04 00 00 00', 'length of the body'],
      ['02 00 00 00', 'serial'],
      ['27 00 00 00', 'length of the fields'],
      ['01 01 6f 00 02 00 00 00 2f 61 00 00 00 00 00 00', 'path "/a", up to a multiple of 8'],
      ['03 01 73 00 01 00 00 00 4d 00 00 00 00 00 00 00', 'member "M", the same'],
      ['08 01 67 00 01 75 00 00', 'signature "u", and the padding before the body'],
      ['07 00 00 00', 'the body'],
    ];
    const bytes = expected.map(([hex = '']) => hex.replaceAll(' ', '')).join('');
    expect(encodeMessage(signal).toString('hex')).toBe(bytes);
  });

  test('comes back as it was', () => {
    const message = { ...hello, signature: 'sa(sv)', body: ['x', [['A', { signature: 't', value: 5n }]]] };
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  test('its size is known from its head', () => {
    const bytes = encodeMessage({ ...hello, signature: 's', body: ['abc'] });
    expect(messageSize(bytes.subarray(0, 15))).toBeUndefined();
    expect(messageSize(Buffer.concat([bytes, Buffer.alloc(9)]))).toBe(bytes.length);
  });

  test('a field that this client does not know is passed over', () => {
    const bytes = encodeMessage(hello);
    bytes[16] = 77; // the number of the first field
    expect(decodeMessage(bytes)).toMatchObject({ member: 'Hello' });
    expect(decodeMessage(bytes).path).toBeUndefined();
  });

  test.each([
    ['big endian', (bytes: Buffer) => bytes.writeUInt8(0x42, 0), 'little endian'],
    ['another version', (bytes: Buffer) => bytes.writeUInt8(2, 3), 'version 1'],
    ['a huge length', (bytes: Buffer) => bytes.writeUInt32LE(0x4000_0000, 4), 'announces a message of'],
    ['an unknown type', (bytes: Buffer) => bytes.writeUInt8(9, 1), 'unknown type 9'],
    ['fields longer than the message', (bytes: Buffer) => bytes.writeUInt32LE(bytes.length, 12), 'ends within a value'],
  ])('%s is refused', (_, spoil, message) => {
    const bytes = Buffer.from(encodeMessage(hello));
    spoil(bytes);
    expect(() => messageSize(bytes) && decodeMessage(bytes)).toThrow(message);
  });

  test('whatever comes: a message or an error, never an endless loop', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = Buffer.concat([encodeMessage(hello).subarray(0, 16), noise]);
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe('values', () => {
  const roundTrip = (type: string, value: Value): Value => {
    const writer = new Writer();
    writer.u8(0); // so that alignment matters
    writer.value(type, value);
    return new Reader(writer.bytes(), 1).value(type);
  };

  test.each<[string, Value]>([
    ['y', 255],
    ['b', true],
    ['b', false],
    ['i', -5],
    ['u', 4_000_000_000],
    ['n', -300],
    ['q', 65_535],
    ['h', 3],
    ['x', -(2n ** 63n)],
    ['t', 2n ** 64n - 1n],
    ['d', 0.25],
    ['s', 'grüß'],
    ['o', '/org'],
    ['g', 'a(sv)'],
    ['as', ['one', '', 'three']],
    ['au', [1, 2, 3]],
    ['a(st)', [['x', 5n]]],
    ['a(ss)', []],
    ['(sb)', ['x', true]],
    ['a{sv}', [['x', { signature: 'y', value: 1 }]]],
    ['v', { signature: 'as', value: ['x'] }],
    ['as', Array.from({ length: 500 }, (_, index) => `longer than the first buffer ${index}`)],
  ])('%s (row %#)', (type, value) => {
    expect(roundTrip(type, value)).toEqual(value);
  });

  test('bytes', () => expect([...(roundTrip('ay', Uint8Array.of(1, 2, 3)) as Uint8Array)]).toEqual([1, 2, 3]));

  test('text of any kind', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => roundTrip('s', text) === text));
  });
});

describe('signatures', () => {
  test.each([
    ['', []],
    ['s', ['s']],
    ['sa(sv)a(sa(sv))', ['s', 'a(sv)', 'a(sa(sv))']],
    ['aaay', ['aaay']],
    ['sa{sv}as', ['s', 'a{sv}', 'as']],
  ])('%s', (signature, types) => expect(completeTypes(signature)).toEqual(types));

  test.each(['a', '(', '()', '(s', ')', '{s', '(s}', 'a{s)', 'z', 'a'.repeat(50).concat('s')])(
    '"%s" is none',
    (signature) => {
      expect(() => completeTypes(signature)).toThrow('is not a D-Bus signature');
    },
  );
});

describe('addresses', () => {
  test.each([
    ['unix:path=/run/user/1000/bus', ['/run/user/1000/bus']],
    ['unix:path=/a%20b,guid=12', ['/a b']],
    ['unix:abstract=/tmp/x,guid=1;unix:path=/b', ['\0/tmp/x', '/b']],
    ['tcp:host=localhost;unix:guid=1', []],
    ['', []],
  ])('%s', (address, paths) => expect(socketPaths(address)).toEqual(paths));
});

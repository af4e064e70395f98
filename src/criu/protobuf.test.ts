import { expect, test } from 'vitest';
import { requestTable, responseTable } from './messages.ts';
import { decode, encode, type Table } from './protobuf.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('a request is encoded as criu reads it', () => {
  const opts = { images_dir_fd: 5, pid: 300, leave_running: true, log_file: 'a', ext_mnt: [{ key: '/', val: 'x' }] };
  expect(hex(encode(requestTable, { type: 1, opts }))).toBe('08011213080510ac021801520161ba01060a012f120178');
});

test('missing fields are not sent, false and 0 are', () => {
  expect(hex(encode(requestTable, { notify_success: false, type: 0 }))).toBe('08001800');
});

const table = {
  number: { number: 1, type: 'int' },
  flag: { number: 2, type: 'bool' },
  text: { number: 3, type: 'string' },
  texts: { number: 4, type: 'string', repeated: true },
  inner: { number: 200, type: { deep: { number: 1, type: 'int', repeated: true } } },
} as const satisfies Table;

test.each([
  {},
  { number: -1 },
  { number: 2 ** 31 - 1, flag: true, text: 'ü', texts: ['', 'b'] },
  { number: -(2 ** 31), flag: false, inner: { deep: [0, 1, 128, 16384] } },
  { text: 'x'.repeat(300) },
])('%j survives the way there and back', (message) => {
  expect(decode(table, encode(table, message))).toEqual(message);
});

test('a response with fields that nobody knows yet', () => {
  const unknown = [
    ...[0xf8, 0x01, 0x05],
    ...[0xfa, 0x01, 0x01, 0x61],
    ...[0xf9, 0x01, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0xfd, 0x01, 0, 0, 0, 0],
  ];
  const known = encode(responseTable, { type: 6, success: true, notify: { script: 'pre-dump' } });
  expect(decode(responseTable, Uint8Array.from([...unknown, ...known]))).toEqual({
    type: 6,
    success: true,
    notify: { script: 'pre-dump' },
  });
});

test.each([[[0x08]], [[0x1a, 0x05, 0x61]], [[0x0b]]])('%j is refused', (bytes) => {
  expect(() => decode(table, Uint8Array.from(bytes))).toThrow();
});

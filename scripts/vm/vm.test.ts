import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { archive, DIRECTORY, PROGRAM } from './archive.mjs';
import { extract } from './kernel.mjs';
import { quote } from './machine.mjs';

describe('the initramfs', () => {
  const made = archive([
    { name: 'bin', mode: DIRECTORY },
    { name: 'bin/it', mode: PROGRAM, content: 'hello' },
  ]).toString('latin1');

  test('each entry begins at a multiple of four, with its type, size and name', () => {
    const headers = [...made.matchAll(/070701/g)].map(({ index }) => index);
    expect(headers.map((index) => index % 4)).toEqual([0, 0, 0]);
    const [, program = 0] = headers;
    expect(made.slice(program + 14, program + 22)).toBe('000081ed');
    expect(made.slice(program + 54, program + 62)).toBe('00000005');
    expect(made.slice(program + 110, program + 117)).toBe('bin/it\0');
  });

  test('it ends with the trailer', () => expect(made).toMatch(/TRAILER!!!\0+$/));
});

describe('the kernel within a bzImage', () => {
  const imageOf = (payload: Buffer): Buffer => {
    const head = Buffer.alloc(3 * 512 + 16);
    head.writeUInt8(2, 0x1f1);
    head.writeUInt32LE(16, 0x248);
    head.writeUInt32LE(payload.length + 4, 0x24c);
    return Buffer.concat([head, payload, Buffer.alloc(4), Buffer.from('what follows')]);
  };

  test('is unpacked from where the header says', () => {
    expect(extract(imageOf(gzipSync('\x7fELF and so on'))).toString()).toBe('\x7fELF and so on');
  });

  test('packed in an unknown way it is refused', () => {
    expect(() => extract(imageOf(Buffer.from('??????')))).toThrow('packed in an unknown way: 3f3f3f');
  });
});

test('words are quoted for a shell', () => expect(quote("it's $x")).toBe(`'it'\\''s $x'`));

import { describe, expect, test } from 'vitest';
import { externalFiles, inheritedStreams, parseDescriptors, type Stream, streamKey } from './descriptors.ts';

const stream = (parts: Partial<Stream>): Stream => ({
  target: '/var/log/x',
  mountId: () => 27,
  device: 0x801,
  inode: 0x20c00d,
  characterDevice: undefined,
  ...parts,
});

describe('the name of a stream', () => {
  test.each([
    ['a file of the host, by its mount and inode', stream({}), 'file[1b:20c00d]'],
    [
      'the null device needs none: the container has its own',
      stream({ target: '/dev/null', characterDevice: 0x103 }),
      '/dev/null',
    ],
    ['a pipe has one', stream({ target: 'pipe:[123]' }), 'pipe:[123]'],
    [
      'a terminal of the host, by its numbers',
      stream({ target: '/dev/pts/3', characterDevice: 0x8803 }),
      'tty[8803:801]',
    ],
    ['another device is like a file', stream({ target: '/dev/zero', characterDevice: 0x105 }), 'file[1b:20c00d]'],
  ])('%s', (_, given, name) => {
    expect(streamKey(given)).toBe(name);
  });
});

const keys = ['/dev/null', 'file[1b:1]', 'file[1b:1]'];

test('a dump is told of files and terminals, each once', () => {
  expect(externalFiles([...keys, 'tty[8803:18]', 'pipe:[1]'])).toEqual(['file[1b:1]', 'tty[8803:18]']);
});

test('a restore gives each its own stream; what was shared stays shared', () => {
  expect(inheritedStreams(keys)).toEqual([{ key: 'file[1b:1]', fd: 1 }]);
  expect(inheritedStreams(['pipe:[1]', 'pipe:[2]', ''])).toEqual([
    { key: 'pipe:[1]', fd: 0 },
    { key: 'pipe:[2]', fd: 1 },
  ]);
});

test('a terminal is given once', () => {
  expect(inheritedStreams(['tty[8803:18]', 'pipe:[2]', 'tty[8803:18]'])).toEqual([
    { key: 'tty[8803:18]', fd: 0 },
    { key: 'pipe:[2]', fd: 1 },
  ]);
});

test('the list of another program is read, anything else is refused', () => {
  expect(parseDescriptors('["/dev/null","pipe:[5]","pipe:[5]"]')).toEqual(['/dev/null', 'pipe:[5]', 'pipe:[5]']);
  expect(() => parseDescriptors('{"a":1}')).toThrow('no list');
  expect(() => parseDescriptors('[1]')).toThrow('no list');
});

test('an entry more than there are streams is refused: criu would hand out a descriptor of its own', () => {
  expect(() => parseDescriptors('["a","b","c","pipe:[5]"]')).toThrow('4 entries, and there are 3 streams');
});

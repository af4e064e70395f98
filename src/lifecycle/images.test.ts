import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Images } from './images.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrunc-images-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const failure = (printed?: string): { readonly message: string; readonly hint: string | undefined } => {
  using images = new Images({ imagePath: directory, workPath: undefined }, { make: false });
  return images.failure('checkpoint c1', 'dump.log', { success: false, type: 1, cr_errno: 22 }, printed);
};
const why = '(00.1) Error (criu/x.c:12): tty: no peer\n';
const log = (): string => join(directory, 'dump.log');

test('a log of gigabytes hides nothing: the errors are at its end', () => {
  writeFileSync(log(), '');
  truncateSync(log(), 5 * 2 ** 30);
  appendFileSync(log(), `\n${why}`);
  expect(failure()).toMatchObject({
    message: 'Cannot checkpoint c1: criu failed: errno 22\n  tty: no peer',
    hint: `The whole log is ${log()}.`,
  });
});

test('a line that the cut goes through is not read', () => {
  const cut = '(00.0) Error (criu/y.c:1): half\n';
  writeFileSync(log(), `x${cut}${'y'.repeat((1 << 20) - cut.length - why.length - 1)}\n${why}`);
  expect(failure().message).toBe('Cannot checkpoint c1: criu failed: errno 22\n  tty: no peer');
});

test('a log that cannot be read leaves what is known, and where it is', () => {
  mkdirSync(log());
  expect(failure(why)).toMatchObject({
    message: 'Cannot checkpoint c1: criu failed: errno 22\n  tty: no peer',
    hint: `The whole log is ${log()} (which cannot be read: EISDIR).`,
  });
});

test('without a log, what criu printed counts', () => {
  expect(failure(why)).toMatchObject({
    message: expect.stringContaining('tty: no peer'),
    hint: expect.stringMatching(/^It wrote no .*dump\.log: a log-file/),
  });
});

test('a log that criu’s own configuration sends elsewhere is read there, whatever lies in its usual place', () => {
  const elsewhere = join(directory, 'elsewhere.log');
  writeFileSync(log(), why);
  writeFileSync(elsewhere, '(00.1) Error (criu/x.c:12): another reason\n');
  using images = new Images({ imagePath: directory, workPath: undefined }, { make: false, log: elsewhere });
  expect(images.failure('checkpoint c1', 'dump.log', undefined)).toMatchObject({
    message: 'Cannot checkpoint c1: criu died\n  another reason',
    hint: `The whole log is ${elsewhere}.`,
  });
});

test('an empty log says nothing', () => {
  writeFileSync(log(), '');
  expect(failure(why).message).toBe('Cannot checkpoint c1: criu failed: errno 22');
});

test('a pipe or a link in its place is neither waited for nor followed', () => {
  execFileSync('mkfifo', [log()]);
  expect(failure(why).message).toBe('Cannot checkpoint c1: criu failed: errno 22');
  rmSync(log());
  symlinkSync('/etc/hostname', log());
  expect(failure(why).hint).toBe(`The whole log is ${log()} (which cannot be read: ELOOP).`);
});

test('a file of ours takes the place of whatever is there', () => {
  const other = join(directory, 'other');
  writeFileSync(other, 'untouched');
  using images = new Images({ imagePath: directory, workPath: undefined }, { make: false });
  for (const put of [
    () => symlinkSync(other, join(directory, 'list')),
    () => execFileSync('mkfifo', [join(directory, 'list')]),
  ]) {
    rmSync(join(directory, 'list'), { force: true });
    put();
    images.write('list', '[]');
    expect(images.read('list')).toBe('[]');
  }
  expect(readFileSync(other, 'utf8')).toBe('untouched');
  rmSync(join(directory, 'list'));
  symlinkSync(other, join(directory, 'list'));
  expect(() => images.read('list')).toThrow('ELOOP');
});

test('a checkpoint that is not there: which option names it', () => {
  const imagePath = join(directory, 'no');
  expect(() => new Images({ imagePath, workPath: undefined }, { make: false })).toThrow(
    expect.objectContaining({
      message: `Cannot open the directory "${imagePath}" of the checkpoint: ENOENT`,
      hint: expect.stringContaining('--image-path'),
    }),
  );
});

test('a former checkpoint without its inventory is none', () => {
  const inventory = join(directory, 'inventory.img');
  writeFileSync(inventory, '');
  using images = new Images({ imagePath: directory, workPath: undefined }, { make: true });
  images.invalidate();
  images.invalidate();
  expect(existsSync(inventory)).toBe(false);
});

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TsruncError } from '../errors.ts';
import { Store } from '../store/store.ts';
import { eachMatching } from './matching.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsrunc-matching-'));
  for (const id of ['a1', 'a2', 'b1']) mkdirSync(join(root, id));
});
afterEach(() => rmSync(root, { recursive: true }));

const stopped = new TsruncError('CONTAINER_WRONG_STATE', 'container not running', { hint: 'It has ended.' });

test('every id that matches, in their order', async () => {
  const seen: string[] = [];
  await eachMatching(new Store(root), '^a', async (id) => void seen.push(id));
  expect(seen).toEqual(['a1', 'a2']);
});

test('one that fails is named, and does not keep the others', async () => {
  const seen: string[] = [];
  const work = async (id: string): Promise<void> => {
    seen.push(id);
    if (id !== 'a2') throw stopped;
  };
  await expect(eachMatching(new Store(root), '^a', work)).rejects.toMatchObject({
    code: 'CONTAINER_WRONG_STATE',
    message: 'a1: container not running',
    hint: 'It has ended.',
  });
  await expect(eachMatching(new Store(root), '1', work)).rejects.toThrow(
    'a1: container not running; b1: container not running',
  );
  expect(seen).toEqual(['a1', 'a2', 'a1', 'b1']);
});

test('an id that is a part of the words is named all the same, and one that went meanwhile is no failure', async () => {
  mkdirSync(join(root, 'e'));
  await expect(eachMatching(new Store(root), '^e$', () => Promise.reject(stopped))).rejects.toThrow('e: container not');
  const gone = new TsruncError('CONTAINER_UNKNOWN', 'container does not exist');
  await eachMatching(new Store(root), '^a', () => Promise.reject(gone));
});

test('what is no expression says so in plain words', async () => {
  await expect(eachMatching(new Store(root), '[', async () => {})).rejects.toMatchObject({
    code: 'USAGE',
    message: '"[" is no regular expression',
    hint: expect.stringContaining("'^test-'"),
  });
});

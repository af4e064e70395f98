import { afterEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../log/logger.ts';
import { commands } from '../table.ts';
import { run } from './help.ts';

afterEach(() => vi.unstubAllGlobals());

async function page(command: string | undefined, columns?: number): Promise<string> {
  let text = '';
  vi.stubGlobal('process', { ...process, stdout: { columns } });
  const print = (more: string) => {
    text += more;
  };
  const global = { root: '/run/tsrunc', log: silentLogger } as Parameters<typeof run>[0]['global'];
  expect(await run({ args: { ...(command !== undefined && { command }) }, options: {}, global, print })).toBe(0);
  return text;
}

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

test.each([undefined, ...commands.map(({ name }) => name)])('the page of %s fits into 80 columns', async (name) => {
  const text = await page(name);
  expect(text).toContain(name ?? 'Life of a container');
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test('a page is as wide as the terminal, within reason', async () => {
  expect(widest(await page(undefined, 60))).toBeLessThanOrEqual(60);
  const wide = widest(await page(undefined, 500));
  expect([wide > 80, wide <= 110]).toEqual([true, true]);
});

test('an unknown command is an error with the nearest name', async () => {
  await expect(page('exek')).rejects.toThrow('did you mean exec?');
  await expect(page('constructor')).rejects.toThrow('unknown command "constructor"');
});

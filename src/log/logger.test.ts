import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatLine } from './line.ts';
import { type LogSettings, openLog } from './logger.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'tsrunc-log-'));
  file = join(folder, 'log');
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

async function write(settings: Partial<LogSettings>): Promise<{ stderr: string; log: string }> {
  let stderr = '';
  const log = await openLog({ file: undefined, format: 'text', level: undefined, ...settings }, (text) => {
    stderr += text;
  });
  log.debug('area', 'fine detail');
  log.warn('look out');
  log.error('broken', { code: 'SYSTEM' });
  log.close();
  return { stderr, log: settings.file === undefined ? '' : fs.readFileSync(settings.file, 'utf8') };
}

describe('lines', () => {
  const record = { level: 'error', msg: 'a "b"\nc', time: new Date('2026-11-21T12:00:00.123Z') } as const;
  test('json', () => {
    expect(formatLine('json', record)).toBe('{"level":"error","msg":"a \\"b\\"\\nc","time":"2026-11-21T12:00:00Z"}\n');
  });
  test('text', () => {
    expect(formatLine('text', { ...record, details: { code: 'SYSTEM' } })).toBe(
      'time="2026-11-21T12:00:00Z" level=error msg="a \\"b\\"\\nc" code=SYSTEM\n',
    );
  });
});

test('without a file: warnings on stderr, the error is left to main', async () => {
  expect(await write({})).toEqual({ stderr: 'tsrunc: warning: look out\n', log: '' });
  expect((await write({ level: 'error' })).stderr).toBe('');
  expect((await write({ level: 'debug' })).stderr).toBe(
    'tsrunc: debug: tsrunc:area fine detail\ntsrunc: warning: look out\n',
  );
});

test('with a file: exactly one line, the error, and nothing on stderr', async () => {
  const { stderr, log } = await write({ file, format: 'json' });
  expect(stderr).toBe('');
  expect(JSON.parse(log)).toMatchObject({ level: 'error', msg: 'broken', code: 'SYSTEM' });
  expect(Object.keys(JSON.parse(log)).slice(0, 3)).toEqual(['level', 'msg', 'time']);
});

test('with a file and a level: more lines, appended, the error last', async () => {
  fs.writeFileSync(file, 'before\n');
  const { stderr, log } = await write({ file, level: 'debug' });
  expect(stderr).toBe('');
  expect(log.split('\n').map((line) => line.replace(/^time="[^"]*" /, ''))).toEqual([
    'before',
    'level=debug msg="tsrunc:area fine detail"',
    'level=warning msg="look out"',
    'level=error msg=broken code=SYSTEM',
    '',
  ]);
});

test('a file that cannot be opened is an error with its cause', async () => {
  await expect(openLog({ file: join(folder, 'no/log'), format: 'text', level: undefined }, () => {})).rejects.toThrow(
    /cannot open the log file/,
  );
});

test('what must not be missed is in the file whatever other warnings do, unless a level was chosen', async () => {
  for (const [level, expected] of [
    [undefined, 1],
    ['error', 0],
    ['warning', 1],
  ] as const) {
    fs.writeFileSync(file, '');
    const log = await openLog({ file, format: 'text', level }, () => {});
    log.warn('look out', 'essential');
    log.close();
    expect([level, fs.readFileSync(file, 'utf8').split('look out').length - 1]).toEqual([level, expected]);
  }
});

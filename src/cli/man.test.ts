import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { manual, paragraph } from './man.ts';
import { commands, globalOptions } from './table.ts';

const pages = manual({ version: '1.2.3', date: '2026-11-21' });
const page = (name: string): string => pages.get(name) ?? '';
/** As it is read, without fonts and escapes. */
const plain = (roff: string): string =>
  roff
    .replaceAll(/\\f[BIR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\(ti', '~')
    .replaceAll('\\(ha', '^')
    .replaceAll('\\&', '')
    .replaceAll('\\e', '\\');

describe('the manual', () => {
  test('has a page for tsrunc and one for each command', () => {
    expect([...pages.keys()]).toEqual(['tsrunc.8', ...commands.map(({ name }) => `tsrunc-${name}.8`)]);
  });

  test('names every command and every global option on the first', () => {
    const text = plain(page('tsrunc.8'));
    expect(text).toContain('.TH "TSRUNC" 8 "2026-11-21" "tsrunc 1.2.3"');
    for (const { name, about } of commands) expect(text).toContain(`tsrunc-${name}(8)\n${about}.`);
    for (const { long } of globalOptions) expect(text).toMatch(new RegExp(`^(-., )?--${long}\\b`, 'm'));
  });

  test.each(commands.map((row) => [row.name, row] as const))('tsrunc-%s(8) has its arguments and options', (_, row) => {
    const text = plain(page(`tsrunc-${row.name}.8`));
    for (const { name } of row.positionals) expect(text).toMatch(new RegExp(`^[<[]${name}[>\\]]$`, 'm'));
    for (const option of row.options) {
      const term = new RegExp(`^(-., )?--${option.long}( .*)?$`, 'm');
      if ('hidden' in option) expect(text).not.toMatch(term);
      else expect(text).toMatch(term);
    }
    for (const [command] of row.examples) expect(text).toContain(`.TP\n${command}\n`);
  });

  test('says 255 where a failure ends with that', () => {
    expect(page('tsrunc-exec.8')).toContain('.TP\n255\n');
    expect(page('tsrunc-kill.8')).toContain('.TP\n1\n');
  });
});

describe('a paragraph', () => {
  test('has a line for each sentence, and no long ones', () => {
    const long = 'word '.repeat(30).trim();
    expect(paragraph('One. Two: three.')).toEqual(['One.', 'Two: three.']);
    expect(paragraph(long).map((line) => line.length)).toEqual([79, 69]);
  });

  test('is text, whatever is in it', () => {
    expect(paragraph('.SH is \\fBno\\fR request')).toEqual(['\\&.SH is \\efBno\\efR request']);
    expect(paragraph("'tis --x ~/y `z` ^")).toEqual(['\\(aqtis \\-\\-x \\(ti/y \\(gaz\\(ga \\(ha']);
  });
});

const formatters = [
  ['mandoc', ['-T', 'lint', '-W', 'style']],
  ['groff', ['-man', '-ww', '-z', '-Tutf8']],
] as const;

describe.each(formatters)('%s has nothing to complain of', (program, options) => {
  test.skipIf(!existsSync(`/usr/bin/${program}`)).each([...pages.keys()])('%s', (name) => {
    const run = () => execFileSync('sh', ['-c', '"$@" 2>&1 || :', 'sh', program, ...options], { input: page(name) });
    // It looks for the pages that are referred to among those that are installed.
    const complaints = run()
      .toString()
      .split('\n')
      .filter((line) => !/referenced manual not found/.test(line));
    expect(complaints.join('\n').trim()).toBe('');
  });
});

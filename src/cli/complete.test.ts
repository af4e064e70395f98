import { describe, expect, test } from 'vitest';
import { type Completion, complete } from './complete.ts';
import { commands, globalOptions, type OptionRow } from './table.ts';

const words = ({ offer }: Completion): string[] => (offer.kind === 'words' ? offer.words.map(({ word }) => word) : []);
const shown = (rows: readonly OptionRow[]): string[] =>
  rows.filter(({ hidden }) => hidden !== true).map(({ long }) => `--${long}`);

describe('a command line', () => {
  test('begins with a command, or with a global option', () => {
    expect(words(complete(['']))).toEqual(commands.map(({ name }) => name));
    expect(words(complete([]))).toEqual(commands.map(({ name }) => name));
    expect(words(complete(['-']))).toEqual(shown(globalOptions));
    expect(words(complete(['--debug', '--']))).toEqual(shown(globalOptions));
    expect(words(complete(['--root', '/x', 's']))).toEqual(commands.map(({ name }) => name));
  });

  test.each(commands.map((row) => [row.name, row.options] as const))('%s has its options', (name, options) => {
    expect(words(complete([name, '-']))).toEqual(shown(options));
  });

  test('tells what each word means', () => {
    const { offer } = complete(['--log-f']);
    expect(offer).toMatchObject({
      words: expect.arrayContaining([
        { word: '--log-format', about: 'format of the lines in FILE: text, json (default: text)' },
      ]),
    });
  });

  test('with a command that there is not has no more to offer', () => {
    expect([complete(['nosuch', '']), complete(['nosuch', '-'])].map(words)).toEqual([[], []]);
  });
});

describe('an argument', () => {
  test('is a container that the command can be used on', () => {
    expect(complete(['start', '']).offer).toEqual({ kind: 'containers', statuses: ['created'] });
    expect(complete(['resume', '']).offer).toEqual({ kind: 'containers', statuses: ['paused'] });
    expect(complete(['exec', '--tty', 'w']).offer).toMatchObject({ kind: 'containers' });
    expect(complete(['update', '--memory', '5M', 'w']).offer).toMatchObject({ kind: 'containers' });
    expect(words(complete(['start', 'web', '']))).toEqual([]);
  });

  test('is new with create and run', () => {
    for (const verb of ['create', 'run']) expect(complete([verb, '']).offer).toEqual({ kind: 'words', words: [] });
  });

  test('is a signal, a command, a bundle, a shell', () => {
    expect(words(complete(['kill', 'web', '']))).toContain('TERM');
    expect(words(complete(['help', '']))).toContain('exec');
    expect(complete(['plan', '']).offer).toEqual({ kind: 'directories' });
    expect(complete(['validate', '']).offer).toEqual({ kind: 'files' });
    expect(words(complete(['completion', '']))).toEqual(['bash', 'zsh', 'fish']);
  });

  test('that is passed on is none of ours', () => {
    expect(words(complete(['exec', 'web', 'ls', '--']))).toEqual([]);
    expect(words(complete(['exec', 'web', '-']))).toEqual([]);
    expect(words(complete(['ps', 'web', '-']))).toEqual([]);
  });

  test('after -- is no option', () => {
    expect(complete(['start', '--', '-']).offer).toMatchObject({ kind: 'containers' });
  });
});

describe('the value of an option', () => {
  test.each([
    [['--root', '']],
    [['-root', '/x/']],
    [['create', '--bundle', '']],
    [['create', '-b', '']],
    [['run', '--detach', '--bundle', '']],
  ])('%j is a directory', (line) => {
    expect(complete(line).offer).toEqual({ kind: 'directories' });
  });

  test('is a file, one of its choices, a capability, or free', () => {
    expect(complete(['update', '-r', '']).offer).toEqual({ kind: 'files' });
    expect(complete(['create', '--console-socket', '']).offer).toEqual({ kind: 'files' });
    expect(words(complete(['list', '--format', '']))).toEqual(['table', 'json']);
    expect(words(complete(['exec', '--cap', 'CAP_S']))).toContain('CAP_SYS_ADMIN');
    expect(words(complete(['exec', '--no-new-privs=']))).toEqual(['true', 'false']);
    expect(words(complete(['exec', '--user', '']))).toEqual([]);
    // A folder of the container, which the shell cannot look into.
    expect(words(complete(['exec', '--cwd', '']))).toEqual([]);
  });

  test('may be joined by "="', () => {
    expect(complete(['--log=/tm'])).toMatchObject({ offer: { kind: 'files' }, prefix: '--log=', typed: '/tm' });
    expect(complete(['list', '--format=j'])).toMatchObject({ prefix: '--format=', typed: 'j' });
    expect(words(complete(['list', '--nosuch=']))).toEqual([]);
  });

  test('of --root says where to look for containers', () => {
    for (const line of [
      ['--root', '/x', 'start', ''],
      ['--root=/x', 'start', ''],
    ]) {
      expect(complete(line).root).toBe('/x');
    }
    expect(complete(['start', '']).root).toBeUndefined();
  });
});

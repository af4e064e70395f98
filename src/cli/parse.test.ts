import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TsruncError } from '../errors.ts';
import { explained } from './mistakes.ts';
import { type Parsed, parse } from './parse.ts';
import { type CommandRow, commands, globalOptions, type OptionRow } from './table.ts';

const rows: readonly CommandRow[] = commands;

const words = (line: string): string[] => (line === '' ? [] : line.split(' '));

function understood(parsed: Parsed) {
  if ('mistake' in parsed) throw explained(parsed.mistake);
  return parsed.invocation;
}

function mistakeOf(parsed: Parsed): TsruncError {
  if ('mistake' in parsed) return explained(parsed.mistake);
  throw new Error('was understood');
}

const given = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== false));

describe('what callers send', () => {
  const preserve = { 'preserve-fds': 0 };
  test.each([
    [
      'create --bundle B --pid-file P ID',
      'create',
      { bundle: 'B', 'pid-file': 'P', ...preserve },
      { 'container-id': 'ID' },
    ],
    [
      'create --bundle=B --console-socket S ID',
      'create',
      { bundle: 'B', 'console-socket': 'S', ...preserve },
      { 'container-id': 'ID' },
    ],
    [
      'create -bundle B -no-pivot ID',
      'create',
      { bundle: 'B', 'no-pivot': true, ...preserve },
      { 'container-id': 'ID' },
    ],
    ['create ID -b B', 'create', { bundle: 'B', ...preserve }, { 'container-id': 'ID' }],
    ['create -b A -b B ID', 'create', { bundle: 'B', ...preserve }, { 'container-id': 'ID' }],
    ['create --bundle= ID', 'create', { ...preserve }, { 'container-id': 'ID' }],
    ['create --bundle=a=b ID', 'create', { bundle: 'a=b', ...preserve }, { 'container-id': 'ID' }],
    ['create --bundle --odd ID', 'create', { bundle: '--odd', ...preserve }, { 'container-id': 'ID' }],
    ['create --preserve-fds 3 -- -id', 'create', { 'preserve-fds': 3 }, { 'container-id': '-id' }],
    [
      'run -d --keep=false -no-subreaper ID',
      'run',
      { detach: true, 'no-subreaper': true, ...preserve },
      { 'container-id': 'ID' },
    ],
    ['run -d=true --keep=1 ID', 'run', { detach: true, keep: true, ...preserve }, { 'container-id': 'ID' }],
    [
      'exec --process F --detach --pid-file P ID',
      'exec',
      { process: 'F', detach: true, 'pid-file': 'P', env: [], cap: [], cgroup: [], 'additional-gids': [], ...preserve },
      { 'container-id': 'ID', command: [] },
    ],
    [
      'exec -e A=1 --env B=2 -e= -t=false --no-new-privs=0 ID ls -l --cwd -- x',
      'exec',
      { env: ['A=1', 'B=2'], cap: [], cgroup: [], 'additional-gids': [], ...preserve },
      { 'container-id': 'ID', command: ['ls', '-l', '--cwd', '--', 'x'] },
    ],
    [
      'exec -- ID -- -x',
      'exec',
      { env: [], cap: [], cgroup: [], 'additional-gids': [], ...preserve },
      { 'container-id': 'ID', command: ['-x'] },
    ],
    ['kill ID 15', 'kill', {}, { 'container-id': 'ID', signal: '15' }],
    ['kill --all ID 9', 'kill', { all: true }, { 'container-id': 'ID', signal: '9' }],
    ['delete --force ID', 'delete', { force: true }, { 'container-id': 'ID' }],
    ['state ID', 'state', {}, { 'container-id': 'ID' }],
    ['list -q -f json', 'list', { quiet: true, format: 'json' }, {}],
    ['spec --rootless', 'spec', { rootless: true, config: 'config.json' }, {}],
    ['plan --json B', 'plan', { json: true }, { bundle: 'B' }],
    ['', 'help', {}, {}],
    ['--help', 'help', {}, {}],
    ['-h', 'help', {}, {}],
    ['help run', 'help', {}, { command: 'run' }],
    ['run --help', 'help', {}, { command: 'run' }],
    ['run -b B -h --nonsense', 'help', {}, { command: 'run' }],
    ['--version', 'version', {}, {}],
    ['-v', 'version', {}, {}],
    ['version', 'version', {}, {}],
  ])('%s', (line, verb, options, args) => {
    const invocation = understood(parse(words(line)));
    expect(invocation.verb).toBe(verb);
    expect(given(invocation.options)).toEqual(options);
    expect(given(invocation.args)).toEqual(args);
  });

  test('global options stand before the verb', () => {
    const parsed = parse(words('--root /r --log L --log-format=json -debug --systemd-cgroup --rootless auto start ID'));
    expect(understood(parsed).verb).toBe('start');
    expect(parsed.globals).toMatchObject({
      root: '/r',
      log: 'L',
      'log-format': 'json',
      debug: true,
      'systemd-cgroup': true,
      rootless: 'auto',
    });
  });

  test('a toggle has three answers', () => {
    const toggle = (line: string) => Reflect.get(understood(parse(words(line))).options, 'no-new-privs');
    expect(['exec ID', 'exec --no-new-privs ID', 'exec --no-new-privs=false ID'].map(toggle)).toEqual([
      undefined,
      true,
      false,
    ]);
  });

  test('an empty word is an argument', () => {
    expect(understood(parse(['state', ''])).args).toEqual({ 'container-id': '' });
  });
});

describe('mistakes', () => {
  test.each([
    ['creat ID', 'unknown command "creat": did you mean create?'],
    ['frobnicate', 'unknown command "frobnicate"'],
    ['create --bundel B ID', 'unknown option --bundel of create: did you mean --bundle?'],
    ['create -x ID', 'unknown option -x of create'],
    ['--rot /r list', 'unknown option --rot: did you mean --root?'],
    ['list --root /r', 'option --root belongs before the command: tsrunc --root ... list ...'],
    ['create --bundle', 'option --bundle needs a value: --bundle DIR'],
    ['create ID --preserve-fds=-1', 'option --preserve-fds takes a whole number from 0, not "-1"'],
    ['create ID --preserve-fds 0x3', 'option --preserve-fds takes a whole number from 0, not "0x3"'],
    ['list --format jsn', 'option --format takes table or json, not "jsn": did you mean json?'],
    ['run --detach=yes ID', 'option --detach is a flag: it takes =true or =false, not "yes"'],
    ['create', 'create needs a <container-id>'],
    ['update --memory web', 'update needs a <container-id>: "web" was taken as the value of --memory'],
    ['delete --force', 'delete needs a <container-id>'],
    ['rm web', 'unknown command "rm": did you mean delete?'],
    ['stop web', 'unknown command "stop": did you mean kill?'],
    ['ls', 'unknown command "ls": did you mean list?'],
    ['inspect web', 'unknown command "inspect": did you mean state?'],
    ['rename web', 'unknown command "rename"'],
    ['state A B', 'state does not take the argument "B"'],
    ['kill A 9 9', 'kill does not take the argument "9"'],
  ])('%s', (line, message) => {
    const mistake = mistakeOf(parse(words(line)));
    expect(mistake.code).toBe('USAGE');
    expect(mistake.message).toBe(message);
    expect(mistake.hint).toMatch(/^"tsrunc help/);
  });

  test.each([
    ['kill -9 web', 'The signal follows the container: tsrunc kill web 9'],
    ['kill web -SIGTERM', 'The signal follows the container: tsrunc kill web SIGTERM'],
    ['kill -9', 'The signal follows the container: tsrunc kill ID 9'],
    [
      'run -it web sh',
      'Short options cannot be joined. Terminal and program are in config.json: process.terminal, process.args.',
    ],
    ['run -t web', 'Terminal and program are in config.json: process.terminal, process.args.'],
    [
      'exec -it web sh',
      'Short options cannot be joined. --tty gives a terminal, and standard input is always passed on.',
    ],
    ['exec -dt web sh', 'Short options cannot be joined: -d -t'],
  ])('%s: what is done instead', (line, hint) => {
    const mistake = mistakeOf(parse(words(line)));
    expect(mistake.message).toMatch(/^unknown option -/);
    expect(mistake.hint).toBe(hint);
  });

  test('keep the global options that say where to report them', () => {
    const parsed = parse(words('--log L --log-format json create --bundel B'));
    expect(mistakeOf(parsed).code).toBe('USAGE');
    expect(parsed.globals).toMatchObject({ log: 'L', 'log-format': 'json' });
  });

  test('nothing is ever thrown, whatever the words', () => {
    const names = [...globalOptions, ...rows.flatMap(({ options }): readonly OptionRow[] => options)].map(
      ({ long }) => `--${long}`,
    );
    const word = fc.oneof(
      fc.constantFrom(...commands.map(({ name }) => name), ...names, '--', '-', '-b', '='),
      fc.string(),
      fc.tuple(fc.constantFrom(...names), fc.string()).map(([name, value]) => `${name}=${value}`),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
        const parsed = parse(argv);
        if ('mistake' in parsed) expect(explained(parsed.mistake)).toBeInstanceOf(TsruncError);
        else expect(commands.map(({ name }) => name)).toContain(parsed.invocation.verb);
      }),
    );
  });
});

test('no option of a command has two meanings', () => {
  for (const { options } of rows) {
    const names = options.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('h');
  }
});

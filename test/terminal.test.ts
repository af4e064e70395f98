/** process.terminal and consoleSize: by --console-socket as engines do, and by hand in the foreground. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Box, expect, type Patch, test } from './support/box.ts';
import { hasCommand, runtime } from './support/host.ts';
import { useReceiver } from './support/receive.ts';

const listen = useReceiver();

const terminal =
  (script: string, patch?: Patch): Patch =>
  (config) => {
    config.process.terminal = true;
    config.process.args = ['sh', '-c', script];
    return patch?.(config);
  };

const detached = async (box: Box, patch: Patch, input?: string): Promise<string> => {
  const bundle = await box.bundle(patch);
  const socket = join(box.path, 'console.sock');
  const { output } = await listen(socket, input);
  await box.ok('run', '--detach', '--console-socket', socket, '-b', bundle.path, box.id());
  return await output;
};

describe('--console-socket', () => {
  // Covers /process/terminal
  test('receives the terminal, which is the program’s stdio and controlling terminal', async ({ box }) => {
    const output = await detached(
      box,
      terminal('tty; test -t 0 && test -t 1 && test -t 2 && echo all; echo through > /dev/tty'),
    );
    expect(output).toBe('/dev/pts/0\nall\nthrough\n');
  });

  test('input goes the other way', async ({ box }) => {
    const output = await detached(box, terminal('stty -echo; echo ready; read line; echo "got $line"'), 'hello\n');
    expect(output).toContain('got hello');
  });

  test('/dev/console is the same terminal', async ({ box }) => {
    const output = await detached(
      box,
      terminal('echo hi > /dev/console; stat -c %t:%T /dev/console /dev/pts/0 | uniq | wc -l'),
    );
    expect(output).toBe('hi\n1\n');
  });

  // Covers /process/consoleSize
  test('consoleSize is the window size', async ({ box }) => {
    const patch = terminal('stty size', (config) => {
      config.process.consoleSize = { width: 111, height: 44 };
    });
    expect(await detached(box, patch)).toBe('44 111\n');
  });

  test('the terminal belongs to the user of the process', async ({ box }) => {
    const patch = terminal('stat -c %u:%a /dev/pts/0', (config) => {
      config.process.user = { uid: 1234, gid: 1234 };
    });
    expect(await detached(box, patch)).toBe('1234:620\n');
  });

  test('that nobody listens on is an error with its path', async ({ box }) => {
    const bundle = await box.bundle(terminal('true'));
    const socket = join(box.path, 'nobody.sock');
    const { code, stderr } = await box.tsrunc('create', '--console-socket', socket, '-b', bundle.path, box.id());
    expect(code).toBe(1);
    expect(stderr).toContain(socket);
  });

  test('is needed for a terminal that outlives the runtime, and only then', async ({ box }) => {
    const bundle = await box.bundle(terminal('true'));
    const without = await box.tsrunc('create', '-b', bundle.path, box.id());
    expect(without.code).toBe(1);
    expect(without.stderr).toContain('cannot allocate tty if runc will detach without setting console socket');
    const plain = await box.bundle();
    const useless = await box.tsrunc('create', '--console-socket', '/x', '-b', plain.path, box.id());
    expect(useless.code).toBe(1);
    expect(useless.stderr).toContain('cannot use console socket if runc will not detach or allocate tty');
  });
});

describe.skipIf(!hasCommand('script'))('a terminal in the foreground (util-linux script is our terminal)', () => {
  /** Run inside a fresh terminal of 30 x 90; returns what it shows. */
  const inTerminal = (box: Box, command: string): string =>
    // `script` tells the end of its own input by a NUL, which comes back as "^@" when it meets a terminal that echoes.
    execFileSync('script', ['-qec', `stty rows 30 cols 90; ${command}`, '/dev/null'], {
      encoding: 'utf8',
      input: '',
      env: { ...process.env, SHELL: '/bin/sh' },
      cwd: box.path,
    })
      .replaceAll('\r', '')
      .replaceAll('^@', '');

  test('has our window size, and passes output and status', async ({ box }) => {
    const bundle = await box.bundle(terminal('stty size; tty; exit 5'));
    const output = inTerminal(box, `${runtime} --root ${box.root} run -b ${bundle.path} ${box.id()}; echo "status $?"`);
    expect(output).toContain('30 90\n/dev/pts/0\nstatus 5');
  });

  test('restores our terminal, also when the container cannot be made or fails', async ({ box }) => {
    const good = await box.bundle(terminal('true'));
    const bad = await box.bundle(
      terminal('true', (config) => {
        config.process.args = ['nosuch'];
      }),
    );
    const ended = await box.bundle(terminal('exit 9'));
    for (const bundle of [good, bad, ended]) {
      const run = `${runtime} --root ${box.root} run -b ${bundle.path} ${box.id()}`;
      expect(inTerminal(box, `stty -a > before; ${run}; stty -a > after; cmp before after && echo same`)).toContain(
        'same',
      );
    }
  });

  test('somebody who goes on writing does not keep us', async ({ box }) => {
    const id = await box.running();
    const writer = 'setsid sh -c "trap : HUP; while :; do while echo and on; do :; done > $t; done" > /dev/null 2>&1 &';
    const flood = `t=$(tty); ${writer.repeat(8)} sleep 0.3; exit 4`;
    const command = `timeout -s KILL 10 ${runtime} --root ${box.root} exec -t ${id} sh -c '${flood}'; echo "status $?"`;
    expect(inTerminal(box, `(${command}) | tail -c 20`)).toContain('status 4');
  });

  test('all output arrives, also a lot of it at the end', async ({ box }) => {
    const bundle = await box.bundle(terminal('seq 1 20000'));
    const output = inTerminal(box, `${runtime} --root ${box.root} run -b ${bundle.path} ${box.id()}`);
    expect(output.trim().split('\n')).toHaveLength(20_000);
  });
});

/**
 * Each verb on a container in each state where it must not, or need not, do anything: exit status, message, and that nothing
 * has changed and nothing is left behind. The same table holds for the installed runc, apart from what is ours alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { alive, type Box, type Bundle, eventually, exec, expect, type Outcome, test } from './support/box.ts';
import { withoutCriu } from './support/criu.ts';
import { hasCommand, isRoot, runtime } from './support/host.ts';

type State = 'absent' | 'creating' | 'created' | 'running' | 'paused' | 'stopped';

interface Row {
  /** With <id> and <bundle> for those. */
  readonly command: string;
  /** Exit status (1). */
  readonly code?: number;
  /** A part of what it says; undefined: nothing. */
  readonly says?: string;
  /** A part of what it prints. */
  readonly prints?: string;
  /** runc does otherwise. */
  readonly ours?: true;
}

const unknown = 'container does not exist';
const taken: readonly Row[] = [
  { command: 'create -b <bundle> <id>', says: 'container with given ID already exists' },
  { command: 'run -b <bundle> <id>', says: 'container with given ID already exists' },
  ...(withoutCriu === undefined
    ? [
        {
          command: 'restore -d -b <bundle> --image-path <bundle> <id>',
          says: 'container with given ID already exists',
        },
      ]
    : []),
];
const notRunning = 'container not running';

const table: Readonly<Record<State, readonly Row[]>> = {
  absent: [
    { command: 'state <id>', says: unknown },
    { command: 'start <id>', says: unknown },
    { command: 'kill <id> 0', says: unknown },
    { command: 'kill --all <id> KILL', says: unknown },
    { command: 'exec <id> true', code: 255, says: unknown },
    { command: 'pause <id>', says: unknown },
    { command: 'resume <id>', says: unknown },
    { command: 'ps <id>', says: unknown },
    { command: 'events <id>', says: unknown },
    { command: 'events --stats <id>', says: unknown },
    { command: 'update --pids-limit 9 <id>', says: unknown },
    { command: 'checkpoint <id>', says: unknown },
    { command: 'delete <id>', says: unknown },
    { command: 'delete --force <id>', code: 0 },
  ],
  // runc does not know of a container before it has been created.
  creating: [
    {
      command: 'exec <id> true',
      code: 255,
      says: 'cannot exec in a container that is still being created',
      ours: true,
    },
    { command: 'kill <id> 0', says: notRunning, ours: true },
    { command: 'kill --all <id> 0', code: 0, ours: true },
    { command: 'events --stats <id>', says: 'container with id <id> is not running', ours: true },
    { command: 'ps <id>', code: 0, prints: 'tsrunc-init', ours: true },
    { command: 'list', code: 0, prints: ' creating ', ours: true },
    ...taken,
  ],
  created: [
    { command: 'resume <id>', says: 'container not paused' },
    { command: 'checkpoint <id>', says: 'Container cannot be checkpointed in created state' },
    ...taken,
  ],
  running: [
    { command: 'start <id>', says: 'cannot start an already running container' },
    { command: 'resume <id>', says: 'container not paused' },
    { command: 'delete <id>', says: 'cannot delete container <id> that is not stopped: running' },
    ...taken,
  ],
  paused: [
    { command: 'start <id>', says: 'cannot start a container in the paused state' },
    { command: 'pause <id>', says: notRunning },
    {
      command: 'exec <id> true',
      code: 255,
      says: 'cannot exec in a paused container (use --ignore-paused to override)',
    },
    { command: 'delete <id>', says: 'cannot delete container <id> that is not stopped: paused' },
    { command: 'ps <id>', code: 0, prints: 'sleep 100' },
    // runc lets it go on.
    { command: 'kill --all <id> 0', code: 0, ours: true },
    { command: 'kill --all <id> CONT', code: 0, ours: true },
    ...taken,
  ],
  stopped: [
    { command: 'start <id>', says: 'cannot start a container that has stopped' },
    { command: 'kill <id>', says: notRunning },
    { command: 'kill <id> 0', says: notRunning },
    { command: 'kill --all <id> KILL', code: 0 },
    { command: 'exec <id> true', code: 255, says: 'cannot exec in a stopped container' },
    { command: 'exec --ignore-paused <id> true', code: 255, says: 'cannot exec in a stopped container' },
    { command: 'pause <id>', says: notRunning },
    { command: 'resume <id>', says: 'container not paused' },
    { command: 'ps --format json <id>', code: 0 },
    { command: 'events <id>', says: 'container with id <id> is not running' },
    { command: 'events --stats <id>', says: 'container with id <id> is not running' },
    { command: 'update --pids-limit 9 <id>', says: notRunning },
    { command: 'checkpoint <id>', says: 'Container cannot be checkpointed in stopped state' },
    ...taken,
  ],
};

const states = Object.keys(table) as State[];

/** A runtime with a root of its own, and one container in some state. */
class Bench {
  readonly #program: string;
  readonly #root: string;
  readonly #bundle: Bundle;
  readonly id: string;
  /** After the last row. */
  #traces: unknown;

  constructor(program: string, root: string, bundle: Bundle, id: string) {
    this.#program = program;
    this.#root = root;
    this.#bundle = bundle;
    this.id = id;
  }

  run(command: string): Promise<Outcome> {
    const words = command.split(' ').map((word) => this.#named(word));
    return exec(this.#program, ['--root', this.#root, ...words]);
  }

  #named(text: string): string {
    return text.replace('<id>', this.id).replace('<bundle>', this.#bundle.path);
  }

  async enter(state: State): Promise<void> {
    const steps: Readonly<Record<State, readonly string[]>> = {
      absent: [],
      creating: [],
      created: ['create -b <bundle> <id>'],
      running: ['run -d -b <bundle> <id>'],
      paused: ['run -d -b <bundle> <id>', 'pause <id>'],
      stopped: ['run -d -b <bundle> <id>', 'kill <id> KILL'],
    };
    for (const step of steps[state]) expect(await this.run(step)).toMatchObject({ code: 0 });
    if (state !== 'absent' && state !== 'creating') await this.reached(state);
  }

  reached(state: State): Promise<boolean> {
    return eventually(`it is ${state}`, async () => {
      const { stdout } = await this.run('state <id>');
      return stdout.includes(`"status": "${state}"`) || undefined;
    });
  }

  /** All that a verb could leave: state, files, mounts, cgroups, processes in them. */
  async traces(): Promise<unknown> {
    const files = existsSync(this.#root) ? readdirSync(this.#root, { recursive: true }).toSorted() : [];
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(this.id) || line.includes(this.#bundle.path));
    const cgroups = await exec('find', ['/sys/fs/cgroup', '-name', this.id]);
    const processes = cgroups.stdout
      .split('\n')
      .filter(Boolean)
      .map((path) => readFileSync(join(path, 'cgroup.procs'), 'utf8'));
    const left = readdirSync(this.#bundle.path).toSorted();
    return { state: (await this.run('state <id>')).stdout, files, mounts, cgroups: cgroups.stdout, processes, left };
  }

  async expectRow({ command, code = 1, says, prints = '' }: Row): Promise<void> {
    const before = this.#traces ?? (await this.traces());
    const outcome = await this.run(command);
    expect({ command, code: outcome.code, stderr: outcome.stderr }).toEqual({
      command,
      code,
      stderr: says === undefined ? '' : expect.stringContaining(this.#named(says)),
    });
    expect({ command, stdout: outcome.stdout }).toEqual({
      command,
      stdout: code === 0 ? expect.stringContaining(prints) : '',
    });
    this.#traces = await this.traces();
    expect({ command, traces: this.#traces }).toEqual({ command, traces: before });
  }

  async close(): Promise<void> {
    await this.run('delete --force <id>');
  }
}

const sleeping = (box: Box): Promise<Bundle> =>
  box.bundle((config) => {
    config.ociVersion = '1.0.2'; // what older releases of runc accept
    config.process.args = ['sleep', '100'];
    config.linux.cgroupsPath = `/${box.path.split('/').at(-1)}`;
  });

/** A container whose createRuntime hook waits for a file. */
class Creating implements AsyncDisposable {
  readonly bench: Bench;
  readonly #release: string;
  readonly #ended: Promise<(number | null)[]>;

  private constructor(box: Box, bundle: Bundle, id: string) {
    this.bench = new Bench(runtime, box.root, bundle, id);
    this.#release = join(box.path, 'go');
    const create = spawn(runtime, ['--root', box.root, 'create', '-b', bundle.path, id], { stdio: 'ignore' });
    this.#ended = once(create, 'exit');
  }

  static async begin(box: Box): Promise<Creating> {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      const wait = `touch ${box.path}/waiting; until [ -e ${box.path}/go ]; do sleep 0.05; done`;
      config.hooks = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', wait] }] };
    });
    const creating = new Creating(box, bundle, box.id());
    await eventually('its hook waits', () => existsSync(join(box.path, 'waiting')) || undefined);
    return creating;
  }

  /** @returns the exit status of create */
  async finish(): Promise<number | null | undefined> {
    writeFileSync(this.#release, '');
    const [code] = await this.#ended;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }
}

describe.skipIf(!isRoot)('a verb in the wrong state', () => {
  test.for(states.filter((state) => state !== 'creating'))('%s', async (state, { box }) => {
    const bench = new Bench(runtime, box.root, await sleeping(box), box.id());
    await bench.enter(state);
    for (const row of table[state]) await bench.expectRow(row);
  });

  test('creating', async ({ box }) => {
    await using creating = await Creating.begin(box);
    for (const row of table.creating) await creating.bench.expectRow(row);
  });

  test.for([
    ['start <id>', undefined, 'running'],
    ['pause <id>', undefined, 'paused'],
    ['resume <id>', 'container not paused', 'created'],
    ['update --pids-limit 9 <id>', undefined, 'created'],
    ['checkpoint <id>', 'Container cannot be checkpointed in created state', 'created'],
    ['delete <id>', undefined, 'absent'],
  ] as const)('%s waits until the container has been created', async ([command, says, state], { box }) => {
    await using creating = await Creating.begin(box);
    const { bench } = creating;
    let ended = false;
    const waiting = bench.run(command).finally(() => {
      ended = true;
    });
    await bench.expectRow({ command: 'kill <id> 0', says: notRunning });
    expect(ended).toBe(false);
    expect(await creating.finish()).toBe(0);
    const { code, stderr } = await waiting;
    expect([code, stderr]).toEqual(says === undefined ? [0, ''] : [1, expect.stringContaining(says)]);
    const { stdout } = await bench.run('state <id>');
    expect(/"status": "(.*)"/.exec(stdout)?.[1] ?? 'absent').toBe(state);
  });

  test.for(['kill --all <id> KILL', 'delete --force <id>'])(
    '%s ends what is being created: create fails and leaves nothing',
    async (command, { box }) => {
      await using creating = await Creating.begin(box);
      const { bench } = creating;
      const [pid] = JSON.parse((await bench.run('ps --format json <id>')).stdout);
      const ending = bench.run(command);
      await eventually('its process has ended', () => !alive(pid) || undefined);
      expect(await creating.finish()).toBe(1);
      expect(await ending).toMatchObject({ code: 0, stderr: '' });
      expect(await bench.traces()).toMatchObject({ state: '', files: [], mounts: [], cgroups: '' });
    },
  );

  test('kill --all KILL ends a paused container', async ({ box }) => {
    const bench = new Bench(runtime, box.root, await sleeping(box), box.id());
    await bench.enter('paused');
    expect(await bench.run('kill --all <id> KILL')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await bench.reached('stopped');
  });
});

describe.skipIf(!isRoot)('an id that cannot be one', () => {
  const commands = [
    ...new Set(table.absent.map(({ command }) => command)),
    'create -b <bundle> <id>',
    'run -b <bundle> <id>',
  ];
  test.for(['../x', 'a b', '..'])('"%s"', async (id, { box }) => {
    const bundle = await sleeping(box);
    for (const command of commands) {
      const words = command.split(' ').map((word) => word.replace('<bundle>', bundle.path).replace('<id>', id));
      const { code, stdout, stderr } = await box.tsrunc(...words);
      const expected = { command, code: command.startsWith('exec') ? 255 : 1, stdout: '' };
      expect({ command, code, stdout }).toEqual(expected);
      expect(stderr).toContain('invalid container ID format');
    }
    expect(existsSync(box.root) ? readdirSync(box.root) : []).toEqual([]);
  });
});

describe.skipIf(!isRoot || !hasCommand('runc'))('runc in the wrong state says the same', () => {
  test.for(states.filter((state) => state !== 'creating'))('%s', async (state, { box }) => {
    const bench = new Bench('runc', join(box.path, 'runc'), await sleeping(box), box.id());
    try {
      await bench.enter(state);
      for (const row of table[state].filter(({ ours }) => ours !== true)) await bench.expectRow(row);
    } finally {
      await bench.close();
    }
  });
});

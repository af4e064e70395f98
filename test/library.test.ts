/** The library as a program on Node.js has it: dist/ through the package's name, in a process of its own. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { test as base, type Config, expect, type Outcome } from './support/box.ts';
import { repository } from './support/host.ts';
import { Ordinary, rootless, uid, unavailable } from './support/ordinary.ts';
import { exec, patient } from './support/process.ts';

/** A folder where `import 'tsrunc'` works. */
class Consumer {
  readonly path: string;
  readonly #root: string;

  constructor(box: { readonly path: string; readonly root: string }) {
    this.path = join(box.path, 'consumer');
    this.#root = box.root;
    mkdirSync(join(this.path, 'node_modules'), { recursive: true });
    symlinkSync(repository, join(this.path, 'node_modules', 'tsrunc'));
  }

  write(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  /** Run a module in which the exports and `root`, `id`, `bundle` are at hand; its outcome. */
  run(body: string, values: { readonly id: string; readonly bundle: string }): Promise<Outcome> {
    const text = `import { Container, TsruncError } from 'tsrunc';
const [root, id, bundle] = process.argv.slice(2);
${body}`;
    return exec(process.execPath, [this.write('program.mjs', text), this.#root, values.id, values.bundle]);
  }

  /** As run(), for a program that prints JSON and nothing else. */
  async result(body: string, values: { readonly id: string; readonly bundle: string }): Promise<unknown> {
    const { code, stdout, stderr } = await this.run(body, values);
    if (code !== 0 || stderr !== '') throw new Error(`exit ${code}\n${stderr}${stdout}`);
    return JSON.parse(stdout);
  }
}

const test = base.extend<{ consumer: Consumer }>({
  consumer: async ({ box }, use) => use(new Consumer(box)),
});

const running =
  (...args: string[]) =>
  (config: Config): void => {
    config.process.args = args;
  };

describe('a container', () => {
  test('is created, started, killed, waited for and deleted', async ({ box, consumer }) => {
    const bundle = await box.bundle(running('sleep', '100'));
    const found = await consumer.result(
      `const container = await Container.create({ root, id, bundle });
       const seen = [container.state().status];
       await container.start();
       seen.push(container.state().status);
       await container.kill(15);
       await container.kill(9);
       const status = await container.wait();
       seen.push(container.state().status);
       await container.delete();
       console.log(JSON.stringify({ id: container.id, seen, status }));`,
      { id: box.id(), bundle: bundle.path },
    );
    expect(found).toEqual({
      id: expect.stringContaining('tsrunc-test'),
      seen: ['created', 'running', 'stopped'],
      status: { code: 9, signaled: true },
    });
  });

  test('has the exit status of its program', async ({ box, consumer }) => {
    const bundle = await box.bundle(running('sh', '-c', 'exit 7'));
    const body = `const container = await Container.create({ root, id, bundle });
      await container.start();
      const status = await container.wait();
      await container.delete();
      console.log(JSON.stringify(status));`;
    expect(await consumer.result(body, { id: box.id(), bundle: bundle.path })).toEqual({ code: 7, signaled: false });
  });

  test('is the one that the command line sees, both ways', async ({ box, consumer }) => {
    const bundle = await box.bundle(running('sleep', '100'));
    const values = { id: box.id(), bundle: bundle.path };
    await consumer.result(`await Container.create({ root, id, bundle }); console.log('{}');`, values);
    expect(await box.state(values.id)).toMatchObject({ status: 'created', bundle: bundle.path });
    await box.ok('start', values.id);
    const body = `const container = Container.open(id, { root });
      const { status } = container.state();
      await container.kill(9, { all: true });
      const ended = await container.wait();
      await container.delete();
      console.log(JSON.stringify({ status, ended: ended ?? null }));`;
    expect(await consumer.result(body, values)).toEqual({ status: 'running', ended: null });
    expect((await box.tsrunc('state', values.id)).code).toBe(1);
  });

  test('gets the descriptors that it is given as its standard streams', async ({ box, consumer }) => {
    const bundle = await box.bundle(running('sh', '-c', 'cat; echo to stderr >&2'));
    const body = `import { openSync, readFileSync, writeFileSync } from 'node:fs';
      const files = ['in', 'out', 'err'].map((name) => bundle + '/' + name);
      writeFileSync(files[0], 'from stdin\\n');
      const stdio = [openSync(files[0], 'r'), openSync(files[1], 'w'), openSync(files[2], 'w')];
      const container = await Container.create({ root, id, bundle, stdio });
      await container.start();
      await container.wait();
      await container.delete();
      console.log(JSON.stringify(files.slice(1).map((file) => readFileSync(file, 'utf8'))));`;
    const found = await consumer.result(body, { id: box.id(), bundle: bundle.path });
    expect(found).toEqual(['from stdin\n', 'to stderr\n']);
  });

  test('can be waited for by many, and deleted meanwhile', async ({ box, consumer }) => {
    const bundle = await box.bundle(running('sleep', '100'));
    const body = `const container = await Container.create({ root, id, bundle });
      await container.start();
      const waiting = [container.wait(), container.wait()];
      await container.delete({ force: true });
      console.log(JSON.stringify(await Promise.all([...waiting, container.wait()])));`;
    const end = { code: 9, signaled: true };
    expect(await consumer.result(body, { id: box.id(), bundle: bundle.path })).toEqual([end, end, end]);
  });

  test('that cannot be made leaves no descriptor', async ({ box, consumer }) => {
    const bundle = await box.bundle((config) => {
      config.mounts.push({ destination: '/x', type: 'tsrunc-no-such-type' });
    });
    const body = `import { readdirSync } from 'node:fs';
      const attempt = () => Container.create({ root, id, bundle }).then(() => 'made', ({ code }) => code);
      const codes = [await attempt()];
      const before = readdirSync('/proc/self/fd').length;
      for (let i = 0; i < 8; i += 1) codes.push(await attempt());
      console.log(JSON.stringify({ codes, more: readdirSync('/proc/self/fd').length - before }));`;
    const found = await consumer.result(body, { id: box.id(), bundle: bundle.path });
    const { codes, more } = found as { codes: string[]; more: number };
    expect(codes).toEqual(Array(9).fill('STEP_FAILED'));
    // The eventfd of what waits is made when somebody first has to.
    expect(more).toBeLessThanOrEqual(1);
  });

  test.for([
    ['[0, 1]', 'stdio has 3 descriptors, not 2'],
    ['[0, 1, 999]', 'stdio[2] is no open descriptor of this process: 999'],
    ['[undefined, 1, 2]', 'stdio[0] is no open descriptor of this process: undefined'],
    ['[0, 1.5, 2]', 'stdio[1] is no open descriptor of this process: 1.5'],
  ] as const)('has no standard streams %s', async ([stdio, message], { box, consumer }) => {
    const bundle = await box.bundle();
    const body = `const error = await Container.create({ root, id, bundle, stdio: ${stdio} }).catch((caught) => caught);
      console.log(JSON.stringify([error instanceof TsruncError, error.code, error.message]));`;
    const found = await consumer.result(body, { id: box.id(), bundle: bundle.path });
    expect(found).toEqual([true, 'USAGE', message]);
  });

  test('many at once, in one process that is the same afterwards', async ({ box, consumer }) => {
    // Each is waited for: what waits (a thread, an eventfd) is made with the first of them that has not ended by then.
    const bundle = await box.bundle(running('sh', '-c', 'sleep 0.3; exit 5'));
    const body = `import { readdirSync } from 'node:fs';
      const self = () => ({
        fds: readdirSync('/proc/self/fd').length,
        cwd: process.cwd(),
        umask: process.umask(),
        listeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
        exitCode: process.exitCode ?? null,
      });
      const one = async (name) => {
        const container = await Container.create({ root, id: name, bundle });
        await container.start();
        const { code } = await container.wait();
        await container.delete();
        return code;
      };
      await one(id);
      const before = self();
      const codes = await Promise.all([1, 2, 3, 4, 5].map((number) => one(id + '-' + number)));
      console.log(JSON.stringify({ codes, before, after: self() }));`;
    const { codes, before, after } = (await consumer.result(body, { id: box.id(), bundle: bundle.path })) as {
      codes: number[];
      before: unknown;
      after: unknown;
    };
    expect(codes).toEqual([5, 5, 5, 5, 5]);
    expect(after).toEqual(before);
  });
});

describe('an error', () => {
  const caught = `const error = await attempt().then(() => undefined, (caught) => caught);
    console.log(JSON.stringify({
      isOurs: error instanceof TsruncError, isError: error instanceof Error,
      code: error?.code, message: error?.message, place: error?.place, hint: error?.hint,
    }));`;

  test('names the place of a mistake', async ({ box, consumer }) => {
    const bundle = await box.bundle((config) => {
      config.process.cwd = 'relative';
    });
    const body = `const attempt = () => Container.create({ root, id, bundle });\n${caught}`;
    expect(await consumer.result(body, { id: box.id(), bundle: bundle.path })).toMatchObject({
      isOurs: true,
      isError: true,
      code: 'CONFIG_INVALID',
      place: { pointer: '/process/cwd', line: expect.any(Number) },
    });
  });

  test.for([
    ['Container.create({ root, id: "no/id", bundle })', 'CONTAINER_ID_INVALID'],
    ['Container.create({ root, id, bundle: "/nowhere" })', 'CONFIG_UNREADABLE'],
    ['Container.open(id, { root })', 'CONTAINER_UNKNOWN'],
    ['first.delete()', 'CONTAINER_WRONG_STATE'],
    ['first.start()', 'CONTAINER_WRONG_STATE'],
    ['Container.create({ root, id: id + "-first", bundle })', 'CONTAINER_EXISTS'],
  ] as const)('of %s is %s', async ([call, code], { box, consumer }) => {
    const bundle = await box.bundle(running('sleep', '100'));
    const body = `const first = await Container.create({ root, id: id + '-first', bundle });
      await first.start();
      const attempt = async () => ${call};
      ${caught}
      await first.delete({ force: true });`;
    const found = await consumer.result(body, { id: box.id(), bundle: bundle.path });
    expect(found).toMatchObject({ isOurs: true, code });
  });

  test('of a step leaves nothing behind', async ({ box, consumer }) => {
    const bundle = await box.bundle((config) => {
      config.mounts.push({ destination: '/mnt', type: 'no-such-type', source: 'none' });
    });
    const body = `const attempt = () => Container.create({ root, id, bundle });\n${caught}`;
    expect(await consumer.result(body, { id: box.id(), bundle: bundle.path })).toMatchObject({
      code: 'STEP_FAILED',
      place: { pointer: '/mounts/6', line: expect.any(Number) },
      hint: expect.stringContaining('/proc/filesystems'),
    });
    expect((await box.ok('list', '--quiet')).stdout).toBe('');
  });
});

describe.skipIf(unavailable)(`an ordinary user${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  test('makes containers in the own state directory, and hears what is not applied', async ({
    box,
    consumer,
    skip,
  }) => {
    const user = new Ordinary(box);
    if ((await user.exec(['test', '-r', join(repository, 'dist/index.js')])).code !== 0)
      skip('other users cannot read this checkout');
    const bundle = await user.bundle((config) => {
      rootless(config);
      config.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 17 } };
      config.process.args = ['sh', '-c', 'exit 3'];
    });
    const program = consumer.write(
      'ordinary.mjs',
      `import { Container } from 'tsrunc';
       const [id, bundle] = process.argv.slice(2);
       const warnings = [];
       const log = { warn: (message) => warnings.push(message), debug: () => {} };
       const container = await Container.create({ id, bundle, log });
       const { owner } = Container.open(id).state();
       const paused = await container.pause().then(() => undefined, (error) => error.code);
       await container.start();
       const { code } = await container.wait();
       await container.delete();
       console.log(JSON.stringify({ warnings, owner, paused, code }));`,
    );
    const { stdout, stderr } = await user.exec([process.execPath, program, user.id(), bundle.path]);
    const left = readdirSync(join(user.runtimeDirectory, 'tsrunc'));
    await user.close();
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      warnings: [
        expect.stringContaining('linux.resources.memory.limit, linux.resources.pids.limit; the cgroup is not'),
      ],
      owner: uid,
      paused: 'UNSUPPORTED',
      code: 3,
    });
    expect(left).toEqual([]);
  });
});

/** The first TypeScript block of the README's section about the library. */
const example = (): string =>
  /## As a library[\s\S]*?```ts\n([\s\S]*?)```/.exec(readFileSync(join(repository, 'README.md'), 'utf8'))?.[1] ?? '';

describe('the types', () => {
  const compile = (consumer: Consumer, file: string): Promise<Outcome> => {
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--noEmit'];
    const target = ['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023', '--types', 'node'];
    const types = ['--typeRoots', join(repository, 'node_modules', '@types')];
    return exec(
      process.execPath,
      [join(repository, 'node_modules/typescript/bin/tsc'), ...strict, ...target, ...types, file],
      {
        cwd: consumer.path,
        timeout: 60_000,
      },
    );
  };

  test('of dist/ suit a strict program', { timeout: patient(60_000) }, async ({ consumer }) => {
    const file = consumer.write(
      'program.mts',
      `import { Container, type ContainerOptions, type ContainerState, type ErrorCode, type ExitStatus, type Logger,
         type Spec, TsruncError } from 'tsrunc';
       const spec: Spec = { ociVersion: '1.3.0', linux: { namespaces: [{ type: 'pid' }] } };
       const options: ContainerOptions = { id: 'x', bundle: '/x' };
       const container: Container = await Container.create(options);
       const state: ContainerState = container.state();
       const ended: ExitStatus | undefined = await container.wait();
       const log: Logger | undefined = options.log;
       const code: ErrorCode = new TsruncError('USAGE', 'x').code;
       // @ts-expect-error: no such option
       await Container.create({ id: 'x', bundel: '/x' });
       // @ts-expect-error: the constructor is not for callers
       new Container();
       // @ts-expect-error: not a namespace
       spec.linux?.namespaces?.push({ type: 'disk' });
       console.log(state.pid, ended?.code, log, code);`,
    );
    expect(await compile(consumer, file)).toMatchObject({ code: 0, stdout: '' });
  });

  test("the README's example compiles, and runs", { timeout: patient(60_000) }, async ({ box, consumer }) => {
    expect(example()).toContain("from 'tsrunc'");
    expect(await compile(consumer, consumer.write('example.mts', example()))).toMatchObject({ code: 0, stdout: '' });
    const bundle = await box.bundle(running('echo', 'hello'));
    const program = example().replace("'/bundles/hello'", `'${bundle.path}'`).replace("'demo'", `'${box.id()}'`);
    const file = consumer.write('example.mjs', program);
    const env = { XDG_RUNTIME_DIR: box.path };
    const { code, stdout, stderr } = await exec(process.execPath, [file], { env });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'hello\nended with 0\n', stderr: '' });
  });
});

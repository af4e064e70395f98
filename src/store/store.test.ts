import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TsruncError } from '../errors.ts';
import { newRecord, parseRecord } from './record.ts';
import { type ContainerDir, STATE_FILES, Store } from './store.ts';

let base: string;
let store: Store;
const opened: ContainerDir[] = [];
const kept = (directory: ContainerDir): ContainerDir => {
  opened.push(directory);
  return directory;
};

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tsrunc-store-'));
  store = new Store(join(base, 'root'));
});
afterEach(() => {
  for (const directory of opened.splice(0)) directory.close();
  rmSync(base, { recursive: true });
});

const record = (id: string) =>
  newRecord({
    options: { id, bundle: '/b/', bundlePath: '/b', noNewKeyring: false },
    spec: {
      ociVersion: '1.2.0',
      root: { path: 'rootfs' },
      annotations: { a: 'b' },
      hooks: { poststop: [{ path: '/bin/true' }] },
      linux: { namespaces: [{ type: 'pid' }] },
    },
    cgroup: {
      driver: 'cgroupfs',
      layout: 'v1',
      places: [{ controllers: ['pids'], mountpoint: '/sys/fs/cgroup/pids', path: '/x' }],
      directories: ['/sys/fs/cgroup/pids/x'],
    },
    streams: ['/dev/null', 'pipe:[7]', 'file[1b:20c00d]'],
    rdt: { mountpoint: '/res', group: '/res/x', monitor: '', remove: ['/res/x'] },
  });

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    return error instanceof TsruncError ? error.code : String(error);
  }
  return undefined;
};

describe('Store', () => {
  test('reserve, open, list', async () => {
    expect(store.list()).toEqual([]);
    kept(await store.reserve('b'));
    kept(await store.reserve('a'));
    writeFileSync(join(store.root, 'file'), '');
    mkdirSync(join(store.root, 'no id'));
    expect(store.list()).toEqual(['a', 'b']);
    expect(statSync(join(store.root, 'a')).mode & 0o777).toBe(0o700);
    expect(kept(store.open('a')).id).toBe('a');
  });

  test('an id is taken once', async () => {
    kept(await store.reserve('a'));
    await expect(store.reserve('a')).rejects.toMatchObject({
      code: 'CONTAINER_EXISTS',
      message: 'container with given ID already exists',
    });
  });

  test('an unknown id, a file and a link are no containers', () => {
    mkdirSync(store.root, { recursive: true });
    writeFileSync(join(store.root, 'file'), '');
    expect(codeOf(() => store.open('a'))).toBe('CONTAINER_UNKNOWN');
    expect(codeOf(() => store.open('file'))).toBe('CONTAINER_UNKNOWN');
    expect(codeOf(() => store.open('../x'))).toBe('CONTAINER_ID_INVALID');
  });
});

describe('ContainerDir', () => {
  test('a record comes back as it was written', async () => {
    const directory = kept(await store.reserve('a'));
    const written = record('a');
    directory.write(written);
    expect(directory.read()).toEqual(written);
    expect(directory.read()).toMatchObject({
      rootfs: '/b/rootfs',
      bundle: '/b/',
      phase: 'creating',
      hooks: true,
      ownPidNamespace: true,
      cgroup: { layout: 'v1' },
    });
    expect(readdirSync(directory.path)).toEqual(['state.json']);
  });

  test.each([
    ['nothing', undefined, 'is missing'],
    ['half a file', '{"version":1,"id":"a"', 'Cannot read'],
    ['an empty file', '', 'Cannot read'],
    ['a list', '[]', 'not an object'],
    ['another version', '{"version":2}', 'version is 2'],
    ['another program', '{"id":"a","init_process_pid":7}', 'version is not'],
    ['another container', JSON.stringify(record('b')), 'belongs to container "b"'],
    ['a wrong type', JSON.stringify({ ...record('a'), pid: '7' }), 'pid is not an integer'],
    ['a negative pid', JSON.stringify({ ...record('a'), pid: -1 }), 'pid is not an integer'],
    ['a wrong annotation', JSON.stringify({ ...record('a'), annotations: { x: 1 } }), 'annotations.x is not a string'],
    [
      'a directory of somewhere else',
      JSON.stringify({ ...record('a'), cgroup: { ...record('a').cgroup, directories: ['/etc'] } }),
      'cgroup.directories holds "/etc"',
    ],
  ])('%s in state.json is unreadable, and can be removed', async (_, text, message) => {
    const directory = kept(await store.reserve('a'));
    if (text !== undefined) writeFileSync(join(directory.path, 'state.json'), text);
    expect(codeOf(() => directory.read())).toBe('STATE_UNREADABLE');
    expect(() => directory.read()).toThrow(message);
    directory.remove();
    expect(existsSync(directory.path)).toBe(false);
    directory.remove();
  });

  test.each([
    ['a FIFO', 'mkfifo state.json'],
    ['a link', 'echo "{}" > elsewhere; ln -s elsewhere state.json'],
    ['a directory', 'mkdir state.json'],
  ])('%s is no record, and is not waited for', async (_, make) => {
    const directory = kept(await store.reserve('a'));
    execFileSync('sh', ['-c', make], { cwd: directory.path });
    expect(() => directory.read()).toThrow("Cannot read the container's state file");
  });

  test('a write that fails leaves the old record', async () => {
    const directory = kept(await store.reserve('a'));
    directory.write(record('a'));
    mkdirSync(join(directory.path, 'state.json.new'));
    expect(() => directory.write({ ...record('a'), pid: 7 })).toThrow();
    expect(directory.read().pid).toBe(0);
  });

  test('the configuration is frozen', async () => {
    const directory = kept(await store.reserve('a'));
    expect(codeOf(() => directory.frozenConfig())).toBe('STATE_UNREADABLE');
    directory.freezeConfig(Buffer.from('{"x":1}'));
    expect(directory.frozenConfig()).toBe('{"x":1}');
    expect(readFileSync(join(directory.path, 'config.json'), 'utf8')).toBe('{"x":1}');
  });

  test('the record is the last file that remove takes away', () => expect(STATE_FILES.at(-1)).toBe('state.json'));

  test('remove takes what it does not know as well', async () => {
    const directory = kept(await store.reserve('a'));
    mkdirSync(join(directory.path, 'x', 'y'), { recursive: true });
    directory.remove();
    expect(store.list()).toEqual([]);
  });
});

describe('lock', () => {
  const free = { lock: async () => true };

  test('is released once', async () => {
    const directory = kept(await store.reserve('a'));
    const unlock = await directory.lock(free);
    unlock();
    unlock();
  });

  test('a container that was removed while we waited is unknown', async () => {
    const directory = kept(await store.reserve('a'));
    const remover = {
      lock: async () => {
        rmSync(directory.path, { recursive: true });
        return true;
      },
    };
    await expect(directory.lock(remover)).rejects.toMatchObject({ code: 'CONTAINER_UNKNOWN' });
  });

  test('so is one that was made anew under the same name', async () => {
    const directory = kept(await store.reserve('a'));
    const remaker = {
      lock: async () => {
        rmSync(directory.path, { recursive: true });
        mkdirSync(directory.path);
        return true;
      },
    };
    await expect(directory.lock(remaker)).rejects.toMatchObject({ code: 'CONTAINER_UNKNOWN' });
    rmSync(directory.path, { recursive: true });
    mkdirSync(directory.path);
    await expect(directory.lock(free)).rejects.toMatchObject({ code: 'CONTAINER_UNKNOWN' });
  });

  test('does not wait for ever', async () => {
    const directory = kept(await store.reserve('a'));
    await expect(directory.lock({ lock: async () => false })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });
});

test('parseRecord refuses what is not JSON', () => expect(() => parseRecord('x')).toThrow(SyntaxError));

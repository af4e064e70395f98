/** What is said before a container is touched: criu is missing, too old, broken, or lacks what is asked for. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCriu, searchPathOf } from '../src/criu/find.ts';
import { requestTypes } from '../src/criu/messages.ts';
import { probeHost } from '../src/host/probe.ts';
import { Criu } from '../src/lifecycle/criu.ts';
import { findWorkingCriu } from '../src/lifecycle/criu-preflight.ts';
import { loadNative } from '../src/native/load.ts';
import { planDump } from '../src/plan/criu.ts';
import { criuHas, criuVersion, withoutCriu } from './support/criu.ts';
import { isRoot } from './support/host.ts';

const native = loadNative();
const before = process.env.PATH;
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrunc-criu-test-'));
});
afterEach(() => {
  process.env.PATH = before;
  rmSync(directory, { recursive: true });
});

/** A program "criu" that comes first in PATH. */
function install(script: string): string {
  const path = join(directory, 'criu');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  process.env.PATH = `${directory}:${before}`;
  return path;
}

/** '' for one that is closed already. */
const targetOf = (fd: string): string => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
};

const look = (features: readonly ('mem_track' | 'lazy_pages')[] = []) =>
  findWorkingCriu({ native, host: probeHost(), verb: 'checkpoint', features });

describe('where criu is looked for', () => {
  test('in PATH and in the folders of administrators, never in the working directory', () => {
    expect(searchPathOf('/a::b:/a:.:/usr/sbin')).toBe('/a:/usr/sbin:/usr/local/sbin:/sbin');
  });

  test('a missing one is named, with the way to get it', () => {
    expect(() => findCriu(directory, 'restore')).toThrow(
      expect.objectContaining({
        code: 'HOST_UNSUITABLE',
        message: `Cannot restore: criu is not installed (looked for it in ${directory})`,
        hint: expect.stringContaining('Install it'),
      }),
    );
  });

  test('what cannot be executed is not it', () => {
    chmodSync(install('exit 0'), 0o644);
    expect(() => findCriu(directory, 'checkpoint')).toThrow('criu is not installed');
  });
});

describe.skipIf(!isRoot)('a criu that is no use', () => {
  test('one that fails at once: what it printed is quoted', async () => {
    const path = install('echo "(00.01) Error (criu/kerndat.c:1): kerndat: no such luck" >&2; exit 1');
    await expect(look()).rejects.toThrow(
      `Cannot checkpoint: ${path} does not work on this host: kerndat: no such luck`,
    );
  });

  test('one that says nothing at all', async () => {
    const path = install('exit 1');
    await expect(look()).rejects.toMatchObject({
      message: `Cannot checkpoint: ${path} does not work on this host`,
      hint: expect.stringContaining('criu check'),
    });
  });

  test('one that is too old: both versions are named', async () => {
    // criu_resp: type VERSION, success, version 3.4
    const path = install("printf '\\010\\012\\020\\001\\122\\004\\010\\003\\020\\004' >&3");
    await expect(look()).rejects.toThrow(`Cannot checkpoint: ${path} is version 3.4.0, and 3.15 is needed`);
  });

  test('one whose interpreter is missing', async () => {
    const path = join(directory, 'criu');
    install('');
    writeFileSync(path, '#!/nosuch/interpreter\n');
    await expect(look()).rejects.toThrow('no such file or directory');
  });

  test('nothing of it stays: no process, no file', async () => {
    install('exit 1');
    const files = () => readdirSync(tmpdir()).filter((name) => name.startsWith('tsrunc-criu-') && name !== directory);
    const before = files();
    await expect(look()).rejects.toThrow();
    expect(files()).toEqual(before);
    const open = readdirSync('/proc/self/fd');
    expect(open.map(targetOf).filter((target) => target.includes('tsrunc-criu-'))).toEqual([]);
    expect(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')).toBe('');
  });
});

describe.skipIf(withoutCriu !== undefined)(`criu itself (${withoutCriu ?? criuVersion()})`, () => {
  test('is found and asked for its version', async () => {
    const location = await look();
    expect(location.path).toMatch(/\/criu$/);
    const criu = Criu.spawn({ native, stdio: [0, 1, 2] });
    await criu.send({ ops: planDump({ ...location, fds: 1 }), fds: [] });
    await criu.begin();
    const { success, version } = (await criu.request({ type: requestTypes.version })) ?? {};
    await criu.end();
    const [major, minor] = criuVersion().split('.').map(Number);
    expect({ success, ...version }).toMatchObject({ success: true, major_number: major, minor_number: minor });
  });

  test('says whether the kernel tracks memory', async () => {
    const found = await look(['mem_track']).catch((error: unknown) => error);
    if (criuHas('mem_dirty_track')) expect(found).toMatchObject({ path: expect.any(String) });
    else
      expect(found).toMatchObject({
        message: 'Cannot checkpoint: this kernel has no mem_track for criu',
        hint: expect.stringContaining('CONFIG_MEM_SOFT_DIRTY'),
      });
  });

  test('says whether pages can be fetched lazily', async () => {
    const found = await look(['lazy_pages']).catch((error: unknown) => error);
    if (criuHas('uffd-noncoop')) expect(found).toMatchObject({ path: expect.any(String) });
    else expect(found).toMatchObject({ message: 'Cannot checkpoint: this kernel has no lazy_pages for criu' });
  });
});

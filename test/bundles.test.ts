/** Every sample bundle, run as its README says: what it prints from inside, and what the host sees. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasCapability, isRoot, repository, runtime } from './support/host.ts';
import { exec, type Outcome } from './support/process.ts';

const bundles = join(repository, 'bundles');
const mounter = hasCapability('SYS_ADMIN');

const run = async (name: string): Promise<Outcome> =>
  exec(join(bundles, 'run'), [name], { env: { TSRUNC: runtime }, timeout: 20_000 });

/** What a bundle printed; it must have succeeded. */
const printed = async (name: string): Promise<string> => {
  const outcome = await run(name);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return outcome.stdout;
};

describe.skipIf(!isRoot || !mounter)('as root', () => {
  test('hello: the program is process 1 under its own hostname', async () => {
    expect(await printed('hello')).toBe('Hello from hello, I am process 1.\n');
  });

  test('tour: everything holds', async () => {
    const text = await printed('tour');
    expect(text).not.toContain('BROKEN');
    expect(text).toMatch(/hostname +tour$/m);
    expect(text).toMatch(/I am pid 1; 1 process to be seen/);
    expect(text).toMatch(/network +lo and nothing else/);
    expect(text).toMatch(/uid 0 here is uid 100000 outside; 65536 users/);
    expect(text).toMatch(/capabilities +kill net_bind_service audit_write \(of 41\)/);
    expect(text).toMatch(/limit 32 MiB: a child that wanted 64 was killed/);
    expect(text).toMatch(/limit 20 %: busy for 1\.\d s/);
  });

  test('namespaces: both halves', async () => {
    const text = await printed('namespaces');
    expect(text).toMatch(/^outside: ipc: message queue \d+ exists: 1$/m);
    expect(text).toContain('inside: ipc: 0 message queues exist');
    expect(text).toContain('inside: uts: now it is renamed');
    expect(text).toContain('outside: uts: my hostname is what it was');
    expect(text).toMatch(/^ +1 sh \/inside\.sh$/m);
    expect(text.match(/^ +\d+ /gm)).toHaveLength(2); // the shell and ps
    expect(text).toContain('inside: mount: 1 tmpfs named made-inside');
    expect(text).toContain('outside: mount: 0 tmpfs named made-inside');
    expect(text).toContain('inside: user: I am uid 0; uid_map: 0 100000 65536');
    expect(text).toContain('outside: user: the file that uid 0 made belongs to uid 100000');
    expect(text).toMatch(/^inside: network: interfaces that are up: lo$/m);
  });

  test('limits: each is reached, none is passed', async () => {
    const text = await printed('limits');
    expect(text).toContain('a program that takes 100 ends with status 137');
    expect(Number(/busy loop of 2 s got (\d+) %/.exec(text)?.[1])).toBeGreaterThan(5);
    expect(Number(/busy loop of 2 s got (\d+) %/.exec(text)?.[1])).toBeLessThan(30);
    expect(text).toContain('a shell that forks for ever failed beside 15 others');
    expect(text).toContain('files open: 32 allowed');
    expect(text).toContain('a longer one ends with status 153 and 2097152 bytes');
    expect(text).toContain('tmpfs: 4 MiB allowed, 4 MiB are in it');
  });

  test('volumes: writes go both ways, read-only stays so', async () => {
    expect((await printed('volumes')).split('\n').slice(0, -1)).toEqual([
      'inside: /data/from-host says: written by the host',
      'inside: /data is writable',
      'inside: /config/app.conf says: colour = blue',
      'inside: /config is read-only',
      'inside: /etc/motd says: a single file, bound over /etc/motd',
      'inside: the rest of / is read-only',
      'inside: /tmp, a tmpfs of 1 MiB, holds 1 MB',
      'inside: /tmp does not hold 3 MB',
      'outside: data/from-container says: written by the container',
      'outside: settings/app.conf says: colour = blue',
      'outside: rootfs/data, where the volume was mounted, holds 0 files',
    ]);
  });

  test('layers: lower layers untouched, copy on write, a whiteout', async () => {
    expect((await printed('layers')).split('\n').slice(0, -1)).toEqual([
      'inside: /etc/motd: the application speaking',
      'inside: /srv holds: data obsolete',
      'inside: after the change /srv holds: data new',
      'outside: app/srv, a lower layer, still holds: data obsolete; data: version 1',
      'outside: top/upper/srv has the copy on write; data: version 2',
      'outside: the file removed is a whiteout: character special file 0:0',
      'outside: top/upper holds only what changed: ./srv/data ./srv/new ./srv/obsolete',
    ]);
  });

  test('shell: a terminal of its own', async () => {
    const { stdout, code } = await exec('script', ['-qec', `'${join(bundles, 'run')}' shell`, '/dev/null'], {
      env: { TSRUNC: runtime },
      stdin: 'tty; hostname; exit 7\n',
    });
    const shown = stdout.replaceAll('^@', ''); // script sends a NUL when its input ends
    expect(shown).toMatch(/^\/dev\/(console|pts\/0)\r$/m);
    expect(shown).toMatch(/^shell\r$/m);
    expect(code).toBe(7);
  });
});

test('rootless: uid 0 inside is an ordinary user outside', async () => {
  const text = await printed('rootless');
  const uid = /^outside: uid (\d+) starts/.exec(text)?.[1];
  expect(uid).not.toBe('0');
  expect(text).not.toContain('BROKEN');
  expect(text).toContain(`uid 0 here is uid ${uid} outside; 1 user is known`);
});

test('an unknown name lists the known ones', async () => {
  const { code, stderr } = await run('nothing');
  expect(code).toBe(2);
  expect(stderr).toContain('hello layers limits namespaces rootless shell tour volumes');
});

test('every sample has a config, a preparation and a README with its command', () => {
  const names = readdirSync(bundles, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of names) {
    expect(readdirSync(join(bundles, name))).toEqual(expect.arrayContaining(['README.md', 'config.json', 'prepare']));
    expect(readFileSync(join(bundles, name, 'README.md'), 'utf8')).toContain(`npm run bundle ${name}\n`);
  }
});

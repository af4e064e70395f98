/** podman of an ordinary user, with tsrunc as its runtime. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gid, subordinate, uid } from '../support/ordinary.ts';
import { Podman } from '../support/podman.ts';
import { patient } from '../support/process.ts';
import { lookForOpenPaths, nothingOpen } from '../support/protection.ts';
import { engineUnavailable } from '../support/realm.ts';

const unavailable = engineUnavailable('podman', 'conmon', 'script', 'setpriv', 'newuidmap', 'newgidmap');

const lines = (text: string): string[] => text.trimEnd().split('\n');
const ids = (text: string): number[][] => lines(text).map((line) => line.trim().split(/\s+/).map(Number));

describe.skipIf(unavailable)(`rootless podman${unavailable === undefined ? '' : `: ${unavailable}`}`, () => {
  let podman: Podman;
  beforeAll(async () => {
    podman = await Podman.start({ rootless: true });
  }, patient(60_000));
  afterAll(() => podman?.close(), patient(30_000));

  /** A directory of the user. */
  const directory = async (name: string): Promise<string> => {
    const path = join(podman.realm.path, name);
    await podman.realm.ok(['install', '-d', `-o${uid}`, `-g${gid}`, path]);
    return path;
  };

  test('passes output, input and status', async () => {
    const outcome = await podman.run(['--rm', '-i'], 'sh', '-c', 'echo out; echo err >&2; exit 3');
    expect(outcome).toMatchObject({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  test('root inside is the user outside, others are subordinate ids', async () => {
    const id = await podman.detached([], 'sleep', '100');
    expect(ids(await podman.ok('exec', id, 'cat', '/proc/self/uid_map'))).toEqual([
      [0, uid, 1],
      [1, subordinate.first, subordinate.count],
    ]);
    const pid = await podman.inspect(id, '{{.State.Pid}}');
    const status = readFileSync(podman.realm.inside(`/proc/${pid}/status`), 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:\t${uid}\t${uid}\t.*\nGid:\t${gid}\t`, 'm'));
  });

  test('isolates, masks and protects', async () => {
    const script = 'echo $$; ls /sys/class/net; grep CapEff /proc/self/status';
    const [pid, net, effective] = lines(await podman.probe(script));
    expect([pid, net]).toEqual(['1', 'lo']);
    expect(BigInt(`0x${effective?.split('\t')[1]}`) & (1n << 21n)).toBe(0n); // SYS_ADMIN
    expect(await podman.probe(lookForOpenPaths)).toBe(nothingOpen);
  });

  test('exec: status, user, a terminal, what is missing', async () => {
    const id = await podman.detached([], 'sleep', '100');
    const outcome = await podman.exec(['exec', '--user=7:8', id, 'sh', '-c', 'id -u; id -g; exit 4']);
    expect(outcome).toMatchObject({ code: 4, stdout: '7\n8\n' });
    const shown = await podman.terminal('exec', '-it', id, 'sh', '-c', 'tty; sleep 0.5; stty size');
    expect(shown).toBe('/dev/pts/0\n30 90\n');
    expect((await podman.exec(['exec', id, 'nosuch'])).code).toBe(127);
  });

  test('a terminal', async () => {
    const command = ['run', '--rm', '-it', '--network=none', 'tsrunc-test', 'sh', '-c', 'tty; sleep 0.5; stty size'];
    expect(await podman.terminal(...command)).toBe('/dev/pts/0\n30 90\n');
  });

  test('logs, stop, start, kill, rm', async () => {
    const id = await podman.detached([], 'sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done');
    await expect.poll(() => podman.ok('logs', id)).toBe('ready');
    await podman.ok('stop', '--time', '8', id);
    expect(await podman.inspect(id, '{{.State.ExitCode}}')).toBe('9');
    await podman.ok('start', id);
    await podman.ok('kill', id);
    expect(await podman.ok('wait', id)).toBe('137');
    await podman.ok('rm', id);
  });

  test('--userns=auto: every container has ids of its own', async () => {
    const map = async () => {
      const id = await podman.detached(['--userns=auto:size=400'], 'sleep', '100');
      expect(await podman.ok('exec', id, 'stat', '-c', '%u', '/etc')).toBe('0');
      return ids(await podman.ok('exec', id, 'cat', '/proc/self/uid_map'));
    };
    const [first, second] = [await map(), await map()];
    const size = (ranges: number[][]) => ranges.reduce((sum, [, , length = 0]) => sum + length, 0);
    expect([size(first), size(second)]).toEqual([400, 400]);
    expect(first[0]?.[1]).not.toBe(second[0]?.[1]);
  });

  test('--userns=keep-id: the user inside is the user outside', async () => {
    expect(await podman.probe('id -u; id -g', '--userns=keep-id')).toBe(`${uid}\n${gid}`);
  });

  test('--userns=auto', async () => {
    const script = 'id -u; cat /proc/self/uid_map';
    const [inside, ...map] = lines(await podman.probe(script, '--userns=auto:size=100'));
    expect([inside, ids(map.join('\n'))[0]?.[2]]).toEqual(['0', 100]);
  });

  test('volumes: what a subordinate id writes is its own outside', async () => {
    const shared = await directory('shared');
    const script = 'touch /shared/mine /shared/yours && chown 7:8 /shared/yours';
    await podman.probe(script, `--volume=${shared}:/shared`);
    const owner = (name: string) => [statSync(join(shared, name)).uid, statSync(join(shared, name)).gid];
    expect(owner('mine')).toEqual([uid, gid]);
    expect(owner('yours')).toEqual([subordinate.first + 6, subordinate.first + 7]);
    const refused = await podman.run(['--rm', `--volume=${shared}:/shared:ro`], 'touch', '/shared/new');
    expect(refused.stderr).toContain('Read-only file system');
  });

  test('--read-only, --tmpfs, --cap-drop, --device, a seccomp profile', async () => {
    const profile = join(podman.realm.path, 'seccomp.json');
    const refused = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refused] }));
    const flags = [
      '--read-only',
      '--cap-drop=all',
      '--device=/dev/zero:/dev/mine',
      `--security-opt=seccomp=${profile}`,
    ];
    const script = `touch /etc/new 2>&1 | sed 's/.*: //'; touch /tmp/new && echo new
      grep CapEff /proc/self/status | cut -f2; head -c 3 /dev/mine | wc -c; mkdir /tmp/dir 2>&1 | sed 's/.*: //'`;
    const expected = ['Read-only file system', 'new', '0000000000000000', '3', 'Operation not supported'];
    expect(lines(await podman.probe(script, ...flags))).toEqual(expected);
  });

  test('pods share their namespaces', async () => {
    const pod = await podman.ok('pod', 'create', '--network=none', '--hostname=shared');
    const served = 'mkdir /www; echo served > /www/index.html; httpd -f -p 127.0.0.1:80 -h /www';
    await podman.detached([`--pod=${pod}`], 'sh', '-c', served);
    const fetch = () => podman.run(['--rm', `--pod=${pod}`], 'sh', '-c', 'hostname; wget -qO- http://127.0.0.1/');
    await expect.poll(async () => (await fetch()).stdout, { timeout: patient(5000) }).toBe('shared\nserved\n');
    await podman.ok('pod', 'rm', '--force', '--time', '0', pod);
  });

  test('build runs its steps in containers', async () => {
    const context = await directory('context');
    writeFileSync(
      join(context, 'Containerfile'),
      'FROM localhost/tsrunc-test\nRUN id -u > /built\nCMD ["cat", "/built"]\n',
    );
    const built = await podman.exec(['build', '--isolation=oci', '--network=none', '--tag=localhost/built', context]);
    expect(built).toMatchObject({ code: 0, stderr: '' });
    expect(await podman.ok('run', '--rm', '--network=none', 'localhost/built')).toBe('0');
  });

  // The last one: after everything that the others left running.
  test('rm leaves nothing of the runtime', async () => {
    await podman.removeAll();
    expect(await podman.runtime('list', '-q')).toBe('');
  });
});

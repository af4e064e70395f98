/** A filter of the shape of Docker's default one in use: real programs do not notice it, and what it is for does not get through. */
import { dirname } from 'node:path';
import { describe } from 'vitest';
import type { Seccomp } from '../src/config/spec.ts';
import { type Box, type Config, expect, type Outcome, test } from './support/box.ts';
import { dockerLike } from './support/profiles.ts';
import { outcomeOfCalls, useSyscalls } from './support/syscalls.ts';

useSyscalls();

const bothWays = async (run: (seccomp?: Seccomp) => Promise<Outcome>): Promise<[Outcome, Outcome]> => [
  await run(),
  await run(dockerLike()),
];

/** What shells and their tools ask of the kernel: files of all kinds, processes, signals, pipes, times, ids, sockets. */
const chores = `
cd /tmp
seq 1 2000 | sort -rn | awk '{ s += $1 } END { print s, $1 }'
mkdir -p a/b && ln -s b a/link && touch -d '2020-01-01 00:00:00' a/b/old && chown 7:8 a/b/old && chmod 4750 a/b/old
stat -c '%a %u:%g %Y' a/b/old; readlink a/link
tar c a | gzip -9 | gunzip | tar t | sort
mkfifo pipe; (echo through > pipe) & read word < pipe; echo "$word"; wait
sleep 100 & kill -TERM $!; wait $!; echo "ended by $?"
trap 'echo caught' USR1; kill -USR1 $$
find . -type f -newer a/b/old | sort; truncate -s 1M big; dd if=big bs=64k 2>/dev/null | md5sum; rm -r a big
ulimit -n 100; ulimit -n; (umask 077; umask); id -u; pwd
nc -l -p 7000 -e echo over a socket &
for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 7000 2> /dev/null && break; sleep 0.2; done; wait
date -d @0 +%Y; timeout 5 true; echo $?; sync; df /tmp > /dev/null; echo done
`;

const done = `2001000 1
4750 7:8 1577836800
b
a/
a/b/
a/b/old
a/link
through
ended by 143
caught
b6d81b360a5672d80c27430f39153e2c  -
100
0077
0
/tmp
over a socket
1970
0
done
`;

const withTmp = (config: Config): void => {
  config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
  const capabilities = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL'];
  config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
};

/** Threads of an engine and of its own pool, of glibc, whose first try is clone3; sockets, processes, timers, locks. */
const threaded = `
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { createServer, connect } = require('node:net');
const { pbkdf2, createHash } = require('node:crypto');
const { execFileSync } = require('node:child_process');
const { promisify } = require('node:util');
const ask = (n) => new Promise((resolve, reject) => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const source = 'const {workerData:d,parentPort:p}=require("node:worker_threads");for(let i=0;i<1000;i++)Atomics.add(d,0,1);Atomics.notify(d,0);p.postMessage(d[0])';
  new Worker(source, { eval: true, workerData: shared }).on('message', resolve).on('error', reject);
});
(async () => {
  console.log(await Promise.all([1, 2, 3].map(ask)));
  const keys = await Promise.all([1, 2, 3, 4].map((n) => promisify(pbkdf2)('a', 'b', n, 8, 'sha256')));
  console.log(createHash('sha256').update(Buffer.concat(keys)).digest('hex').slice(0, 8));
  console.log(execFileSync('/bin/echo', ['from', 'a', 'child']).toString().trim());
  const server = createServer((socket) => socket.end('over a socket')).listen('/tmp/socket', () =>
    connect('/tmp/socket').on('data', (data) => { console.log(String(data)); server.close(); }));
})();
`;

const withNode = ({ mounts }: Config): void => {
  const [node = '', usr, lib, lib64] = [dirname(process.execPath), '/usr', '/lib', '/lib64'];
  for (const path of [usr, lib, lib64, ...(node.startsWith('/usr/') ? [] : [node])]) {
    mounts.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] });
  }
  mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
};

describe("real programs under a filter like Docker's", () => {
  test('the chores of a shell', async ({ box }) => {
    const [free, filtered] = await bothWays((seccomp) =>
      box.probe(chores, (config) => {
        withTmp(config);
        if (seccomp !== undefined) config.linux.seccomp = seccomp;
      }),
    );
    expect(free).toMatchObject({ code: 0, stdout: done });
    expect(filtered).toEqual(free);
  });

  test('threads, in JavaScript and below it', async ({ box }) => {
    const [free, filtered] = await bothWays(async (seccomp) => {
      const bundle = await box.bundle((config) => {
        withNode(config);
        config.process.args = [process.execPath, '-e', threaded];
        if (seccomp !== undefined) config.linux.seccomp = seccomp;
      });
      return box.run(bundle);
    });
    expect(free).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('[ 1000, 1000, 1000 ]') });
    expect(filtered).toEqual(free);
  });
});

const CLONE_NEWUSER = 0x1000_0000;
const SIGCHLD = 17;
const EPERM = '1';
const ENOSYS = '38';

const privileged = (config: Config): void => {
  const capabilities = ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT'];
  config.process.capabilities = { bounding: capabilities, effective: capabilities, permitted: capabilities };
};

describe.for([true, false])("what a filter like Docker's is for, noNewPrivileges %s", (noNewPrivileges) => {
  const outcomes = async (box: Box, seccomp: Seccomp | undefined, calls: readonly string[]) =>
    (
      await outcomeOfCalls(box, seccomp, calls, (config) => {
        privileged(config);
        config.process.noNewPrivileges = noNewPrivileges;
      })
    ).split(' ');

  // None of these has an effect, and none is EPERM, where nothing filters: their arguments are nonsense.
  const forbidden = ['keyctl:99', 'request_key', 'mount', 'pivot_root', 'setns:-1', 'bpf:99', 'ptrace:99', 'unshare:1'];

  test('dangerous calls of a privileged program are EPERM', async ({ box }) => {
    for (const errno of await outcomes(box, undefined, forbidden)) expect(errno).not.toBe(EPERM);
    expect(await outcomes(box, dockerLike(), forbidden)).toEqual(forbidden.map(() => EPERM));
  });

  test('new namespaces are EPERM, by clone, by unshare, and by clone3, which is not there', async ({ box }) => {
    const calls = [`clone:${CLONE_NEWUSER + SIGCHLD}`, `unshare:${CLONE_NEWUSER}`, 'clone3'];
    expect(await outcomes(box, dockerLike(), calls)).toEqual([EPERM, EPERM, ENOSYS]);
  });

  test('arguments decide: of personality and socket', async ({ box }) => {
    const calls = ['personality:4294967295', 'personality:8', 'personality:262144', 'socket:1:1', 'socket:40:1'];
    expect(await outcomes(box, dockerLike(), calls)).toEqual(['ok', 'ok', EPERM, 'ok', EPERM]);
  });

  test('calls that are newer than the profile are ENOSYS: programs then take the old way', async ({ box }) => {
    expect(await outcomes(box, dockerLike(), ['10000', '100000'])).toEqual([ENOSYS, ENOSYS]);
  });

  test.runIf(process.arch === 'x64')('the 32-bit entry is no way around', async ({ box }) => {
    const numbers = { getpid: 20, mount: 21, unshare: 310, keyctl: 288 };
    const calls = ['-32', ...Object.values(numbers).map(String)];
    expect(await outcomes(box, dockerLike(), calls)).toEqual(['ok', EPERM, EPERM, EPERM]);
  });
});

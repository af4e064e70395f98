import { describe, expect, test } from 'vitest';
import { errorsOf, hintFor } from './log.ts';

const log = [
  "(00.005) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted",
  '(00.010) Warn  (criu/x.c:1): not an error',
  '(00.012)      1: Error (criu/files.c:1221): Unable to open fd=1 id=0x3',
  "(00.013) pie: 58: Error (criu/pie/restorer.c:196): can't write lsm profile -2",
  '(00.013) pie: 58: Error (criu/pie/restorer.c:2292): BUG at criu/pie/restorer.c:2292',
  '(00.013) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using --tcp-established option.',
  '(00.013) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using --tcp-established option.',
  '(00.014) Error (criu/cr-dump.c:2111): Dumping FAILED.',
].join('\n');

describe('errors of a log', () => {
  test('are the lines that say so, each once, without time and place, and without those that mean nothing', () => {
    expect(errorsOf(log)).toEqual([
      'Unable to open fd=1 id=0x3',
      "can't write lsm profile -2",
      'inet: Connected TCP socket, consider using --tcp-established option.',
    ]);
  });

  test('are six at most', () => {
    const lines = Array.from({ length: 20 }, (_, index) => `Error (criu/a.c:1): number ${index}`);
    expect(errorsOf(lines.join('\n'))).toHaveLength(6);
  });

  test('a log without any has none', () => {
    expect(errorsOf('(00.1) all is well\n')).toEqual([]);
  });
});

test.each([
  ['inet: Connected TCP socket, consider using --tcp-established option.', '--tcp-established'],
  ['Some file locks are hold by dumping tasks! You can try --file-locks to dump them.', '--file-locks'],
  ['unix: Unix socket 12 without peer 13', 'another network namespace'],
  ['unix: External socket is used. Consider using --ext-unix-sk option.', '--ext-unix-sk'],
  ['unix: Unix socket 12 not found', 'give it a pipe'],
  ["sockets: Can't get 1:16 opt: Operation not supported", 'install a newer one'],
  ["Can't link remap to dir/file: use --link-remap", '--link-remap'],
  ['File fd/1 has bad size 0 (expect 2)', 'standard stream'],
  ['cg: Abort restore of existing cgroups', '--manage-cgroups-mode soft'],
  ['uffd: connect to lazy-pages.socket failed: No such file or directory', 'start "criu lazy-pages"'],
  ['page-pipe: splice: -1: Bad file descriptor', 'CAP_SYS_RESOURCE'],
  ["can't write lsm profile -2", 'apparmor_parser'],
  ["can't write lsm profile -22", 'its policy'],
  ['mnt-v2: Failed to copy sharing from source /dev/null to 96', 'a mount namespace like that one'],
  ["cg: Can't make temp cgyard dir: Read-only file system", '--work-path DIR'],
  ['Unexpected EOF on (empty-image)', 'no directory with a complete checkpoint'],
  ['execvp("tar", ...) failed', 'install it'],
])('"%s" has a hint', (error, hint) => {
  expect(hintFor([error])).toContain(hint);
});

test('an error that nobody has explained has none', () => {
  expect(hintFor(['something new'])).toBeUndefined();
});

test('a line without end costs no time: what would match is at its beginning', () => {
  const started = performance.now();
  expect(hintFor(errorsOf(`Error (x.c:1): no peer ${'TCP'.repeat(100_000)}`))).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(1000);
});

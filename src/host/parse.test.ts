import { describe, expect, test } from 'vitest';
import { parseCgroup, parseLimit, parseMountinfo, parseStatus, unescapeOctal, unlimited } from './parse.ts';

describe('parseMountinfo', () => {
  const line = '31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 master:2 - tmpfs tmpfs rw,mode=755';

  test('keeps the wanted types only, with or without optional fields', () => {
    const text = `${line}\n32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n`;
    expect(parseMountinfo(text, 'cgroup')).toEqual([
      {
        device: '0:29',
        root: '/',
        mountpoint: '/sys/fs/cgroup/cpu,cpuacct',
        fstype: 'cgroup',
        superOptions: ['rw', 'cpu', 'cpuacct'],
      },
    ]);
    expect(parseMountinfo(text, 'tmpfs')).toHaveLength(1);
  });

  test('undoes octal escapes in root and mountpoint', () => {
    const escaped = String.raw`40 1 0:33 /a\040b /mnt/tab\011and\134back rw - cgroup2 cgroup2 rw`;
    expect(parseMountinfo(escaped, 'cgroup2')[0]).toMatchObject({ root: '/a b', mountpoint: '/mnt/tab\tand\\back' });
  });

  test('passes over damaged lines', () => {
    expect(parseMountinfo('\nnot a line\n1 - cgroup x\n', 'cgroup')).toEqual([]);
  });
});

test('unescapeOctal leaves other backslashes alone', () => {
  expect(unescapeOctal(String.raw`a\9b\040`)).toBe(String.raw`a\9b `);
});

describe('parseCgroup', () => {
  test('v1, named and v2 lines; colons in paths', () => {
    expect(parseCgroup('9:name=systemd:/\n2:cpu,cpuacct:/a:b/c\n0::/user.slice\n')).toEqual([
      { controllers: ['name=systemd'], path: '/' },
      { controllers: ['cpu', 'cpuacct'], path: '/a:b/c' },
      { controllers: [], path: '/user.slice' },
    ]);
  });

  test('an empty file has no memberships', () => expect(parseCgroup('')).toEqual([]));
});

describe('parseLimit', () => {
  const text = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max cpu time              unlimited            unlimited            seconds   ',
    'Max open files            1024                 524288               files     ',
  ].join('\n');

  test.each([
    ['Max open files', { soft: 1024n, hard: 524288n }],
    ['Max cpu time', { soft: unlimited, hard: unlimited }],
    ['Max open', undefined],
    ['Max stack size', undefined],
  ])('%s', (label, expected) => expect(parseLimit(text, label)).toEqual(expected));
});

describe('parseStatus', () => {
  const text =
    'Name:\tts\\nPPid:\t1\nState:\tR (running)\nPid:\t7\nPPid:\t3\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\nCapEff:\t000001fffeffffff\nNoNewPrivs:\t0\nSeccomp:\t2\n';

  test('effective ids, parent and capabilities', () => {
    expect(parseStatus(text)).toEqual({ ppid: 3, euid: 1001, egid: 6, effective: 0x1fffeffffffn, seccomp: true });
    expect(parseStatus(text.replace('Seccomp:\t2\n', ''))).toMatchObject({ seccomp: false });
  });

  test('a missing line is an error', () => expect(() => parseStatus('Name:\tx\n')).toThrow('PPid'));
});

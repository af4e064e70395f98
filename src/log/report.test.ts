import { describe, expect, test } from 'vitest';
import { TsruncError } from '../errors.ts';
import { renderForPeople, reportOf } from './report.ts';

const place = { file: 'config.json', pointer: '/mounts/0', line: 41, column: 5 };

describe('the sentence', () => {
  test('has the place, and the causes that it does not name itself', () => {
    const cause = Object.assign(new Error('ENOENT: no such file or directory, open "x"'), { syscall: 'open' });
    const error = new TsruncError('SYSTEM', 'cannot read x', { place, cause });
    expect(reportOf(error).msg).toBe(
      'cannot read x (config.json:41:5, /mounts/0): ENOENT: no such file or directory, open "x"',
    );
    const naming = new TsruncError('STEP_FAILED', 'cannot mount: mount_setattr: EINVAL', {
      cause: new Error('mount_setattr: EINVAL'),
    });
    expect(reportOf(naming).msg).toBe('cannot mount: mount_setattr: EINVAL');
  });

  describe('says once what a failed call says as well', () => {
    const call = (text: string) => Object.assign(new Error(text), { syscall: 'open', code: 'ENOENT' });
    const missing = call("ENOENT: no such file or directory, open '/x/y'");
    test.each([
      ['cannot read "/x/y"', 'cannot read "/x/y": ENOENT: no such file or directory'],
      ['cannot read it', "cannot read it: ENOENT: no such file or directory, open '/x/y'"],
      ['cannot read it: ENOENT', 'cannot read it: ENOENT: no such file or directory'],
      ['cannot: ENOENT; all is as before', 'cannot: ENOENT: no such file or directory; all is as before'],
      ['cannot: ENOENT: it has gone', 'cannot: ENOENT: it has gone'],
    ])('%s', (message, expected) => {
      expect(reportOf(new TsruncError('SYSTEM', message, { cause: missing })).msg).toBe(expected);
    });

    test('the place stands behind the words', () => {
      const error = new TsruncError('SYSTEM', 'cannot: ENOENT', { cause: missing, place });
      expect(reportOf(error).msg).toBe('cannot: ENOENT: no such file or directory (config.json:41:5, /mounts/0)');
    });

    test('a call without a path, and one of the addon', () => {
      const write = call('ENOENT: no such file or directory, open');
      expect(reportOf(new TsruncError('SYSTEM', 'no', { cause: write })).msg).toBe(
        'no: ENOENT: no such file or directory',
      );
      const connect = call('open: ENOENT');
      expect(reportOf(new TsruncError('SYSTEM', 'no', { cause: connect })).msg).toBe('no: open: ENOENT');
    });
  });

  test('does not repeat a place that it names', () => {
    expect(reportOf(new TsruncError('CONFIG_INVALID', 'wrong at /mounts/0', { place })).msg).toBe('wrong at /mounts/0');
  });

  test('of several errors: the failure, then what came while undoing', () => {
    const failure = new TsruncError('STEP_FAILED', 'cannot mount', { place, hint: 'Do this.' });
    const undo = new Error('could not remove the cgroup', { cause: new Error('EBUSY') });
    const report = reportOf(new AggregateError([failure, undo], 'cannot mount', { cause: failure }));
    expect(report.msg).toBe(
      'cannot mount (config.json:41:5, /mounts/0); while cleaning up after that: could not remove the cgroup: EBUSY',
    );
    expect(report.hint).toBe('Do this.');
    expect(report.details).toEqual({ code: 'STEP_FAILED', place: 'config.json:41:5, /mounts/0', hint: 'Do this.' });
    expect(report.stack).toContain('could not remove the cgroup');
  });
});

test('a call that the kernel lacks has a hint wherever it fails, also below a sentence without one', () => {
  const missing = Object.assign(new Error('pidfd_open: ENOSYS'), { syscall: 'pidfd_open', code: 'ENOSYS' });
  expect(reportOf(missing).hint).toContain('tsrunc needs Linux 5.12');
  expect(reportOf(new TsruncError('SYSTEM', 'cannot', { cause: missing })).hint).toContain('tsrunc needs Linux 5.12');
  expect(reportOf(new TsruncError('SYSTEM', 'cannot', { cause: missing, hint: 'Do this.' })).hint).toBe('Do this.');
});

test('a failed system call is not taken for a mistake of tsrunc', () => {
  const report = reportOf(Object.assign(new Error('EPERM: clone3'), { syscall: 'clone3' }));
  expect(report).toMatchObject({ msg: 'EPERM: clone3', hint: undefined, details: { code: 'SYSTEM' } });
});

test('anything else is, and says so', () => {
  const report = reportOf(new TypeError('x is undefined'));
  expect(report.msg).toBe('TypeError: x is undefined');
  expect(report.details.code).toBe('INTERNAL');
  expect(report.hint).toContain('report it');
  expect(reportOf('text').msg).toBe('text');
});

test('people get the hint on a line of its own', () => {
  expect(renderForPeople({ msg: 'no', hint: 'Yes.' })).toBe('tsrunc: no\nHint: Yes.\n');
  expect(renderForPeople({ msg: 'no', hint: undefined })).toBe('tsrunc: no\n');
});

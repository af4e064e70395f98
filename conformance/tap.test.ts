import { describe, expect, test } from 'vitest';
import { judge } from './tap.mjs';

const ended = (output: string, status: number | null = 0) => ({ output, status, timedOut: false });

describe('the verdict on a program', () => {
  test('all results good and as many as planned', () => {
    expect(judge(ended('TAP version 13\nok 1 - a\nok 2 - b\n1..2\n'), {}).verdict).toBe('ok');
  });

  test('a bad result is named', () => {
    expect(judge(ended('ok 1 - a\nnot ok 2 - b\n1..2\n'), {})).toEqual({ verdict: 'not ok', reasons: ['2 b'] });
  });

  test('exempt results do not count, by number or description', () => {
    expect(
      judge(ended('ok 1 - a\nnot ok 2 - b\nnot ok 3 - kernel\n1..3\n'), { exempt: [/^2 /, /kernel/] }).verdict,
    ).toBe('ok');
  });

  test('a program that dies before its plan is not ok, whatever it said before', () => {
    expect(judge(ended('ok 1 - a\n'), {}).verdict).toBe('not ok');
    expect(judge(ended('1..2\nok 1 - a\n'), {}).verdict).toBe('not ok');
    expect(judge(ended('ok 1 - a\n1..1\n', 2), {}).verdict).toBe('not ok');
    expect(judge({ output: 'ok 1 - a\n1..1\n', status: 0, timedOut: true }, {}).verdict).toBe('not ok');
  });

  test('a program that prints results only of failures is judged by its details', () => {
    expect(judge(ended('TAP version 13\n'), { silent: true }).verdict).toBe('ok');
    expect(judge(ended('  {\n    "error": "wrong"\n  }\n'), { silent: true })).toEqual({
      verdict: 'not ok',
      reasons: ['wrong'],
    });
  });

  test('what is skipped or to be done is no failure', () => {
    expect(judge(ended('ok 1 # SKIP no such controller\n1..1\n'), {})).toEqual({
      verdict: 'skipped',
      reasons: ['no such controller'],
    });
    expect(judge(ended('ok 1 - a\nnot ok 2 - b # TODO\n1..2\n'), {}).verdict).toBe('ok');
  });
});

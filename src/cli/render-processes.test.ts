import { describe, expect, test } from 'vitest';
import { renderProcessIds, selectProcesses } from './render-processes.ts';

const table = `UID        PID  PPID  C STIME TTY          TIME CMD
root         1     0  0 10:00 ?        00:00:01 init 77
root        77     1  0 10:00 ?        00:00:00 sleep 1
root       177    77  0 10:00 ?        00:00:00 sh -c 77
`;

describe('the processes of a container', () => {
  test('are the lines with their numbers, below the heading', () => {
    const [heading, , second] = table.split('\n');
    expect(selectProcesses(table, [77, 5])).toBe(`${heading}\n${second}\n`);
    expect(selectProcesses(table, [])).toBe(`${heading}\n`);
  });

  test('the column may stand anywhere', () => {
    expect(selectProcesses('COMMAND   PID\nsh         12\nls         13\n', [13])).toBe(
      'COMMAND   PID\nls         13\n',
    );
    expect(selectProcesses('  PID\n   12\n', [12])).toBe('  PID\n   12\n');
  });

  test('cannot be told without it', () => {
    expect(() => selectProcesses('COMMAND\nsh\n', [1])).toThrow("couldn't find PID field in ps output");
    expect(() => selectProcesses('', [1])).toThrow("couldn't find PID field in ps output");
  });

  test('as JSON are numbers, or null', () => {
    expect(renderProcessIds([3100, 3441])).toBe('[3100,3441]\n');
    expect(renderProcessIds([])).toBe('null\n');
  });
});

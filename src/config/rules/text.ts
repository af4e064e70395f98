/** No string that reaches the kernel may hold a NUL: the kernel would see another, shorter string. */
import { pointerTo } from '../position.ts';
import type { Report, Rule } from './helpers.ts';

const looksAt = ['process', 'root', 'hostname', 'domainname', 'mounts', 'hooks', 'linux'] as const;

export const nulRule: Rule = (spec, report) => {
  for (const field of looksAt) checkText(report, `/${field}`, spec[field], deepest);
};

/** Deeper there is nothing that the runtime knows, and so nothing that it passes on. */
const deepest = 20;

function checkText(report: Report, pointer: string, value: unknown, deeper: number): void {
  if (typeof value === 'string') {
    if (value.includes('\0'))
      report.mistake(pointer, 'The text holds a NUL character, at which the kernel would cut it');
  } else if (typeof value === 'object' && value !== null && deeper > 0) {
    for (const [name, member] of Object.entries(value)) {
      if (name.includes('\0')) report.mistake(pointer, 'A name in it holds a NUL character');
      checkText(report, pointerTo(pointer, name), member, deeper - 1);
    }
  }
}

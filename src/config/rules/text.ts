/** No string that reaches the kernel may hold a NUL: the kernel would see another, shorter string. */
import { pointerTo } from '../position.ts';
import type { Report, Rule } from './helpers.ts';

const looksAt = ['process', 'root', 'hostname', 'domainname', 'mounts', 'hooks', 'linux'] as const;

export const nulRule: Rule = (spec, report) => {
  for (const field of looksAt) checkText(report, `/${field}`, spec[field]);
};

function checkText(report: Report, pointer: string, value: unknown): void {
  if (typeof value === 'string') {
    if (value.includes('\0'))
      report.mistake(pointer, 'The text holds a NUL character, at which the kernel would cut it');
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      if (name.includes('\0')) report.mistake(pointer, 'A name in it holds a NUL character');
      checkText(report, pointerTo(pointer, name), member);
    }
  }
}

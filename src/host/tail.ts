import { fstatSync, readSync } from 'node:fs';

/** Far more than the errors at the end of any log. */
const most = 1 << 20;

/**
 * The end of a file that may be of any length: whole lines of its last MiB.
 * @throws the system call's error
 */
export function tailOf(fd: number): string {
  const { size } = fstatSync(fd);
  const position = Math.max(0, size - most);
  const bytes = Buffer.alloc(Math.min(size, most));
  const text = bytes.toString('utf8', 0, readSync(fd, bytes, { position }));
  return position === 0 ? text : text.slice(text.indexOf('\n') + 1);
}

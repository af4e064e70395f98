/** Container ids become directory names, so they are as narrow as runc's. */
import { TsruncError } from '../errors.ts';

const allowed = /^[A-Za-z0-9_+.-]+$/;
const longest = 1024;

/** Whether the text can be a container id: letters, digits, "_", "+", "-", "."; not "." or ".."; at most 1024 characters. */
export function isContainerId(text: string): boolean {
  return allowed.test(text) && text.length <= longest && text !== '.' && text !== '..';
}

/** @throws TsruncError CONTAINER_ID_INVALID */
export function checkContainerId(id: string): void {
  if (isContainerId(id)) return;
  const shown = id.length > 64 ? `${id.slice(0, 64)}...` : id;
  throw new TsruncError('CONTAINER_ID_INVALID', `invalid container ID format: ${JSON.stringify(shown)}`, {
    hint: `An id has 1 to ${longest} letters, digits and any of "_", "+", "-", "."; it is not "." or "..".`,
  });
}

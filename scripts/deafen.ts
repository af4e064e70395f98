/**
 * Makes an executable of `bun build --compile` deaf to the variables that turn such an executable into something else. No flag
 * of Bun does that, and a launcher that cleans the environment would cost a process: the names that Bun looks up are constants in
 * the executable, and the first letter of each becomes NUL, which no variable's name can hold.
 *
 * The environment of a runtime is its caller's and as trusted as the caller; but it is inherited by accident (programs made with
 * Bun set BUN_BE_BUN for their own children), and may be kept where privileges change (sudo -E). What stays are the options of
 * the engine (BUN_JSC_*), which are not looked up by whole names: docs/design.md, "Threats".
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

const names = [
  // Options before ours: --preload runs any code.
  'BUN_OPTIONS',
  // The executable is Bun itself then, with all of its commands.
  'BUN_BE_BUN',
  // The debugger: listens, connects, loads code.
  'BUN_INSPECT',
  'BUN_INSPECT_CONNECT_TO',
  'BUN_INSPECT_PRELOAD',
  // Write a file at any path.
  'BUN_BYTECODE_ORDER_OUT',
  'BUN_BYTECODE_ORDER_NAMES_OUT',
  'BUN_BYTECODE_DIGEST_OUT',
] as const;

/**
 * Change the executable at `path` in place.
 * @throws Error when it does not hold the names as expected: another version of Bun, to be looked at anew
 */
export function deafen(path: string): void {
  const content = readFileSync(path);
  const offsets = names.map((name) => onlyOffset(content, name));
  const fd = openSync(path, 'r+');
  try {
    for (const offset of offsets) writeSync(fd, '\0', offset);
  } finally {
    closeSync(fd);
  }
}

function onlyOffset(content: Buffer, name: string): number {
  const constant = `\0${name}\0`;
  const offset = content.indexOf(constant, 0, 'latin1');
  if (offset === -1 || content.indexOf(constant, offset + 1, 'latin1') !== -1)
    throw new Error(`cannot make the executable deaf to ${name}: Bun does not hold that constant exactly once`);
  return offset + 1;
}

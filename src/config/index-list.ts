/**
 * Lists of CPUs or memory nodes as config.md and config-linux.md write them, "0-3,7": what the kernel's cpulist format is
 * without its strides and names, and with blanks, which the specification's schema allows.
 */
export type IndexList =
  | { readonly mask: Uint8Array }
  /** Why the text is no such list; completes `The list "..." ...`. */
  | { readonly wrong: string };

const range = /^ *(\d{1,9})(?: *- *(\d{1,9}))? *$/;

/**
 * Parse the whole text strictly.
 * @param limit number of indexes that the kernel can have: 0 to limit - 1
 * @returns a bit mask, least significant byte first, no longer than needed; empty for an empty list
 */
export function parseIndexList(text: string, limit: number): IndexList {
  const mask = new Uint8Array(limit / 8);
  let end = 0;
  for (const part of text === '' ? [] : text.split(',')) {
    const [, first = '', last = first] = range.exec(part) ?? [];
    if (first === '') return { wrong: `has "${part}" where a number or a range such as 0-3 must be` };
    const [from, to] = [Number(first), Number(last)];
    if (from > to) return { wrong: `has the range ${part.trim()}, which ends before it begins` };
    if (to >= limit) return { wrong: `has ${to}, but the highest possible is ${limit - 1}` };
    for (let index = from; index <= to; index++) mask[index >> 3] = (mask[index >> 3] ?? 0) | (1 << (index & 7));
    end = Math.max(end, (to >> 3) + 1);
  }
  return { mask: mask.subarray(0, end) };
}

/** NR_CPUS and MAX_NUMNODES of the largest kernels. */
export const mostCpus = 8192;
export const mostNodes = 1024;

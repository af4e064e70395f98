const utf8 = new TextEncoder();

/**
 * Write a text at a place of a buffer, which has room for it. The executable has its own (src/engine/utf8.ts).
 * @returns its length in UTF-8
 */
export const encodeAt = (text: string, buffer: ArrayBuffer, at: number): number =>
  utf8.encodeInto(text, new Uint8Array(buffer, at)).written;

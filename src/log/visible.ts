/**
 * Text that a terminal shows and does not obey. Names and texts of images and configurations are quoted in messages and tables;
 * escape sequences in them could hide or forge lines, or have the terminal type. Written as JSON would, so that JSON remains
 * what it is.
 */
export function visible(text: string): string {
  for (let at = 0; at < text.length; at++) if (isObeyed(text.charCodeAt(at))) return escaped(text);
  return text;
}

const lineFeed = 10;
const tab = 9;

/** C0, DEL, C1, and what changes the direction of writing (UAX 9). */
const isObeyed = (code: number): boolean =>
  (code < 0x20 && code !== lineFeed && code !== tab) ||
  (code >= 0x7f && code < 0xa0) ||
  (code >= 0x202a && code <= 0x202e) ||
  (code >= 0x2066 && code <= 0x2069);

const escaped = (text: string): string =>
  Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    return isObeyed(code) ? `\\u${code.toString(16).padStart(4, '0')}` : character;
  }).join('');

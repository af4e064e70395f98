/** src/native/utf8.ts in the executable: without the three objects that the standard's way makes for each text. */
import { natives } from './natives.ts';

export const encodeAt: (text: string, buffer: ArrayBuffer, at: number) => number = natives.encodeAt;

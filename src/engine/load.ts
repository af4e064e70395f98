/** src/native/load.ts in the executable: the addon is part of it. */
import type { Native } from '../native/native.ts';
import { natives } from './natives.ts';

export const loadNative = (): Native => natives.addon;

import { parseAcceptedSpec } from '../config/parse.ts';
import type { Spec } from '../config/spec.ts';
import type { ContainerDir } from '../store/store.ts';

/**
 * The configuration as it was at create: later edits of the bundle's config.json have no effect (runtime.md "Create").
 * It was validated then, and lies in a directory that only its owner can write.
 */
export const frozenSpec = (directory: ContainerDir): Spec => parseAcceptedSpec(directory.frozenConfig());

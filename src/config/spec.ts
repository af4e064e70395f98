/** Types of the runtime-spec's documents, generated from schemas/. */
export type * from '../generated/config.ts';
export type * from '../generated/features.ts';
export type * from '../generated/state.ts';

/** The versions of the runtime-spec that are implemented here. */
export const oldestSpecVersion = '1.0.0';
export const newestSpecVersion = '1.3.0';

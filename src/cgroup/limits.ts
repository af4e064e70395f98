/** All about limits, in one piece: only those who set or change them load it. */
export { applyWrites } from './apply.ts';
export { accessWrites, askedLimits, limitWrites } from './controllers/compile.ts';
export { deviceProgram } from './controllers/device-program.ts';
export { allowsAll, deviceRules, restrictingRules } from './controllers/device-rules.ts';
export { attainable, unifiedFields, v2Only } from './controllers/unified.ts';
export { updateWrites } from './controllers/update.ts';
export { applyOrRestore, orSetBack } from './update.ts';

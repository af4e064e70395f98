import type { Plan } from '../plan/plan.ts';

/** Indented JSON of a plan. What JSON lacks: 64-bit numbers become decimal strings, bytes become base64. */
export const planToJson = (plan: Plan): string =>
  `${JSON.stringify(plan, (_, value: unknown) => jsonValue(value), 2)}\n`;

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

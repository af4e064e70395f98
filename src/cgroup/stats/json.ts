/** Statistics as the JSON that Go programs read. */

const mostU64 = (1n << 64n) - 1n;

/**
 * JSON.stringify, but for integers with all their digits: those above 2^53 it would round to another number, and one of 2^64,
 * which stands for "no limit", does not fit the uint64 of the reader.
 */
export function statsJson(value: unknown): string {
  if (typeof value === 'number' && Number.isInteger(value)) return integer(value);
  if (Array.isArray(value)) return `[${value.map(statsJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${statsJson(member)}`);
  return `{${members.join(',')}}`;
}

function integer(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  const exact = BigInt(value);
  return String(exact > mostU64 ? mostU64 : exact);
}

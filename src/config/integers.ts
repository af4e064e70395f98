/**
 * The runtime-spec has 64-bit integers, JSON.parse makes doubles. A double holds every integer up to 2^53 and, above that,
 * every multiple of a growing power of two, so a value is at most off by 1 in 2^53. That does not matter to limits, which
 * are "as good as none" there, except at the upper end: 18446744073709551615 (RLIM_INFINITY) and 9223372036854775807
 * become 2^64 and 2^63, which do not fit the kernel's types any more. These conversions saturate.
 *
 * Bit masks (seccomp arguments) need every bit: read those with `exactIntegersAt` of position.ts from the source text.
 */
const maxU64 = (1n << 64n) - 1n;
const maxI64 = (1n << 63n) - 1n;

/** A validated uint64 of the configuration as the kernel takes it. */
export const toU64 = (value: number): bigint => (value >= 2 ** 64 ? maxU64 : BigInt(value));

/** A validated int64 of the configuration as the kernel takes it. */
export const toI64 = (value: number): bigint => (value >= 2 ** 63 ? maxI64 : BigInt(value));

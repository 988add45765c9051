import { FLOATS_AT_ONCE } from "./kernels/halves";

/** Fewest floats of a bucket; there are as many buckets as have that, so none has twice as many: 8 to 16 MiB. */
const BUCKET_FLOATS = 2 ** 21;

/** A piece of the flat gradients that travels on its own. */
export interface Bucket {
  readonly offset: number;
  readonly length: number;
}

export const roundedUp = (length: number, multiple: number): number =>
  Math.ceil(length / multiple) * multiple;

/**
 * Cuts flat gradients into buckets (one where there is less). The flat order is that of the forward
 * pass; buckets come last first, because a backward pass has its last layers' gradients first. All but the first to come
 * have a length that the kernels can halve and add without looking at single floats.
 */
export function bucketsOf(floats: number): Bucket[] {
  const count = Math.max(1, Math.floor(floats / BUCKET_FLOATS));
  const size = roundedUp(floats / count, FLOATS_AT_ONCE);
  return Array.from({ length: count }, (_, bucket) => {
    const offset = bucket * size;
    return { offset, length: Math.min(size, floats - offset) };
  }).reverse();
}

/**
 * Who sums a bucket: one of those that take part in the round, in turn. The same in every replica, and who it is does not
 * change a bit of the sum.
 */
export function ownerOf(bucket: number, weights: readonly number[]): number {
  const takers = takersOf(weights);
  return takers[bucket % takers.length] as number;
}

/** Ranks that take part in a round. */
export const takersOf = (weights: readonly number[]): number[] =>
  weights.flatMap((weight, rank) => (weight > 0 ? [rank] : []));

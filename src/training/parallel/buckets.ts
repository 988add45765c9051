/** Fewest floats of a bucket: 8 MiB. There are as many buckets as have that, so none reaches 16 MiB. */
const BUCKET_FLOATS = 2 ** 21;

/** A piece of the flat gradients that travels on its own. */
export interface Bucket {
  readonly offset: number;
  readonly length: number;
}

/**
 * Cuts flat gradients into buckets of 8 to 16 MiB (one bucket where there is less). The flat order is that of the forward
 * pass; buckets come last first, because a backward pass has its last layers' gradients first.
 */
export function bucketsOf(floats: number): Bucket[] {
  const count = Math.max(1, Math.floor(floats / BUCKET_FLOATS));
  const size = Math.ceil(floats / count);
  return Array.from({ length: count }, (_, bucket) => {
    const offset = bucket * size;
    return { offset, length: Math.min(size, floats - offset) };
  }).reverse();
}

import type { Payload } from "./messages";

/**
 * Fewest floats of a bucket; there are as many buckets as have that, so none has twice as many. 8 to 16 MiB as floats; as
 * halves fewer, because averaging them takes three times as long, and no task of the main thread may take 50 ms.
 */
const BUCKET_FLOATS: Readonly<Record<Payload, number>> = { f32: 2 ** 21, f16: 2 ** 20 };

/** A piece of the flat gradients that travels on its own. */
export interface Bucket {
  readonly offset: number;
  readonly length: number;
}

/**
 * Cuts flat gradients into buckets (one where there is less). The flat order is that of the forward
 * pass; buckets come last first, because a backward pass has its last layers' gradients first.
 */
export function bucketsOf(floats: number, payload: Payload): Bucket[] {
  const count = Math.max(1, Math.floor(floats / BUCKET_FLOATS[payload]));
  const size = Math.ceil(floats / count);
  return Array.from({ length: count }, (_, bucket) => {
    const offset = bucket * size;
    return { offset, length: Math.min(size, floats - offset) };
  }).reverse();
}

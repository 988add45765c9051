import { encodeHalves, halfValues } from "./halves";

/**
 * mean[i] = Σ_rank weight·gradient[i], in the order of the ranks, summed in float64 and rounded once: the same bits whichever
 * replica was first. What is not finite in one gradient is not finite in the mean, so that all replicas skip that step.
 */
export function averageFloats(
  gradients: readonly Float32Array[],
  weights: readonly number[],
  mean: Float32Array,
): void {
  const [first, second] = gradients;
  if (first && second && gradients.length === 2) {
    // Two replicas are the common case, and a loop without an inner one is twice as fast.
    const [a, b] = weights as [number, number];
    for (let i = 0; i < mean.length; i++) mean[i] = a * (first[i] as number) + b * (second[i] as number);
    return;
  }
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (let rank = 0; rank < gradients.length; rank++)
      sum += (weights[rank] as number) * ((gradients[rank] as Float32Array)[i] as number);
    mean[i] = sum;
  }
}

/** A bucket as halves with its scale. */
export interface Halves {
  readonly halves: Uint16Array;
  readonly scale: number;
}

/** The same of scaled halves; writes the mean as halves too and returns its scale. `scratch` has the bucket's length. */
export function averageHalves(
  gradients: readonly Halves[],
  weights: readonly number[],
  mean: Uint16Array,
  scratch: Float32Array,
): number {
  const value = halfValues();
  const units = gradients.map(({ scale }, rank) => (weights[rank] as number) / scale);
  const [first, second] = gradients;
  if (first && second && gradients.length === 2) {
    const [a, b] = units as [number, number];
    const { halves: one } = first;
    const { halves: other } = second;
    for (let i = 0; i < mean.length; i++)
      scratch[i] = a * (value[one[i] as number] as number) + b * (value[other[i] as number] as number);
    return encodeHalves(scratch, mean);
  }
  for (let i = 0; i < mean.length; i++) {
    let sum = 0;
    for (let rank = 0; rank < gradients.length; rank++) {
      const { halves } = gradients[rank] as Halves;
      sum += (units[rank] as number) * (value[halves[i] as number] as number);
    }
    scratch[i] = sum;
  }
  return encodeHalves(scratch, mean);
}

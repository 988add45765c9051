import { PURPOSE, RandomStream } from "@/contracts/random";
import { normalQuantile, normalUpperTail } from "./normal";

/** 2,000 resamples put about 50 beyond each end of a 95 % interval. */
export const RESAMPLES = 2000;
const LEVEL = 0.95;

export interface BootstrapInterval {
  readonly low: number;
  readonly high: number;
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** NumPy's default percentile of sorted values, 0 ≤ share ≤ 1: linear between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}

/**
 * 95 % interval of the mean by `RESAMPLES` resamples of the lab's generator (same seed, same interval). `percentile` takes
 * the quantiles of the resampled means; `bca` moves them for bias and skewness (Efron, JASA 82, 1987), as SciPy's
 * `bootstrap`. With fewer than two values both ends are NaN; equal values give an interval of no width.
 */
export function bootstrapMean(
  values: ArrayLike<number>,
  seed: number,
  method: "percentile" | "bca",
): BootstrapInterval {
  const n = values.length;
  if (n < 2) return { low: Number.NaN, high: Number.NaN };
  const stream = new RandomStream(seed, PURPOSE.bootstrap);
  const means = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[stream.nextInteger(n)] as number;
    means[resample] = sum / n;
  }
  means.sort();
  const alpha = (1 - LEVEL) / 2;
  const [lowShare, highShare] =
    method === "percentile" ? [alpha, 1 - alpha] : biasCorrected(values, means, alpha);
  return { low: quantile(means, lowShare), high: quantile(means, highShare) };
}

/** The shares at which BCa reads the resampled means. */
function biasCorrected(values: ArrayLike<number>, means: Float64Array, alpha: number): [number, number] {
  const mean = meanOf(values);
  const below = means.findIndex((value) => value >= mean);
  const bias = (below === -1 ? means.length : below) / means.length;
  // All resamples on one side (equal values, say): there is nothing to correct by.
  if (bias === 0 || bias === 1) return [alpha, 1 - alpha];
  // Leaving value i out changes the mean by (mean − valueᵢ)/(n − 1): the jackknife of a mean in closed form.
  let squares = 0;
  let cubes = 0;
  for (let i = 0; i < values.length; i++) {
    const influence = (values[i] as number) - mean;
    squares += influence ** 2;
    cubes += influence ** 3;
  }
  const acceleration = squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
  const z0 = normalQuantile(bias);
  const share = (probability: number): number => {
    const z = z0 + normalQuantile(probability);
    return normalUpperTail(-(z0 + z / (1 - acceleration * z)));
  };
  return [share(alpha), share(1 - alpha)];
}

import type { MeanInterval } from "@/contracts/training";

/** ln Γ(x) for x > 0: Lanczos' approximation with g = 7 and nine terms, good to about 1e-15 relative. */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  const t = shifted + 7.5;
  let sum = coefficients[0] as number;
  for (let i = 1; i < coefficients.length; i++) sum += (coefficients[i] as number) / (shifted + i);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * Regularised incomplete beta function I_x(a, b) by its continued fraction (Lentz's method; Numerical Recipes §6.4),
 * for 0 ≤ x ≤ 1. Converges fast where x < (a + 1) / (a + b + 2); the symmetry covers the rest.
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const tiny = 1e-300;
  const maxTerms = 10_000;
  const factor = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= maxTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return (factor * fraction) / a;
}

/** P(T ≤ t) of Student's t with `degrees` ≥ 1 degrees of freedom, t ≥ 0. */
function studentCdf(t: number, degrees: number): number {
  return 1 - 0.5 * incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** P(|T| ≥ |t|) of Student's t with `degrees` ≥ 1 degrees of freedom; 0 for an infinite t. No cancellation in the tail. */
export function studentTwoSidedP(t: number, degrees: number): number {
  return Number.isFinite(t) ? incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) : 0;
}

/** Quantile of Student's t for 0.5 ≤ probability < 1, `degrees` ≥ 1: bisection on the distribution function. */
export function studentQuantile(probability: number, degrees: number): number {
  let low = 0;
  let high = 1;
  while (studentCdf(high, degrees) < probability) high *= 2;
  for (let step = 0; step < 200 && high - low > 1e-14 * high; step++) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Mean and half width of its 95 % confidence interval: t(0.975, n−1) · s / √n with the sample standard deviation s.
 * Values that are not finite are left out: two identical images have an infinite PSNR, and no mean. With fewer than
 * two values the interval is not defined and `ci95` is NaN (`null` in JSON); with none the mean is NaN too.
 */
export function meanInterval(values: ArrayLike<number>): MeanInterval {
  let count = 0;
  let mean = 0;
  let squares = 0;
  // Welford's update: no cancellation between large sums.
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    count++;
    const before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }
  if (count === 0) return { mean: Number.NaN, ci95: Number.NaN };
  if (count === 1) return { mean, ci95: Number.NaN };
  const deviation = Math.sqrt(squares / (count - 1));
  return { mean, ci95: (studentQuantile(0.975, count - 1) * deviation) / Math.sqrt(count) };
}

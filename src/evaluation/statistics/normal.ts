/** Below: the series of erf; above: the continued fraction of erfc. At 2 both need few terms, and 1 − erf loses 3 digits. */
const SERIES_LIMIT = 2;

/** erf(x) for 0 ≤ x ≤ 2: 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)); all terms are positive. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc(x) for x ≥ 2: e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/…))), from the inside out. */
function erfcFraction(x: number): number {
  const terms = 120;
  let tail = x;
  for (let n = terms; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}

/** P(Z ≥ z) of the standard normal distribution, good to about 1e-13 relative in the upper tail. */
export function normalUpperTail(z: number): number {
  if (z < 0) return 1 - normalUpperTail(-z);
  const x = z / Math.SQRT2;
  return 0.5 * (x <= SERIES_LIMIT ? 1 - erfSeries(x) : erfcFraction(x));
}

/** Quantile of the standard normal distribution for 0 < probability < 1: bisection on the distribution function. */
export function normalQuantile(probability: number): number {
  if (probability < 0.5) return -normalQuantile(1 - probability);
  const tail = 1 - probability;
  let low = 0;
  let high = 40;
  for (let step = 0; step < 200 && high - low > 1e-15 * high; step++) {
    const middle = (low + high) / 2;
    if (normalUpperTail(middle) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

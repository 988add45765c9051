import { describe, expect, it } from "vitest";
import fixture from "./fixtures/statistics.json";
import { meanInterval, studentQuantile } from "./interval";

/** ln Γ(n/2) loses about five digits to cancellation at 100,000 degrees of freedom. */
const QUANTILE_RTOL = 1e-9;
/** Sum in another order than NumPy's pairwise one, over values up to 1e6 with a spread of 1e-3. */
const INTERVAL_RTOL = 1e-6;

describe("studentQuantile", () => {
  it.each(fixture.quantiles)(
    "equals SciPy at p $probability, $degrees degrees",
    ({ probability, degrees, t }) => {
      expect(Math.abs(studentQuantile(probability, degrees) - t)).toBeLessThanOrEqual(
        QUANTILE_RTOL * Math.max(t, 1),
      );
    },
  );
});

describe("meanInterval", () => {
  it.each(fixture.intervals)("equals SciPy for mean $mean", ({ values, mean, ci95 }) => {
    const ours = meanInterval(values);
    expect(Math.abs(ours.mean - mean)).toBeLessThanOrEqual(1e-14 * Math.abs(mean));
    expect(Math.abs(ours.ci95 - ci95)).toBeLessThanOrEqual(INTERVAL_RTOL * ci95);
  });

  it("has no interval for one value and no mean for none", () => {
    expect(meanInterval([3])).toEqual({ mean: 3, ci95: Number.NaN });
    expect(meanInterval([])).toEqual({ mean: Number.NaN, ci95: Number.NaN });
  });

  it("leaves out the infinite PSNR of identical images", () => {
    expect(meanInterval([30, Number.POSITIVE_INFINITY, 32])).toEqual(meanInterval([30, 32]));
    expect(meanInterval([Number.POSITIVE_INFINITY])).toEqual({ mean: Number.NaN, ci95: Number.NaN });
  });

  it("gives 0 width for equal values", () => {
    expect(meanInterval([0.5, 0.5, 0.5])).toEqual({ mean: 0.5, ci95: 0 });
  });
});

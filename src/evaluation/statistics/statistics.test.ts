import { describe, expect, it } from "vitest";
import fixture from "../fixtures/statistics.json";
import { bootstrapMean } from "./bootstrap";
import { pairedDifferences } from "./differences";
import { holm } from "./holm";
import { normalQuantile, normalUpperTail } from "./normal";
import { pairedT } from "./pairedT";
import { wilcoxonSignedRank } from "./wilcoxon";

/** exp(−z²/2) alone loses z²/2 ulps: 450 at z = 30. */
const NORMAL_RTOL = 1e-12;
/** ln Γ and the continued fraction of the incomplete beta function, at up to 400 degrees of freedom. */
const T_P_RTOL = 1e-9;
/** Sums in another order than NumPy's. */
const SUM_RTOL = 1e-12;
/** The same resamples, averaged in another order and read between neighbours; BCa adds two normal quantiles. */
const BOOTSTRAP_RTOL = 1e-9;

function expectClose(ours: number, theirs: number, relative: number): void {
  expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(relative * Math.abs(theirs));
}

describe("the normal distribution", () => {
  it.each(fixture.normalTails)("has SciPy's tail beyond $z", ({ z, p }) =>
    expectClose(normalUpperTail(z), p, NORMAL_RTOL),
  );

  it.each(fixture.normalQuantiles)("has SciPy's quantile at $probability", ({ probability, z }) =>
    expect(Math.abs(normalQuantile(probability) - z)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(z))),
  );
});

describe("pairedT", () => {
  it.each(fixture.paired)("equals SciPy: $name", ({ differences, t, tP, cohensD }) => {
    const ours = pairedT(differences);
    expectClose(ours.t, t, SUM_RTOL);
    expectClose(ours.p, tP, T_P_RTOL);
    expectClose(ours.cohensD, cohensD, SUM_RTOL);
  });

  it("has no evidence in equal values and no test of one pair", () => {
    expect(pairedT([0, 0, 0])).toMatchObject({ t: 0, p: 1, cohensD: 0 });
    expect(pairedT([2, 2])).toMatchObject({ t: Number.POSITIVE_INFINITY, p: 0 });
    expect(pairedT([1]).p).toBeNaN();
  });
});

describe("wilcoxonSignedRank", () => {
  it.each(fixture.paired)(
    "equals SciPy in each mode: $name",
    ({ differences, rankPlus, rankMinus, wilcoxon }) => {
      for (const { distribution, continuity, p } of wilcoxon) {
        const options = { distribution: distribution as "exact" | "normal", continuity };
        const ours = wilcoxonSignedRank(differences, options);
        expect([ours.rankPlus, ours.rankMinus]).toEqual([rankPlus, rankMinus]);
        expectClose(ours.p, p, NORMAL_RTOL);
        expect(ours.rankBiserial).toBeCloseTo((rankPlus - rankMinus) / (rankPlus + rankMinus), 14);
      }
    },
  );

  it("is exact for few plain differences only", () => {
    const plain = Array.from({ length: 51 }, (_, i) => i + 1);
    expect(wilcoxonSignedRank(plain.slice(0, 50)).distribution).toBe("exact");
    expect(wilcoxonSignedRank(plain).distribution).toBe("normal");
    expect(wilcoxonSignedRank([1, -1, 3]).distribution).toBe("normal");
    expect(wilcoxonSignedRank([0, 1, 3]).distribution).toBe("normal");
  });

  it("has no evidence without differences", () => {
    expect(wilcoxonSignedRank([0, 0])).toMatchObject({ p: 1, rankBiserial: 0 });
    expect(wilcoxonSignedRank([]).p).toBeNaN();
  });
});

describe("holm", () => {
  it("multiplies by what is left and never falls", () => {
    // The worked example: 4·0.005, 3·0.01, 2·0.03, then 0.04 held up by its predecessor.
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.5, 0.9])).toEqual([1, 1]);
  });

  it("leaves out what was not tested", () => {
    expect(holm([Number.NaN, 0.02, 0.01])).toEqual([Number.NaN, 0.02, 0.02]);
  });
});

describe("bootstrapMean", () => {
  it.each(fixture.bootstraps)("equals SciPy on the lab's draws: $method, seed $seed", (given) => {
    const { low, high } = bootstrapMean(given.values, given.seed, given.method as "percentile" | "bca");
    expectClose(low, given.low, BOOTSTRAP_RTOL);
    expectClose(high, given.high, BOOTSTRAP_RTOL);
  });

  it("depends on the seed, and has no width for equal values", () => {
    const values = [1, 2, 3, 4, 9];
    expect(bootstrapMean(values, 1, "bca")).not.toEqual(bootstrapMean(values, 2, "bca"));
    expect(bootstrapMean([2, 2, 2], 1, "bca")).toEqual({ low: 2, high: 2 });
    expect(bootstrapMean([2], 1, "percentile").low).toBeNaN();
  });
});

describe("pairedDifferences", () => {
  it("leaves out pairs without a difference and refuses unequal lists", () => {
    const infinite = Number.POSITIVE_INFINITY;
    expect([...pairedDifferences([3, infinite, 5], [1, 2, 7])]).toEqual([2, -2]);
    expect(() => pairedDifferences([1], [1, 2])).toThrow("shape/pairs");
  });
});

import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import fixture from "./fixtures/gaussian_metrics.json";
import { gaussianSimilarities, gaussianSsim, MS_SSIM_MIN_SIDE, msSsim } from "./gaussianSsim";
import { meanAbsoluteError } from "./metrics";

/** Both sides sum in float64 (the pictures are exact in float32); only the order differs. */
const ABSOLUTE = 1e-10;

/** The pictures of pytorch/make_metric_fixtures.py. */
function pair(height: number, width: number, amount: number) {
  const reference = new Float32Array(height * width);
  const test = new Float32Array(height * width);
  for (let i = 0; i < reference.length; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    const level = ((x * 3 + y * 2) % 160) + 48 * (((x >> 3) + (y >> 3)) % 2);
    const hashed = Math.imul(i, 2654435761) >>> 16;
    reference[i] = level / 256;
    test[i] = (level + (hashed % (2 * amount + 1)) - amount) / 256;
  }
  return { reference, test };
}

function refusal(work: () => number): unknown {
  try {
    return work();
  } catch (error) {
    return error instanceof LabError ? error.failure.code : error;
  }
}

describe("SSIM with the Gaussian window", () => {
  it.each(fixture.cases)(
    "equals scikit-image's, MS-SSIM PyTorch's: $width×$height, $amount/256",
    (example) => {
      const { height, width } = example;
      const { test, reference } = pair(height, width, example.amount);
      expect(Math.abs(meanAbsoluteError(test, reference) - example.meanAbsoluteError)).toBeLessThan(ABSOLUTE);
      expect(Math.abs(gaussianSsim(test, reference, width, height) - example.ssim)).toBeLessThan(ABSOLUTE);
      if (example.msSsim !== null)
        expect(Math.abs(msSsim(test, reference, width, height) - example.msSsim)).toBeLessThan(ABSOLUTE);
    },
  );

  it("is the same with MS-SSIM beside it, which a small image has not", () => {
    const { test, reference } = pair(170, 161, 9);
    expect(gaussianSimilarities(test, reference, 161, 170)).toEqual({
      ssim: gaussianSsim(test, reference, 161, 170),
      msSsim: msSsim(test, reference, 161, 170),
    });
    const small = pair(160, 170, 9);
    expect(gaussianSimilarities(small.test, small.reference, 170, 160).msSsim).toBeNull();
    expect(refusal(() => gaussianSimilarities(test, reference, 10, 10).ssim)).toBe("shape/ssim");
  });

  it("of identical images is 1, and 0 error", () => {
    const { reference } = pair(170, 161, 1);
    expect(gaussianSsim(reference, reference, 161, 170)).toBeCloseTo(1, 12);
    expect(msSsim(reference, reference, 161, 170)).toBeCloseTo(1, 12);
    expect(meanAbsoluteError(reference, reference)).toBe(0);
  });

  it("of an image and its negative has an MS-SSIM of 0, not NaN", () => {
    const { reference } = pair(161, 161, 1);
    const negative = reference.map((value) => 1 - value);
    expect(gaussianSsim(negative, reference, 161, 161)).toBeLessThan(0);
    expect(msSsim(negative, reference, 161, 161)).toBe(0);
  });

  it("refuses too small and unequal images with a code", () => {
    const image = (width: number, height: number) => new Float32Array(width * height);
    expect(MS_SSIM_MIN_SIDE).toBe(161);
    expect(refusal(() => gaussianSsim(image(10, 20), image(10, 20), 10, 20))).toBe("shape/ssim");
    expect(refusal(() => msSsim(image(160, 200), image(160, 200), 160, 200))).toBe("shape/ms-ssim");
    expect(refusal(() => msSsim(image(161, 161), image(161, 162), 161, 161))).toBe("shape/metric");
    expect(refusal(() => meanAbsoluteError(image(2, 2), image(2, 1)))).toBe("shape/metric");
  });
});

import { describe, expect, it } from "vitest";
import { psnrDb } from "@/imaging/metrics";
import fixture from "./fixtures/methods.json";
import { gaussianFilter } from "./gaussian";
import { medianFilter } from "./median";
import type { Picture } from "./method";
import { nonLocalMeansFilter } from "./nonLocalMeans";
import { METHODS, methodNamed } from "./registry";
import { totalVariationFilter } from "./totalVariation";
import { waveletFilter } from "./wavelet";

/** Both sides are rounded to float32 at values below 1. */
const FLOAT32_ATOL = 1e-7;
/** The integral image subtracts sums of thousands of squares: a patch at the cut-off may fall on its other side (e⁻⁵ of weight 1). */
const NLM_ATOL = 1e-6;
/** The sums of 200 steps in another order than NumPy's. */
const TV_ATOL = 1e-6;

const decode = (text: string): Float32Array => {
  const bytes = Buffer.from(text, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};
const noisy: Picture = { data: decode(fixture.noisy), width: fixture.width, height: fixture.height };
const clean = decode(fixture.clean);

function largestDifference(ours: Float32Array, theirs: string): number {
  const expected = decode(theirs);
  expect(ours.length).toBe(expected.length);
  return ours.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
}

describe("filters against SciPy, scikit-image and numpy", () => {
  it("Gaussian: SciPy's gaussian_filter", () => {
    const { pixels, out } = fixture.gaussian;
    expect(largestDifference(gaussianFilter(noisy, pixels), out)).toBeLessThanOrEqual(FLOAT32_ATOL);
  });

  it("median: SciPy's median_filter, to the bit", () => {
    const { side, out } = fixture.median;
    expect(largestDifference(medianFilter(noisy, side), out)).toBe(0);
  });

  it("total variation: scikit-image's denoise_tv_chambolle", () => {
    const { weight, out } = fixture.totalVariation;
    expect(largestDifference(totalVariationFilter(noisy, weight), out)).toBeLessThanOrEqual(TV_ATOL);
  });

  it("wavelet: scikit-image's denoise_wavelet with sym4", () => {
    const ours = waveletFilter(noisy, fixture.std);
    expect(largestDifference(ours, fixture.wavelet.out)).toBeLessThanOrEqual(FLOAT32_ATOL);
  });

  it("non-local means: the definition in numpy (scikit-image's fast mode is held against that where the fixture is made)", () => {
    const { patch, distance, h, out } = fixture.nonLocalMeans;
    const ours = nonLocalMeansFilter(noisy, { patch, distance, h, std: fixture.std });
    expect(largestDifference(ours, out)).toBeLessThanOrEqual(NLM_ATOL);
  });
});

describe("the registry", () => {
  it("names each method once and refuses other names", () => {
    const names = METHODS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(methodNamed(name).name).toBe(name);
    expect(() => methodNamed("bm4d")).toThrow("config/baseline");
  });

  it.each(METHODS)("$name takes the mean off first and leaves its input alone", (method) => {
    const shifted = { ...noisy, data: noisy.data.map((value) => value + 0.125) };
    const before = shifted.data.slice();
    const plain = method.denoise(noisy, { mean: 0, std: fixture.std });
    const moved = method.denoise(shifted, { mean: 0.125, std: fixture.std });
    expect(shifted.data).toEqual(before);
    const most = moved.reduce((far, value, i) => Math.max(far, Math.abs(value - (plain[i] as number))), 0);
    // Adding and taking off 1/8 rounds the last bit of a float32; total variation may stop one step apart.
    if (method.name === "noisy") expect(most).toBeCloseTo(0.125, 6);
    else expect(most).toBeLessThanOrEqual(1e-3);
  });

  it.each(METHODS)("$name gives back a picture without noise", (method) => {
    expect(method.denoise({ ...noisy, data: clean }, { mean: 0, std: 0 })).toEqual(clean);
  });

  it.each(METHODS.slice(2))("$name gains over the noisy picture", (method) => {
    const out = method.denoise(noisy, { mean: 0, std: fixture.std });
    expect(psnrDb(out, clean)).toBeGreaterThan(psnrDb(noisy.data, clean) + 1);
  });
});

import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { gaussianSsim } from "@/imaging/gaussianSsim";
import { meanAbsoluteError, psnrDb, ssim } from "@/imaging/metrics";
import { addNoise, unitPixels } from "@/imaging/noise";
import { meanInterval } from "./interval";
import { TestLpips } from "./lpips/testLpips";
import { evaluateTestSet, summarizeImages } from "./testSet";

const SIZE = 16;
const PIXELS = SIZE * SIZE;
const COUNT = 7;
const NOISE = { mean: 0.02, std: 0.1 };
const SEED = 5;

const image = (index: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: PIXELS }, (_, i) => (i * 3 + index * 31) % 256);

const reader: ImageReader = {
  count: COUNT,
  size: SIZE,
  patientKeys: Array.from({ length: COUNT }, (_, i) => `p${i}`),
  read: (indices) => {
    const out = new Uint8Array(indices.length * PIXELS);
    for (let i = 0; i < indices.length; i++) out.set(image(indices[i] as number), i * PIXELS);
    return Promise.resolve(out);
  },
};

/** Leaves [0, 1] on purpose: outputs are compared as they are. */
const doubling = {
  infer: (noisy: Float32Array<ArrayBuffer>) => Promise.resolve(noisy.map((value) => 2 * value - 0.5)),
};

const unitPixelsOf = (index: number): Float32Array => Float32Array.from(image(index), (level) => level / 255);
const sumOf = (images: Float32Array, i: number): number =>
  images.subarray(i * PIXELS, (i + 1) * PIXELS).reduce((sum, value) => sum + value, 0);

const request = (indices: number[]) => ({
  executor: doubling,
  reader,
  indices,
  contentHashes: indices.map((index) => `hash-${index}`),
  noise: NOISE,
  seed: SEED,
  batchSize: 3,
  lpips: null,
});

describe("evaluateTestSet", () => {
  it("measures each image against its own clean one, with the noise of visit 0 and the output as it is", async () => {
    const seen: number[][] = [];
    const indices = [6, 0, 3, 2];
    const { test, perImage } = await evaluateTestSet({
      ...request(indices),
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect(seen).toEqual([
      [3, 4],
      [4, 4],
    ]);
    expect(perImage.map((one) => [one.index, one.contentHash])).toEqual(
      indices.map((index) => [index, `hash-${index}`]),
    );
    indices.forEach((index, place) => {
      const clean = new Float32Array(PIXELS);
      const noisy = new Float32Array(PIXELS);
      unitPixels(image(index), clean, 0);
      addNoise(image(index), NOISE, { seed: SEED, index, visit: 0 }, noisy, 0);
      const denoised = noisy.map((value) => 2 * value - 0.5);
      expect(perImage[place]).toMatchObject({
        psnrDb: psnrDb(denoised, clean),
        ssim: ssim(denoised, clean, SIZE, SIZE),
        noisyPsnrDb: psnrDb(noisy, clean),
        noisySsim: ssim(noisy, clean, SIZE, SIZE),
        lpips: null,
        mae: meanAbsoluteError(denoised, clean),
        ssimGaussian: gaussianSsim(denoised, clean, SIZE, SIZE),
        noisyMae: meanAbsoluteError(noisy, clean),
        noisySsimGaussian: gaussianSsim(noisy, clean, SIZE, SIZE),
        // Too small for five scales.
        msSsim: null,
        noisyMsSsim: null,
      });
    });
    expect(test.count).toBe(4);
    expect(test.denoised.psnrDb).toEqual(meanInterval(perImage.map((one) => one.psnrDb)));
    expect(test.noisy.ssim).toEqual(meanInterval(perImage.map((one) => one.noisySsim)));
    expect(test.denoised.lpips).toBeNull();
    expect(test.denoised.mae).toEqual(meanInterval(perImage.map((one) => one.mae ?? Number.NaN)));
    expect(test.noisy.ssimGaussian).toEqual(
      meanInterval(perImage.map((one) => one.noisySsimGaussian ?? Number.NaN)),
    );
    expect(test.denoised.msSsim).toBeNull();
  });

  it("has no further metrics of images that an earlier version measured", async () => {
    const { perImage } = await evaluateTestSet(request([6, 0]));
    const earlier = perImage.map(({ mae, ssimGaussian, msSsim, noisyMae, ...rest }) => rest);
    const { denoised, noisy } = summarizeImages(earlier);
    expect(denoised).not.toHaveProperty("mae");
    expect(denoised).not.toHaveProperty("msSsim");
    expect(noisy).not.toHaveProperty("mae");
    expect(noisy.ssimGaussian?.mean).toBeGreaterThan(0);
  });

  it("keeps a perfect image out of the mean and in the list", async () => {
    const identity = { infer: (noisy: Float32Array<ArrayBuffer>) => Promise.resolve(noisy) };
    const { test, perImage } = await evaluateTestSet({
      ...request([1, 2]),
      executor: identity,
      noise: { mean: 0, std: 0 },
    });
    expect(perImage[0]?.psnrDb).toBe(Number.POSITIVE_INFINITY);
    expect(test.denoised.psnrDb.mean).toBeNaN();
    expect(test.denoised.ssim).toEqual({ mean: 1, ci95: 0 });
  });

  it("stops between batches when asked, and refuses an empty test set", async () => {
    let batches = 0;
    const stopping = evaluateTestSet({ ...request([0, 1, 2, 3, 4]), shouldStop: () => batches++ === 1 });
    await expect(stopping).rejects.toMatchObject({ failure: { code: "run/cancelled" } });
    await expect(evaluateTestSet(request([]))).rejects.toMatchObject({ failure: { code: "data/empty" } });
  });

  it("puts the LPIPS of each image beside its other metrics, and tells how they were measured", async () => {
    // A distance that names the images it was taken of: their sums.
    const distances = (reference: Float32Array, tests: readonly Float32Array[], images: number) =>
      Promise.resolve(
        tests.map((test) =>
          Float32Array.from({ length: images }, (_, i) => sumOf(test, i) - sumOf(reference, i)),
        ),
      );
    const opened = { network: "alex", engine: "tfjs-test", distances, dispose: () => undefined } as const;
    const lpips = new TestLpips({ ok: true, value: opened });
    const { test, perImage } = await evaluateTestSet({ ...request([6, 0, 3, 2]), lpips });
    for (const one of perImage) {
      const clean = unitPixelsOf(one.index);
      const noisy = new Float32Array(PIXELS);
      addNoise(image(one.index), NOISE, { seed: SEED, index: one.index, visit: 0 }, noisy, 0);
      const doubled = noisy.map((value) => 2 * value - 0.5);
      expect(one.noisyLpips).toBeCloseTo(sumOf(noisy, 0) - sumOf(clean, 0), 3);
      expect(one.lpips).toBeCloseTo(sumOf(doubled, 0) - sumOf(clean, 0), 3);
    }
    expect(test.denoised.lpips).toEqual(meanInterval(perImage.map((one) => one.lpips ?? Number.NaN)));
    expect(test.lpips).toMatchObject({ ok: true, value: { network: "alex", engine: "tfjs-test" } });
  });

  it("keeps the other metrics where LPIPS fails midway", async () => {
    let batches = 0;
    const distances = (_: Float32Array, tests: readonly Float32Array[], images: number) =>
      ++batches < 2
        ? Promise.resolve(tests.map(() => new Float32Array(images)))
        : Promise.reject(new LabError("engine/device-lost", "The device was lost.", "Go on."));
    const opened = { network: "alex", engine: "tfjs-test", distances, dispose: () => undefined } as const;
    const lpips = new TestLpips({ ok: true, value: opened });
    const { test, perImage } = await evaluateTestSet({ ...request([6, 0, 3, 2, 1, 4, 5]), lpips });
    expect(batches).toBe(2);
    expect(perImage.map((one) => one.lpips)).toEqual([0, 0, 0, null, null, null, null]);
    expect(test.denoised.lpips).toBeNull();
    expect(test.denoised.psnrDb.mean).toBeGreaterThan(0);
    expect(test.lpips).toMatchObject({ ok: false, failure: { code: "engine/device-lost" } });
  });
});

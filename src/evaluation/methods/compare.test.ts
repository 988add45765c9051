import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import type { ImageMetrics, PriorMethodResult } from "@/contracts/training";
import { psnrDb } from "@/imaging/metrics";
import { renderPhantom } from "@/imaging/phantom";
import { meanInterval } from "../interval";
import { noisyTestImages } from "../testSet";
import { type ComparisonRequest, compareMethods } from "./compare";
import { methodNamed } from "./registry";
import { RUN_HERE, runMethod } from "./task";

const SIZE = 32;
const NOISE = { mean: 0.1, std: 0.1 };
const SEED = 5;
const reader = {
  size: SIZE,
  read: (indices: ArrayLike<number>) => {
    const images = Array.from({ length: indices.length }, (_, i) =>
      renderPhantom(SIZE, 1, indices[i] as number),
    );
    return Promise.resolve(Uint8Array.from(images.flatMap((image) => [...image])));
  },
} as ImageReader;

/** A network that is always 1 dB better than the Gaussian filter, but for a little that differs from image to image. */
async function testedImages(count: number): Promise<ImageMetrics[]> {
  const images: ImageMetrics[] = [];
  for (let index = 0; index < count; index++) {
    const { clean, noisy } = await noisyTestImages({ reader, noise: NOISE, seed: SEED }, [index]);
    const filtered = methodNamed("gaussian").denoise({ data: noisy, width: SIZE, height: SIZE }, NOISE);
    images.push({
      index,
      contentHash: `${index}`,
      psnrDb: psnrDb(filtered, clean) + 1 + 0.01 * (index % 3),
      ssim: 0.5,
      lpips: null,
      noisyPsnrDb: psnrDb(noisy, clean),
      noisySsim: 0.5,
      noisyLpips: null,
    });
  }
  return images;
}

const request = async (overrides: Partial<ComparisonRequest> = {}): Promise<ComparisonRequest> => ({
  reader,
  perImage: await testedImages(8),
  noise: NOISE,
  seed: SEED,
  methods: ["noisy", "mean", "gaussian"].map(methodNamed),
  runner: RUN_HERE,
  lpips: null,
  onProgress: () => undefined,
  shouldStop: () => false,
  breathe: () => Promise.resolve(),
  ...overrides,
});

describe("compareMethods", () => {
  it("tests every method on the images and the noise of the run, paired with its network", async () => {
    const counts: number[] = [];
    const asked = await request({ onProgress: ({ done }) => counts.push(done) });
    const [noisy, mean, filtered] = await compareMethods(asked);
    expect(counts).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    expect(noisy?.psnrDb).toEqual(meanInterval(asked.perImage.map((image) => image.noisyPsnrDb)));
    expect(mean?.psnrDb.mean).toBeGreaterThan(noisy?.psnrDb.mean ?? 0);
    const against = filtered?.versusNetwork;
    expect(against?.differenceDb.mean).toBeCloseTo(1 + 0.01 * (7 / 8), 10);
    expect(against?.differenceDb.low).toBeLessThan(against?.differenceDb.mean ?? 0);
    expect(against?.differenceDb.high).toBeGreaterThan(against?.differenceDb.mean ?? 0);
    expect(against?.rankBiserial).toBe(1);
    // Ties among the differences: the normal approximation, of all eight on one side.
    expect(against?.wilcoxonP).toBeLessThan(0.02);
    expect(against?.holmP).toBeGreaterThanOrEqual(against?.wilcoxonP ?? 1);
    expect(against?.tP).toBeLessThan(1e-6);
    expect(against?.cohensD).toBeGreaterThan(10);
  });

  it("gives the same numbers with several lanes, whichever is done first", async () => {
    const withoutTimes = (results: readonly PriorMethodResult[]) =>
      results.map(({ seconds: _, ...rest }) => rest);
    const one = await compareMethods(await request());
    let active = 0;
    let most = 0;
    const shuffled: ComparisonRequest["runner"] = {
      lanes: 3,
      run: async (task) => {
        most = Math.max(most, ++active);
        // The slower a task, the earlier it began.
        for (let turn = 0; turn < (active === 1 ? 9 : 1); turn++)
          await new Promise((done) => setTimeout(done));
        active--;
        return runMethod(task);
      },
    };
    const three = await compareMethods(await request({ runner: shuffled }));
    expect(most).toBe(3);
    expect(withoutTimes(three)).toEqual(withoutTimes(one));
    expect(one[2]?.ssimGaussian?.mean).toBeGreaterThan(one[0]?.ssimGaussian?.mean ?? 1);
    expect(one[2]?.mae?.mean).toBeLessThan(one[0]?.mae?.mean ?? 0);
    expect(one[0]).toMatchObject({ msSsim: null });
    expect(one[0]).not.toHaveProperty("lpips");
  });

  it("measures LPIPS of every method, and goes on without where it fails", async () => {
    const sum = (image: Float32Array): number => image.reduce((total, value) => total + value, 0);
    const distances = (clean: Float32Array, tests: readonly Float32Array[]) =>
      Promise.resolve(tests.map((test) => Float32Array.of(Math.abs(sum(test) - sum(clean)))));
    const [noisy, mean] = await compareMethods(await request({ lpips: { distances } }));
    // The noise has a mean, which one of them takes off.
    expect(noisy?.lpips?.mean).toBeGreaterThan(2 * (mean?.lpips?.mean ?? Number.NaN));
    const failing = { distances: () => Promise.resolve(null) };
    const [without] = await compareMethods(await request({ lpips: failing }));
    expect(without?.lpips).toBeNull();
    expect(without?.psnrDb.mean).toBeGreaterThan(0);
  });

  it("refuses a run that was tested on another noise", async () => {
    await expect(compareMethods(await request({ noise: { mean: 0.1, std: 0.12 } }))).rejects.toMatchObject({
      failure: { code: "run/other-images" },
    });
    await expect(compareMethods(await request({ seed: SEED + 1 }))).rejects.toMatchObject({
      failure: { code: "run/other-images" },
    });
  });

  it("ends when it is told to", async () => {
    let done = 0;
    const asked = await request({
      onProgress: (progress) => {
        done = progress.done;
      },
      shouldStop: () => done === 4,
    });
    await expect(compareMethods(asked)).rejects.toMatchObject({ failure: { code: "run/cancelled" } });
    expect(done).toBe(4);
  });
});

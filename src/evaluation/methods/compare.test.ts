import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import type { ImageMetrics } from "@/contracts/training";
import { psnrDb } from "@/imaging/metrics";
import { renderPhantom } from "@/imaging/phantom";
import { meanInterval } from "../interval";
import { noisyTestImages } from "../testSet";
import { type ComparisonRequest, compareMethods } from "./compare";
import { methodNamed } from "./registry";

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

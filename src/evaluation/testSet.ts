import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { ImageMetrics, MethodMetrics, RunResult } from "@/contracts/training";
import type { Executor } from "@/engine/executor";
import { addNoise, type NoiseAmount, unitPixels } from "@/imaging/noise";
import { meanInterval } from "./interval";
import type { TestLpips } from "./lpips/testLpips";
import { furtherMeans, meanOf, measure } from "./measures";

/** Test and validation noise is the first draw of an image, so that every model and every epoch sees the same. */
export const TEST_VISIT = 0;

export interface TestSetRequest {
  /** Set to the reader's size. */
  readonly executor: Pick<Executor, "infer">;
  readonly reader: ImageReader;
  /** Dataset indices of the test images; their order is that of the result. */
  readonly indices: ArrayLike<number>;
  /** Content hash of each of them, in the same order. */
  readonly contentHashes: readonly string[];
  readonly noise: NoiseAmount;
  readonly seed: number;
  readonly batchSize: number;
  /** Measures LPIPS too; null: it was not asked for. Stays the caller's to dispose. */
  readonly lpips: Pick<TestLpips, "measure" | "outcome"> | null;
  readonly onProgress?: (done: number, total: number) => void;
  /** Asked before each batch; true ends the test with `run/cancelled`. */
  readonly shouldStop?: () => boolean;
}

export interface TestSetResult {
  readonly test: NonNullable<RunResult["test"]>;
  readonly perImage: readonly ImageMetrics[];
}

/** A batch of test images, all [images, size, size]: clean/255, with its test noise (clamped), and as the network gives it back (not clamped). */
export interface TestBatch {
  readonly images: number;
  readonly clean: Float32Array<ArrayBuffer>;
  readonly noisy: Float32Array<ArrayBuffer>;
  readonly denoised: Float32Array<ArrayBuffer>;
}

/** Reads the images `indices` and adds their test noise: what every model and method is tested on. */
export async function noisyTestImages(
  { reader, noise, seed }: Pick<TestSetRequest, "reader" | "noise" | "seed">,
  indices: ArrayLike<number>,
): Promise<Pick<TestBatch, "clean" | "noisy">> {
  const pixels = reader.size * reader.size;
  const bytes = await reader.read(indices);
  const clean = new Float32Array(bytes.length);
  const noisy = new Float32Array(bytes.length);
  unitPixels(bytes, clean, 0);
  for (let i = 0; i < indices.length; i++) {
    const image = bytes.subarray(i * pixels, (i + 1) * pixels);
    addNoise(image, noise, { seed, index: indices[i] as number, visit: TEST_VISIT }, noisy, i * pixels);
  }
  return { clean, noisy };
}

/** The images `indices` with their test noise, and as one call of the executor denoises them. */
export async function denoiseTestBatch(
  request: Pick<TestSetRequest, "executor" | "reader" | "noise" | "seed">,
  indices: ArrayLike<number>,
): Promise<TestBatch> {
  const { clean, noisy } = await noisyTestImages(request, indices);
  // A copy goes in: an engine may take the buffer for itself.
  const denoised = await request.executor.infer(noisy.slice(), indices.length);
  return { images: indices.length, clean, noisy, denoised };
}

/**
 * PSNR, SSIM in three forms and mean absolute error of every test image, noisy and denoised (outputs not clamped), and
 * their means with 95 % intervals.
 * An infinite PSNR (identical images) stays in the list and out of the mean. Fails with `run/cancelled` and `data/empty`.
 */
export async function evaluateTestSet(request: TestSetRequest): Promise<TestSetResult> {
  const { reader, indices, contentHashes, batchSize } = request;
  const total = indices.length;
  if (total === 0 || contentHashes.length !== total)
    throw new LabError(
      "data/empty",
      `There are ${total} test images and ${contentHashes.length} content hashes.`,
      "Use a split that leaves at least one test image.",
    );
  const { size } = reader;
  const pixels = size * size;
  const perImage: ImageMetrics[] = [];
  for (let first = 0; first < total; first += batchSize) {
    if (request.shouldStop?.())
      throw new LabError(
        "run/cancelled",
        `The test was ended after ${first} of ${total} images.`,
        "Start it again for results.",
      );
    const count = Math.min(batchSize, total - first);
    const batchIndices = Array.from({ length: count }, (_, i) => indices[first + i] as number);
    const batch = await denoiseTestBatch(request, batchIndices);
    const distances = await request.lpips?.measure(batch, size);
    for (let i = 0; i < count; i++) {
      const part = (images: Float32Array): Float32Array => images.subarray(i * pixels, (i + 1) * pixels);
      const clean = part(batch.clean);
      const noisy = measure(part(batch.noisy), clean, size);
      perImage.push({
        index: batchIndices[i] as number,
        contentHash: contentHashes[first + i] as string,
        ...measure(part(batch.denoised), clean, size),
        lpips: distances?.denoised[i] ?? null,
        noisyPsnrDb: noisy.psnrDb,
        noisySsim: noisy.ssim,
        noisyLpips: distances?.noisy[i] ?? null,
        noisyMae: noisy.mae,
        noisySsimGaussian: noisy.ssimGaussian,
        noisyMsSsim: noisy.msSsim,
      });
    }
    request.onProgress?.(first + count, total);
  }
  const test = summarizeImages(perImage);
  return { test: request.lpips ? { ...test, lpips: request.lpips.outcome() } : test, perImage };
}

/** Means with 95 % intervals over per-image metrics. LPIPS is null where an image has none. */
export function summarizeImages(perImage: readonly ImageMetrics[]): NonNullable<RunResult["test"]> {
  const denoised: MethodMetrics = {
    psnrDb: meanInterval(perImage.map((image) => image.psnrDb)),
    ssim: meanInterval(perImage.map((image) => image.ssim)),
    lpips: meanOf(perImage.map((image) => image.lpips)) ?? null,
    ...furtherMeans(perImage),
  };
  const noisy: MethodMetrics = {
    psnrDb: meanInterval(perImage.map((image) => image.noisyPsnrDb)),
    ssim: meanInterval(perImage.map((image) => image.noisySsim)),
    lpips: meanOf(perImage.map((image) => image.noisyLpips)) ?? null,
    ...furtherMeans(
      perImage.map((image) => ({
        mae: image.noisyMae,
        ssimGaussian: image.noisySsimGaussian,
        msSsim: image.noisyMsSsim,
      })),
    ),
  };
  return { count: perImage.length, noisy, denoised };
}

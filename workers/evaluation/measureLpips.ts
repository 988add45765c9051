import { LabError, unwrap } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import type { ImageMetrics, RunResult } from "@/contracts/training";
import type { TestLpips } from "@/evaluation/lpips/testLpips";
import { denoiseTestBatch, summarizeImages } from "@/evaluation/testSet";
import { openImageReader } from "@/storage/datasets";
import { modelIdsOfRun } from "@/storage/models";
import { getRun, updateRun } from "@/storage/runs";
import { readerAtSize } from "@/training/resizedReader";
import type { Denoiser } from "./denoiser";
import { datasetOf } from "./runs";

/** Images at a time: enough to fill a GPU at 256², and little to wait for after a cancel. */
const BATCH = 8;

interface Tested {
  readonly run: RunRecord;
  readonly result: RunResult;
  readonly perImage: readonly ImageMetrics[];
}

/** The stored run with its test. Fails with `run/no-test`. */
async function testedRun(id: string): Promise<Tested> {
  const run = await getRun(id);
  const { result, perImage } = run;
  if (!result?.test || !perImage || perImage.length === 0)
    throw new LabError(
      "run/no-test",
      `${run.name} has no test to add LPIPS to.`,
      "Train it to its end first.",
    );
  return { run, result, perImage };
}

const hashes = (perImage: readonly ImageMetrics[]): string => perImage.map((one) => one.contentHash).join();

/**
 * Adds LPIPS to the test of a stored run: the test images go through its best weights again, with the noise of the test;
 * its other metrics stay as they were. All or nothing. Failures: `run/no-test`, `data/missing` (the images or weights are
 * no longer stored), `run/changed` (trained on meanwhile), `run/cancelled`, and what keeps LPIPS from being measured.
 */
export async function measureLpips(request: {
  readonly id: string;
  readonly denoiser: Denoiser;
  readonly open: () => Promise<TestLpips>;
  readonly onProgress: (progress: { readonly imagesDone: number; readonly images: number }) => void;
  readonly cancelled: () => boolean;
}): Promise<void> {
  const { id, denoiser, onProgress } = request;
  const { run, perImage } = await testedRun(id);
  const { size } = run.config.data;
  const dataset = await datasetOf(run);
  const modelId = (await modelIdsOfRun(id)).find((one) => one.endsWith("-best"));
  if (!dataset || modelId === undefined)
    throw new LabError(
      "data/missing",
      `The ${dataset ? "best weights" : "test images"} of ${run.name} are no longer stored here.`,
      "Import them again, or train a new run.",
    );
  const reader = readerAtSize(await openImageReader(dataset.id), size);
  const executor = {
    infer: async (noisy: Float32Array<ArrayBuffer>, images: number) =>
      (await denoiser.infer(modelId, noisy, images, size, size)).output,
  };
  const { noise, seed } = run.config;
  const lpips = await request.open();
  try {
    unwrap(lpips.outcome());
    const measured: ImageMetrics[] = [];
    while (measured.length < perImage.length) {
      if (request.cancelled())
        throw new LabError("run/cancelled", `LPIPS of ${run.name} was not measured.`, "Start it again.");
      const part = perImage.slice(measured.length, measured.length + BATCH);
      const batch = await denoiseTestBatch(
        { executor, reader, noise, seed },
        part.map(({ index }) => index),
      );
      const found = await lpips.measure(batch, size);
      unwrap(lpips.outcome());
      for (const [i, one] of part.entries())
        measured.push({ ...one, lpips: found?.denoised[i] ?? null, noisyLpips: found?.noisy[i] ?? null });
      onProgress({ imagesDone: measured.length, images: perImage.length });
    }
    const now = await testedRun(id);
    if (hashes(now.perImage) !== hashes(perImage) || now.result.best.epoch !== run.result?.best.epoch)
      throw new LabError(
        "run/changed",
        `${run.name} was trained on while its LPIPS was measured.`,
        "Measure it again.",
      );
    const test = { ...summarizeImages(measured), lpips: lpips.outcome() };
    await updateRun(id, { perImage: measured, result: { ...now.result, test } });
  } finally {
    lpips.dispose();
  }
}

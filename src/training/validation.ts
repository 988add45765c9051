import type { RunConfig } from "@/contracts/runConfig";
import type { Executor } from "@/engine/executor";
import { psnrDb, ssim } from "@/imaging/metrics";
import { batchIndices, FIXED_VISIT, type PairMaker } from "./batches";

export interface ValidationResult {
  /** Mean of the batch losses, a short last batch counting as much as the others, as the study does. */
  readonly loss: number;
  /** Means over the images. */
  readonly psnrDb: number;
  readonly ssim: number;
  /** Images measured: all of them, unless it was ended early. */
  readonly images: number;
}

/** Mean of |a − b| or (a − b)² in float64. */
export function meanLoss(loss: RunConfig["training"]["loss"], a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    sum += loss === "l1" ? Math.abs(difference) : difference * difference;
  }
  return sum / a.length;
}

/**
 * Measures the network on the validation images with their fixed noise. `between` is called after every batch with the
 * number of images done; when it resolves to false the measuring ends there.
 */
export async function validate(request: {
  readonly executor: Executor;
  readonly pairs: PairMaker;
  readonly indices: Uint32Array;
  readonly size: number;
  readonly batchSize: number;
  readonly loss: RunConfig["training"]["loss"];
  readonly between: (imagesDone: number) => Promise<boolean>;
}): Promise<ValidationResult> {
  const { executor, pairs, indices, size, batchSize, loss, between } = request;
  const area = size * size;
  let lossSum = 0;
  let psnrSum = 0;
  let ssimSum = 0;
  let images = 0;
  let batches = 0;
  while (images < indices.length) {
    const batch = await pairs.pairs(batchIndices(indices, batches, batchSize), FIXED_VISIT);
    const denoised = await executor.infer(batch.noisy, batch.images);
    lossSum += meanLoss(loss, denoised, batch.clean);
    for (let image = 0; image < batch.images; image++) {
      const test = denoised.subarray(image * area, (image + 1) * area);
      const reference = batch.clean.subarray(image * area, (image + 1) * area);
      psnrSum += psnrDb(test, reference);
      ssimSum += ssim(test, reference, size, size);
    }
    images += batch.images;
    batches++;
    if (!(await between(images))) break;
  }
  return { loss: lossSum / batches, psnrDb: psnrSum / images, ssim: ssimSum / images, images };
}

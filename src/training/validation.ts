import type { RunConfig } from "@/contracts/runConfig";
import type { Batch, Executor } from "@/engine/executor";
import { psnrDb, ssim } from "@/imaging/metrics";
import { batchIndices, FIXED_VISIT, type PairMaker } from "./batches";
import { type Settled, settled, taken } from "./settled";

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
 * number of images through; when it resolves to false the measuring ends there. `output` is told what the network made of
 * `images` images from place `first` on, [images, size, size].
 */
export async function validate(request: {
  readonly executor: Pick<Executor, "infer">;
  readonly pairs: PairMaker;
  readonly indices: Uint32Array;
  readonly size: number;
  readonly batchSize: number;
  readonly loss: RunConfig["training"]["loss"];
  readonly between: (imagesDone: number) => Promise<boolean>;
  readonly output?: (first: number, images: number, denoised: Float32Array) => void;
}): Promise<ValidationResult> {
  const { executor, pairs, indices, batchSize, between } = request;
  const sums = new ValidationSums(request.loss, request.size);
  const prepare = (number: number): Promise<Settled<Batch>> =>
    settled(pairs.pairs(batchIndices(indices, number, batchSize), FIXED_VISIT));
  const batches = Math.ceil(indices.length / batchSize);
  let upcoming = prepare(0);
  let measured: { batch: Batch; denoised: Float32Array } | null = null;
  let images = 0;
  for (let number = 0; number < batches; number++) {
    const batch = taken(await upcoming);
    const inferring = settled(executor.infer(batch.noisy, batch.images));
    // While the device works: noise for the next batch, metrics of the last.
    if (number + 1 < batches) upcoming = prepare(number + 1);
    if (measured) sums.add(measured.batch, measured.denoised);
    measured = { batch, denoised: taken(await inferring) };
    request.output?.(images, batch.images, measured.denoised);
    images += batch.images;
    if (!(await between(images))) break;
  }
  if (measured) sums.add(measured.batch, measured.denoised);
  return sums.result();
}

class ValidationSums {
  private readonly loss: RunConfig["training"]["loss"];
  private readonly size: number;
  private lossSum = 0;
  private psnrSum = 0;
  private ssimSum = 0;
  private batches = 0;
  private images = 0;

  constructor(loss: RunConfig["training"]["loss"], size: number) {
    this.loss = loss;
    this.size = size;
  }

  add({ images, clean }: Batch, denoised: Float32Array): void {
    const area = this.size ** 2;
    this.lossSum += meanLoss(this.loss, denoised, clean);
    for (let image = 0; image < images; image++) {
      const test = denoised.subarray(image * area, (image + 1) * area);
      const reference = clean.subarray(image * area, (image + 1) * area);
      this.psnrSum += psnrDb(test, reference);
      this.ssimSum += ssim(test, reference, this.size, this.size);
    }
    this.batches++;
    this.images += images;
  }

  result(): ValidationResult {
    const { batches, images } = this;
    return {
      loss: this.lossSum / batches,
      psnrDb: this.psnrSum / images,
      ssim: this.ssimSum / images,
      images,
    };
  }
}

import { LabError } from "@/contracts/failure";
import { type RunConfig, SIZE_MULTIPLE } from "@/contracts/runConfig";

/** How long a run is, in steps, epochs and images. */
export interface RunPlan {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Epochs begun; the last one is short when `maxSteps` ends it. */
  readonly epochs: number;
  /** Training images seen in the first `steps` steps. */
  imagesIn(steps: number): number;
}

export function planRun(training: RunConfig["training"], trainImages: number): RunPlan {
  const { batchSize, epochs, maxSteps } = training;
  const stepsPerEpoch = Math.ceil(trainImages / batchSize);
  const totalSteps = Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY);
  return {
    stepsPerEpoch,
    totalSteps,
    epochs: Math.ceil(totalSteps / stepsPerEpoch),
    imagesIn: (steps) =>
      Math.floor(steps / stepsPerEpoch) * trainImages + (steps % stepsPerEpoch) * batchSize,
  };
}

/**
 * Refuses what BatchNorm cannot do: the networks shrink a side of 16 to one pixel, and the variance of a single value is
 * not defined (PyTorch refuses it too). Throws `shape/batch`.
 */
export function assertBatchesNormalise(config: RunConfig, trainImages: number): void {
  if (config.data.size > SIZE_MULTIPLE) return;
  const { batchSize } = config.training;
  if (Math.min(batchSize, trainImages) > 1 && trainImages % batchSize !== 1) return;
  throw new LabError(
    "shape/batch",
    `${trainImages} training images in batches of ${batchSize} leave one image alone, whose deepest layer is a single pixel at ${config.data.size}×${config.data.size}.`,
    "Use a larger image side or another batch size.",
  );
}

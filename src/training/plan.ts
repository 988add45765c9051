import type { RunConfig } from "@/contracts/runConfig";

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

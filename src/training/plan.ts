import { LabError } from "@/contracts/failure";
import { isSynchronised, type RunConfig, SIZE_MULTIPLE, setupOf } from "@/contracts/runConfig";
import { stepParts } from "./parallel/sharding";

/** How long a run is, in steps, epochs and images. */
export interface RunPlan {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Epochs begun; the last one is short when `maxSteps` ends it. */
  readonly epochs: number;
  /** Training images seen in the first `steps` steps. */
  imagesIn(steps: number): number;
}

export function planRun(config: Pick<RunConfig, "training" | "engine">, trainImages: number): RunPlan {
  const { batchSize, epochs, maxSteps } = config.training;
  const { kind, replicas } = setupOf(config);
  // Distributed replicas have shards of equal length: some images are seen twice where they do not divide evenly.
  const epochImages = kind === "ddp" ? Math.ceil(trainImages / replicas) * replicas : trainImages;
  const stepImages = replicas * batchSize;
  const stepsPerEpoch = Math.ceil(epochImages / stepImages);
  const totalSteps = Math.min(epochs * stepsPerEpoch, maxSteps ?? Number.POSITIVE_INFINITY);
  return {
    stepsPerEpoch,
    totalSteps,
    epochs: Math.ceil(totalSteps / stepsPerEpoch),
    imagesIn: (steps) =>
      Math.floor(steps / stepsPerEpoch) * epochImages + (steps % stepsPerEpoch) * stepImages,
  };
}

/** Images that BatchNorm needs at once: U-Net and U-Net++ shrink a side of 16 to one pixel, whose variance one image does not have. */
export function leastImages({ data, model }: Pick<RunConfig, "data" | "model">): 1 | 2 {
  return data.size > SIZE_MULTIPLE || model.name === "dncnn" ? 1 : 2;
}

/**
 * Refuses what BatchNorm cannot do: U-Net and U-Net++ shrink a side of 16 to one pixel, and the variance of a single value is
 * not defined (PyTorch refuses it too). Throws `shape/batch`.
 */
export function assertBatchesNormalise(config: RunConfig, trainImages: number): void {
  if (leastImages(config) === 1) return;
  const setup = setupOf(config);
  const { batchSize } = config.training;
  const { stepsPerEpoch } = planRun(config, trainImages);
  const order = new Uint32Array(trainImages);
  const equal = Array<number>(setup.replicas).fill(1);
  const isLone = [0, stepsPerEpoch - 1].some((number) => {
    const images = stepParts(setup, order, number, batchSize, equal).map(({ length }) => length);
    return isSynchronised(config) ? images.reduce((sum, count) => sum + count, 0) === 1 : images.includes(1);
  });
  if (!isLone) return;
  throw new LabError(
    "shape/batch",
    `${trainImages} training images in batches of ${batchSize}${setup.replicas > 1 ? ` on ${setup.replicas} replicas` : ""} leave one image alone, whose deepest layer is a single pixel at ${config.data.size}×${config.data.size}.`,
    "Use a larger image side or another batch size.",
  );
}

import { LabError } from "@/contracts/failure";
import type { Batch } from "@/engine/executor";
import type { Lowered } from "./lower";
import { type Pass, placesOf } from "./trainingPasses";

/** Throws `engine/batch` where these pixels are not so many images of `height`×`width`. */
export function checkPixels(
  pixels: Float32Array,
  images: number,
  { height, width }: { readonly height: number; readonly width: number },
): void {
  if (!Number.isInteger(images) || images < 1 || pixels.length !== images * height * width)
    throw new LabError(
      "engine/batch",
      `${pixels.length} pixels are not ${images} images of ${height}×${width}.`,
      "Give whole images of the executor's size.",
    );
}

/** Throws `shape/batch` where a BatchNorm has one value a channel to go by. */
export function checkStatistics({ features }: Lowered, images: number): void {
  for (const { norm, height, width } of features)
    if (norm !== null && images * height * width < 2) throw loneValue();
}

/** The failure of a BatchNorm whose variance is of one value. */
export function loneValue(): LabError {
  return new LabError(
    "shape/batch",
    "BatchNorm cannot train on one value a channel (one image of 1×1 at the bottom of the network).",
    "Use at least two images a batch or a larger size.",
  );
}

/** Queues the images of a pass, by part; `pixels`: of one image. */
export function uploadBatch(
  device: GPUDevice,
  { first, ready }: Pass,
  { noisy, clean }: Batch,
  pixels: number,
): void {
  const { plan, buffers } = ready;
  for (const [part, { from, to }] of placesOf(plan.parts, first * pixels, pixels).entries()) {
    const { queue } = device;
    queue.writeBuffer(buffers[plan.noisy[part] as number] as GPUBuffer, 0, noisy.subarray(from, to));
    queue.writeBuffer(buffers[plan.clean[part] as number] as GPUBuffer, 0, clean.subarray(from, to));
  }
}

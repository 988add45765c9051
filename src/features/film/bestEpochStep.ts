import type { EpochRecord } from "@/contracts/training";

/** The step that ended the epoch with the lowest validation loss, the earliest of several; null before the first. */
export function bestEpochStep(epochs: readonly EpochRecord[]): number | null {
  let best: EpochRecord | null = null;
  for (const epoch of epochs) if (best === null || epoch.validationLoss < best.validationLoss) best = epoch;
  return best?.step ?? null;
}

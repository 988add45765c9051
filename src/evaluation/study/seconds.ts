import type { MeanInterval } from "@/contracts/training";
import { meanInterval } from "../interval";
import type { RunCell, TestedRun } from "./runCells";

/** Wall seconds of training and validation. */
export const secondsOf = ({ result: { timing } }: TestedRun): number =>
  timing.trainSeconds + timing.validationSeconds;

/** Whether replicas of any run of this cell computed on the same device. */
export const isShared = ({ runs }: Pick<RunCell, "runs">): boolean =>
  runs.some(({ result }) => result.replicas.some(({ shared }) => shared));

/**
 * Seconds of training and validation. One run: its total, with the 95 % interval that its epochs' times give (epochs times
 * that of their mean; none of one epoch). Several seeds: their mean with the interval between them.
 */
export function secondsInterval({ runs }: RunCell): MeanInterval {
  if (runs.length > 1) return meanInterval(runs.map(secondsOf));
  const { epochs } = runs[0].result;
  const { ci95 } = meanInterval(epochs.map(({ seconds }) => seconds));
  return { mean: secondsOf(runs[0]), ci95: ci95 * epochs.length };
}

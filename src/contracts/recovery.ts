/**
 * The graphics device was lost in the middle of a run, which went on by itself from its last checkpoint. Or one of several
 * replicas was lost, and the others went on without it: then nothing is done again.
 */
export interface Recovery {
  /** Optimiser steps done when the device was lost. */
  readonly step: number;
  /** Step of the checkpoint that the run went on from: the steps after it were done again. */
  readonly checkpointStep: number;
  /** What the engine said of the loss, one sentence. */
  readonly reason: string;
  /** Unix time in milliseconds of the moment the run went on. */
  readonly atMs: number;
  /** Rank of the replica that was lost; absent when it was the device of the whole run. */
  readonly replica?: number | undefined;
}

const count = (steps: number): string => steps.toLocaleString("en-US");

/** Where in the run the device was lost: "after step 1,230", "before the first step". */
export function placeOfLoss(step: number): string {
  return step > 0 ? `after step ${count(step)}` : "before the first step";
}

/** Where a run goes on: "from the checkpoint of step 1,200", "from its first weights". */
export function placeOfReturn(checkpointStep: number): string {
  return checkpointStep > 0
    ? `from the checkpoint of step ${count(checkpointStep)}`
    : "from its first weights";
}

/** "12:03: the graphics device was lost after step 123; the run went on from the checkpoint of step 100, to the same numbers." */
export function recoverySentence({ step, checkpointStep, replica, reason }: Recovery, time: string): string {
  if (replica !== undefined)
    return `${time}: replica ${replica} was lost ${placeOfLoss(step)} (${reason}); the others compute its images, and no step was lost or done twice.`;
  return `${time}: the graphics device was lost ${placeOfLoss(step)}; the run went on ${placeOfReturn(checkpointStep)}, to the same numbers.`;
}

import { describe, expect, it } from "vitest";
import type { EpochRecord, ProgressInfo, TrainingEvent } from "@/contracts/training";
import { isLive, median, NO_TRAINING, reduceTraining, type TrainingState } from "./trainingReducer";

const epoch = (number: number): EpochRecord => ({
  epoch: number,
  step: number * 10,
  trainLoss: 0.1,
  validationLoss: 0.2 / number,
  validationPsnrDb: 20 + number,
  validationSsim: 0.8,
  seconds: 1,
  validationSeconds: 0.1,
});
const progress: ProgressInfo = {
  step: 12,
  totalSteps: 100,
  epoch: 2,
  epochs: 10,
  stepInEpoch: 2,
  stepsPerEpoch: 10,
  imagesPerSecond: 8,
  secondsLeft: 44,
  deviceBytes: null,
};
const reduced = (events: readonly TrainingEvent[], from: TrainingState = NO_TRAINING): TrainingState =>
  events.reduce(reduceTraining, from);

describe("reduceTraining", () => {
  it("takes steps as progress, a median step time and a new version of the curve", () => {
    const steps = { firstStep: 10, losses: Float32Array.of(1, 2, 3), stepMs: Float32Array.of(30, 10, 20) };
    const state = reduced([{ type: "steps", steps, progress }]);
    expect(state.progress).toBe(progress);
    expect(state.stepMs).toBe(20);
    expect(state.curveVersion).toBe(1);
  });

  it("replaces the epochs that a continued run repeats", () => {
    const state = reduced([1, 2, 3].map((number) => ({ type: "epoch", epoch: epoch(number) }) as const));
    const repeated = reduced([{ type: "epoch", epoch: { ...epoch(2), validationLoss: 9 } }], state);
    expect(repeated.epochs.map((record) => record.epoch)).toEqual([1, 2]);
    expect(repeated.epochs[1]?.validationLoss).toBe(9);
  });

  it("forgets a wish when the worker has granted it, not before", () => {
    const pausing: TrainingState = { ...NO_TRAINING, phase: "training", asked: "pause" };
    expect(reduced([{ type: "phase", phase: "validating" }], pausing).asked).toBe("pause");
    expect(reduced([{ type: "phase", phase: "paused" }], pausing).asked).toBeNull();
    const stopping: TrainingState = { ...NO_TRAINING, phase: "training", asked: "stop" };
    expect(reduced([{ type: "phase", phase: "testing" }], stopping).asked).toBeNull();
    expect(reduced([{ type: "phase", phase: "stopped" }], stopping).asked).toBeNull();
  });

  it("goes back to the checkpoint that a run recovers to, and remembers it", () => {
    const steps = { firstStep: 11, losses: Float32Array.of(1, 2), stepMs: Float32Array.of(1, 1) };
    const recovery = { step: 12, checkpointStep: 10, reason: "The graphics device was lost.", atMs: 5 };
    const back = reduced([
      { type: "epoch", epoch: epoch(1) },
      { type: "checkpoint", step: 10, epoch: 2, atMs: 1 },
      { type: "steps", steps, progress },
      { type: "phase", phase: "recovering", note: "device lost after step 12" },
      { type: "recovered", recovery },
    ]);
    expect(isLive(back.phase)).toBe(true);
    expect(back.recoveries).toEqual([recovery]);
    // As it was told after step 10: the last one of its epoch.
    expect(back.progress).toEqual({ ...progress, step: 10, epoch: 1, stepInEpoch: 10, secondsLeft: null });
    expect(back.epochs).toHaveLength(1);
    expect(back.curveVersion).toBe(2);
    const again = { ...recovery, step: 3, checkpointStep: 0 };
    const begun = reduced([{ type: "recovered", recovery: again }], back);
    expect(begun.progress).toMatchObject({ step: 0, epoch: 1, stepInEpoch: 0 });
    expect(begun.recoveries).toEqual([recovery, again]);
  });

  it("keeps what was shown when a run fails", () => {
    const failure = {
      code: "training/nan-loss",
      message: "The loss is not a number.",
      remedy: "Lower it.",
    } as const;
    const state = reduced([
      { type: "epoch", epoch: epoch(1) },
      { type: "failed", failure, step: 13 },
    ]);
    expect(state.phase).toBe("failed");
    expect(state.failure).toBe(failure);
    expect(state.epochs).toHaveLength(1);
    expect(isLive(state.phase)).toBe(false);
  });
});

describe("median", () => {
  it("is the middle value, and null for none", () => {
    expect(median(Float32Array.of(5, 1, 9))).toBe(5);
    expect(median(new Float32Array(0))).toBeNull();
  });
});

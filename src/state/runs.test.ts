import { describe, expect, it } from "vitest";
import type { RunRecord, RunStatus } from "@/contracts/run";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { bestPsnr, isResumable } from "./runs";

const STARTED: RunRecord["started"] = {
  runId: "r",
  engine: "tfjs-wasm",
  engineTimingsMs: {},
  adapter: null,
  parameters: 1,
  forwardGflopsPerImage: 1,
  train: 1,
  validation: 1,
  test: 1,
  stepsPerEpoch: 1,
  totalSteps: 1,
  firstStep: 0,
};

const run = (status: RunStatus, started: RunRecord["started"], psnrs: readonly number[] = []): RunRecord => ({
  id: "r",
  name: "r",
  config: DEFAULT_CONFIG,
  status,
  createdAt: 0,
  updatedAt: 0,
  started,
  epochs: psnrs.map((validationPsnrDb, index) => ({
    epoch: index + 1,
    step: index + 1,
    trainLoss: 1,
    validationLoss: 1,
    validationPsnrDb,
    validationSsim: 1,
    seconds: 1,
    validationSeconds: 1,
  })),
  step: 9,
  checkpointStep: 9,
  result: null,
  perImage: null,
  failure: null,
  recoveries: [],
});

describe("isResumable", () => {
  it.each([
    ["interrupted", STARTED, true],
    ["stopped", STARTED, true],
    ["failed", STARTED, true],
    ["stopped", null, false],
    ["running", STARTED, false],
    ["done", STARTED, false],
  ] as const)("%s, started with %j: %s", (status, started, resumable) =>
    expect(isResumable(run(status, started))).toBe(resumable),
  );

  it("an imported run, which has steps and no checkpoint: false", () => {
    expect(isResumable({ ...run("stopped", STARTED), step: 12, checkpointStep: 0 })).toBe(false);
  });
});

describe("bestPsnr", () => {
  it("is the highest epoch, and null before the first", () => {
    expect(bestPsnr(run("done", STARTED, [20, 24, 22]))).toEqual({ psnrDb: 24, epoch: 2 });
    expect(bestPsnr(run("done", STARTED))).toBeNull();
  });
});

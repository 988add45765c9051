import { describe, expect, it } from "vitest";
import type { RunRecord, RunStatus } from "@/contracts/run";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { bestPsnr, isResumable } from "./runs";

const run = (status: RunStatus, checkpointStep: number, psnrs: readonly number[] = []): RunRecord => ({
  id: "r",
  name: "r",
  config: DEFAULT_CONFIG,
  status,
  createdAt: 0,
  updatedAt: 0,
  started: null,
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
  checkpointStep,
  result: null,
  perImage: null,
  failure: null,
});

describe("isResumable", () => {
  it.each([
    ["interrupted", 5, true],
    ["failed", 5, true],
    ["interrupted", 0, false],
    ["running", 5, false],
    ["done", 5, false],
    ["stopped", 5, false],
  ] as const)("%s with a checkpoint at step %i: %s", (status, step, resumable) =>
    expect(isResumable(run(status, step))).toBe(resumable),
  );
});

describe("bestPsnr", () => {
  it("is the highest epoch, and null before the first", () => {
    expect(bestPsnr(run("done", 1, [20, 24, 22]))).toEqual({ psnrDb: 24, epoch: 2 });
    expect(bestPsnr(run("done", 1))).toBeNull();
  });
});

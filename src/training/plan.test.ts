import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { assertBatchesNormalise, planRun } from "./plan";

const config = (size: number, batchSize: number): RunConfig => ({
  ...DEFAULT_CONFIG,
  data: { ...DEFAULT_CONFIG.data, size },
  training: { ...DEFAULT_CONFIG.training, batchSize },
});

describe("planRun", () => {
  it("keeps the short last batch, and ends early at maxSteps", () => {
    const plan = planRun(
      { ...DEFAULT_CONFIG, training: { ...DEFAULT_CONFIG.training, batchSize: 4, epochs: 3, maxSteps: 5 } },
      10,
    );
    expect(plan).toMatchObject({ stepsPerEpoch: 3, totalSteps: 5, epochs: 2 });
    expect([0, 1, 3, 4].map(plan.imagesIn)).toEqual([0, 4, 10, 14]);
  });
});

describe("assertBatchesNormalise", () => {
  it.each([
    [16, 1, 8],
    [16, 4, 9],
    [16, 4, 1],
  ])("refuses a lone image at size %i, batch %i, %i images", (size, batch, images) => {
    expect(() => assertBatchesNormalise(config(size, batch), images)).toThrow("shape/batch");
  });
  it.each([
    [32, 1, 8],
    [16, 4, 8],
    [16, 4, 10],
  ])("takes size %i, batch %i, %i images", (size, batch, images) => {
    expect(() => assertBatchesNormalise(config(size, batch), images)).not.toThrow();
  });
  it("takes a lone image of DnCNN, which shrinks nothing", () => {
    const lone = config(16, 1);
    const model = { name: "dncnn", width: 2, norm: "last" } as const;
    expect(() => assertBatchesNormalise({ ...lone, model }, 8)).not.toThrow();
  });
});

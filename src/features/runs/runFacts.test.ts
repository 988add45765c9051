import { describe, expect, it } from "vitest";
import type { RunRecord } from "@/contracts/run";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { configDifferences, networkName, noiseName, runSeconds } from "./runFacts";

const other: RunConfig = {
  ...DEFAULT_CONFIG,
  noise: { ...DEFAULT_CONFIG.noise, std: 0.3 },
  training: { ...DEFAULT_CONFIG.training, maxSteps: 20 },
};

describe("configDifferences", () => {
  it("shows what differs, and only that, for every config", () => {
    expect(configDifferences([DEFAULT_CONFIG, other, { ...DEFAULT_CONFIG, seed: 7 }])).toEqual([
      { path: "noise.std", values: ["0.1", "0.3", "0.1"] },
      { path: "training.maxSteps", values: ["null", "20", "null"] },
      { path: "seed", values: ["42", "42", "7"] },
    ]);
  });

  it("is empty for equal configs, one or none", () => {
    expect(configDifferences([other, other])).toEqual([]);
    expect(configDifferences([other])).toEqual([]);
    expect(configDifferences([])).toEqual([]);
  });
});

it("names networks and noise", () => {
  expect(networkName({ name: "unetpp", width: 8, norm: "last" })).toBe("U-Net++, width 8");
  expect(noiseName({ mean: 0, std: 0.2, draw: "fresh" })).toBe("σ 0.2");
  expect(noiseName({ mean: 0.1, std: 0.2, draw: "once" })).toBe("N(0.1, 0.2), drawn once");
});

it("adds up the seconds of the epochs while there is no result", () => {
  const epoch = {
    epoch: 1,
    step: 1,
    trainLoss: 1,
    validationLoss: 1,
    validationPsnrDb: 1,
    validationSsim: 1,
  };
  const run: RunRecord = {
    id: "r",
    name: "r",
    config: DEFAULT_CONFIG,
    status: "interrupted",
    createdAt: 0,
    updatedAt: 0,
    started: null,
    epochs: [
      { ...epoch, seconds: 3, validationSeconds: 0.5 },
      { ...epoch, epoch: 2, seconds: 2, validationSeconds: 0.5 },
    ],
    step: 2,
    checkpointStep: 2,
    result: null,
    perImage: null,
    failure: null,
    recoveries: [],
  };
  expect(runSeconds(run)).toBe(6);
  expect(runSeconds({ ...run, epochs: [] })).toBeNull();
});

import { beforeEach, describe, expect, it } from "vitest";
import { configFromQuery } from "@/contracts/runConfig";
import {
  changeNoise,
  changeSource,
  fitSource,
  noiseStore,
  PHANTOMS,
  stepIndex,
  trainWithNoise,
} from "./noise";

const DATASET = { kind: "dataset", datasetId: "d", imageCount: 5 } as const;

beforeEach(() => changeSource(PHANTOMS));

describe("stepIndex", () => {
  it("goes around a dataset both ways, and stops phantoms at the first", () => {
    expect(stepIndex(DATASET, 4, 1)).toBe(0);
    expect(stepIndex(DATASET, 0, -6)).toBe(4);
    expect(stepIndex({ ...DATASET, imageCount: 0 }, 0, 1)).toBe(0);
    expect(stepIndex(PHANTOMS, 0, -1)).toBe(0);
    expect(stepIndex(PHANTOMS, 1_000, 6)).toBe(1_006);
  });
});

describe("fitSource", () => {
  it("offers the images that a dataset gained, at the same place", () => {
    changeSource(DATASET);
    changeNoise({ index: 3 });
    fitSource([{ id: "d", imageCount: 9 }]);
    expect(noiseStore.getState()).toMatchObject({ index: 3, source: { imageCount: 9 } });
  });

  it("gives a deleted dataset up for phantoms", () => {
    changeSource(DATASET);
    fitSource([{ id: "other", imageCount: 9 }]);
    expect(noiseStore.getState()).toMatchObject({ index: 0, source: PHANTOMS });
  });
});

it("the training screen reads the noise from the address", () => {
  const outcome = configFromQuery(trainWithNoise({ mean: 0.1, std: 0.25 }).split("?")[1] ?? "");
  if (!outcome.ok) throw new Error(outcome.failure.message);
  expect(outcome.value.noise).toMatchObject({ mean: 0.1, std: 0.25 });
});

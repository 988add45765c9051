import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { fieldErrors } from "./fieldErrors";

const good: RunConfig = { ...DEFAULT_CONFIG, data: { ...DEFAULT_CONFIG.data, source: "phantom:96" } };

describe("fieldErrors", () => {
  it("has nothing to say about a good config", () => expect(fieldErrors(good)).toEqual({}));

  it("asks for images", () => expect(fieldErrors(DEFAULT_CONFIG)).toHaveProperty(["data.source"]));

  it("names every wrong field at once, an empty one too", () => {
    const errors = fieldErrors({
      ...good,
      data: { ...good.data, size: 100 },
      model: { ...good.model, width: 0 },
      training: { ...good.training, learningRate: 0, epochs: Number.NaN, batchSize: 2.5 },
    });
    expect(errors).toEqual({
      "data.size": "A multiple of 16: the networks halve an image four times.",
      "model.width": "At least 1.",
      "training.learningRate": "More than 0.",
      "training.epochs": "Enter a number.",
      "training.batchSize": "A whole number.",
    });
  });

  it("adds up the split", () => {
    expect(fieldErrors({ ...good, data: { ...good.data, split: [0.5, 0.3, 0.1] } })).toEqual({
      "data.split": "The parts add up to 0.9; they must make 1.",
    });
    expect(fieldErrors({ ...good, data: { ...good.data, split: [0.5, Number.NaN, 0.5] } })).toHaveProperty([
      "data.split",
    ]);
  });
});

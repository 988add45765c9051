import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { type ModelConfig, NETWORK_NAMES, NORMS } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import { buildGraph } from "./build";
import { initialWeights } from "./init";
import { writeSafetensors } from "./safetensors";
import { checkStateDict, identifyModel, readModelFile } from "./stateDict";

const MODELS: ModelConfig[] = NETWORK_NAMES.flatMap((name) =>
  NORMS[name].map((norm) => ({ name, width: 3, norm })),
);
const UNET: ModelConfig = { name: "unet", width: 2, norm: "last" };
const UNETPP: ModelConfig = { name: "unetpp", width: 2, norm: "last" };
const weightsOf = (model: ModelConfig): StateDict => initialWeights(buildGraph(model), 1);
const renamed = (weights: StateDict, rename: (name: string) => string): StateDict =>
  new Map([...weights].map(([name, tensor]) => [rename(name), tensor]));

function failureOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof LabError) return `${error.failure.code}: ${error.failure.message}`;
    throw error;
  }
  return "no failure";
}

describe("identifyModel", () => {
  it.each(MODELS)("recognises $name with norm $norm", (model) => {
    expect(identifyModel(weightsOf(model))).toEqual(model);
  });

  it("understands names of DataParallel", () => {
    expect(identifyModel(renamed(weightsOf(UNET), (name) => `module.${name}`))).toEqual(UNET);
  });

  it.each([
    [new Map(), "weights/network: The weight file holds no tensors."],
    [new Map([["encoder.weight", { shape: [1], data: new Float32Array(1) }]]), "encoder.weight"],
  ])("refuses what is neither network (%#)", (weights: StateDict, words) => {
    expect(failureOf(() => identifyModel(weights))).toContain(words);
  });

  it("refuses a width of 0", () => {
    const weights = weightsOf(UNET);
    weights.set("conv1.0.weight", { shape: [0, 1, 3, 3], data: new Float32Array(0) });
    expect(failureOf(() => identifyModel(weights))).toContain("weights/network");
  });
});

describe("a DnCNN with KAIR's names", () => {
  const merged: ModelConfig = { name: "dncnn", width: 2, norm: "none" };
  /** 0, 2, 4, … 32 → 0, 2, 5, … 47. */
  const gapped = (weights: StateDict): StateDict =>
    renamed(weights, (name) =>
      name.replace(/\d+/, (place) => `${Number(place) === 0 ? 0 : 1.5 * Number(place) - 1}`),
    );

  it("is read when its BatchNorm was merged and the places were kept", () => {
    const weights = weightsOf(merged);
    expect([...gapped(weights).keys()].at(-1)).toBe("model.47.bias");
    const read = readModelFile(writeSafetensors(gapped(weights)));
    expect(read).toEqual({ model: merged, weights, metadata: {} });
  });

  it.each([20, 7])("of %i layers is refused in one sentence", (layers) => {
    const weights: StateDict = new Map();
    for (let layer = 0; layer < layers; layer++)
      weights.set(`model.${2 * layer}.weight`, { shape: [2, 2, 3, 3], data: new Float32Array(36) });
    expect(failureOf(() => identifyModel(weights))).toBe(
      `weights/network: These weights have ${layers} convolutions; the lab's DnCNN has 17.`,
    );
  });

  it("of colour images is refused by its first convolution", () => {
    const weights = weightsOf(merged);
    weights.set("model.0.weight", { shape: [2, 3, 3, 3], data: new Float32Array(54) });
    expect(failureOf(() => identifyModel(weights))).toContain(
      "weights/shape: model.0.weight has the shape [2, 3, 3, 3] instead of [2, 1, 3, 3]",
    );
  });
});

describe("checkStateDict", () => {
  const graph = buildGraph(UNET);
  it("passes the network's own weights", () => {
    checkStateDict(graph, weightsOf(UNET));
  });

  it("names the first missing tensor and counts the others", () => {
    const weights = weightsOf(UNET);
    weights.delete("conv2.0.bias");
    expect(failureOf(() => checkStateDict(graph, weights))).toBe(
      "weights/missing: The weights lack conv2.0.bias of unet-w2.",
    );
    weights.delete("conv3.0.bias");
    expect(failureOf(() => checkStateDict(graph, weights))).toContain("conv2.0.bias and 1 more of unet-w2");
  });

  it("names what it does not know", () => {
    const weights = weightsOf(UNET);
    weights.set("extra", { shape: [], data: new Float32Array(1) });
    expect(failureOf(() => checkStateDict(graph, weights))).toContain(
      "weights/unexpected: The weights hold extra,",
    );
  });

  it("names the tensor of another shape", () => {
    expect(failureOf(() => checkStateDict(graph, weightsOf({ ...UNET, width: 3 })))).toContain(
      "weights/shape: conv1.0.weight has the shape [3, 1, 3, 3] instead of [2, 1, 3, 3], and",
    );
  });
});

describe("readModelFile", () => {
  it("takes the trained head of a multi-head U-Net++ and drops the others", () => {
    const weights = weightsOf(UNETPP);
    const many = renamed(weights, (name) => name.replace("final.", "final_X04."));
    for (const head of ["final_X01", "final_X02", "final_X03"]) {
      many.set(`${head}.weight`, { shape: [1, 2, 1, 1], data: new Float32Array(2) });
      many.set(`${head}.bias`, { shape: [1], data: new Float32Array(1) });
    }
    const read = readModelFile(writeSafetensors(many, { noise: "0.1" }));
    expect(read).toEqual({ model: UNETPP, weights, metadata: { noise: "0.1" } });
    expect([...read.weights.keys()]).toEqual([...weights.keys()]);
  });
});

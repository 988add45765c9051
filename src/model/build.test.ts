import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import type { ModelConfig } from "@/contracts/runConfig";
import { buildGraph } from "./build";
import { forwardFlops } from "./cost";
import type { Graph } from "./graph";
import { countParameters, parameterList } from "./parameters";
import { inferShapes } from "./shapes";

const unet = (width: number, norm: ModelConfig["norm"] = "last"): Graph =>
  buildGraph({ name: "unet", width, norm });
const unetpp = (width: number, norm: ModelConfig["norm"] = "last"): Graph =>
  buildGraph({ name: "unetpp", width, norm });

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof LabError) return `${error.failure.code}: ${error.failure.message}`;
    throw error;
  }
  return "no failure";
}

describe("the study's networks", () => {
  it("have its parameters at width 64", () => {
    expect(countParameters(unet(64))).toBe(31_036_481);
    expect(countParameters(unetpp(64))).toBe(36_621_185);
  });

  it("take its operations for a 256×256 image", () => {
    expect((forwardFlops(unet(64), 256, 256) / 1e9).toFixed(2)).toBe("96.18");
    expect((forwardFlops(unetpp(64), 256, 256) / 1e9).toFixed(2)).toBe("275.50");
  });

  it("give one channel of the size that came in", () => {
    for (const graph of [unet(3), unetpp(3), unet(3, "both"), unetpp(3, "both")])
      expect(inferShapes(graph, 32, 48)[graph.output]).toEqual({ channels: 1, height: 32, width: 48 });
  });

  it("halve four times", () => {
    const deepest = Math.min(...inferShapes(unetpp(1), 64, 64).map((shape) => shape.height));
    expect(deepest).toBe(4);
  });

  it("use PyTorch's places of the layers", () => {
    const names = (graph: Graph): string[] => parameterList(graph).map(({ name }) => name);
    expect(names(unet(1)).slice(0, 5)).toEqual([
      "conv1.0.weight",
      "conv1.0.bias",
      "conv1.2.weight",
      "conv1.2.bias",
      "conv1.3.weight",
    ]);
    expect(names(unet(1, "both"))).toContain("conv9.4.running_var");
    expect(names(unet(1)).at(-1)).toBe("final_conv.bias");
    expect(names(unetpp(1))).toContain("conv0_4.block.3.num_batches_tracked");
    expect(names(unetpp(1)).at(-2)).toBe("final.weight");
  });
});

describe("DnCNN", () => {
  const dncnn = (width: number, norm: ModelConfig["norm"] = "last"): Graph =>
    buildGraph({ name: "dncnn", width, norm });

  it("has PyTorch's parameters: 17 convolutions with bias, 15 BatchNorms", () => {
    // (1·9 + 1)·64 + 15·(64·9 + 1)·64 + 64·9 + 1, and 15·2·64.
    expect(countParameters(dncnn(64, "none"))).toBe(555_137);
    expect(countParameters(dncnn(64))).toBe(557_057);
  });

  it("takes its operations at full size", () => {
    expect((forwardFlops(dncnn(64), 256, 256) / 1e9).toFixed(2)).toBe("72.63");
  });

  it("has KAIR's names", () => {
    const convolutions = (graph: Graph): string[] =>
      parameterList(graph).flatMap(({ name, kind }) => (kind === "convWeight" ? [name] : []));
    expect(convolutions(dncnn(2)).slice(0, 3)).toEqual([
      "model.0.weight",
      "model.2.weight",
      "model.5.weight",
    ]);
    expect(convolutions(dncnn(2)).at(-1)).toBe("model.47.weight");
    expect(parameterList(dncnn(2)).map(({ name }) => name)).toContain("model.45.running_var");
    expect(convolutions(dncnn(2, "none")).slice(0, 3)).toEqual([
      "model.0.weight",
      "model.2.weight",
      "model.4.weight",
    ]);
    expect(convolutions(dncnn(2, "none")).at(-1)).toBe("model.32.weight");
  });

  it("takes any size", () => {
    const graph = dncnn(1);
    expect(inferShapes(graph, 17, 31)[graph.output]).toEqual({ channels: 1, height: 17, width: 31 });
  });

  it("refuses the norms of the other networks, as they refuse its own", () => {
    expect(codeOf(() => dncnn(1, "both"))).toBe('config/norm: DnCNN has no normalisation "both".');
    expect(codeOf(() => unet(1, "none"))).toContain("config/norm");
  });
});

describe("inferShapes", () => {
  it.each([
    [250, 256],
    [24, 32],
    [0, 16],
    [16.5, 16],
  ])("refuses %s×%s", (height, width) => {
    expect(codeOf(() => inferShapes(unet(1), height, width))).toContain("shape/size");
  });

  it("names the partners of a concat that do not fit", () => {
    const graph: Graph = {
      name: "bad",
      inputChannels: 1,
      output: 2,
      nodes: [
        { op: "input", id: 0 },
        { op: "maxPool", id: 1, input: 0 },
        { op: "concat", id: 2, inputs: [1, 0] },
      ],
    };
    expect(codeOf(() => inferShapes(graph, 128, 128))).toBe("shape/concat: Skip 64×64 ≠ 128×128.");
  });

  it("refuses a difference of two shapes", () => {
    const graph: Graph = {
      name: "bad",
      inputChannels: 1,
      output: 2,
      nodes: [
        { op: "input", id: 0 },
        { op: "conv", id: 1, input: 0, name: "a", kernel: 3, outChannels: 2 },
        { op: "subtract", id: 2, inputs: [0, 1] },
      ],
    };
    expect(codeOf(() => inferShapes(graph, 8, 8))).toBe(
      "shape/subtract: 2 channels of 8×8 cannot be subtracted from 1 of 8×8.",
    );
  });

  it("refuses a node that reads what comes later", () => {
    const graph: Graph = {
      name: "bad",
      inputChannels: 1,
      output: 0,
      nodes: [{ op: "relu", id: 0, input: 1 }],
    };
    expect(codeOf(() => inferShapes(graph, 16, 16))).toContain("shape/order");
  });
});

describe("buildGraph", () => {
  it.each([0, -1, 1.5])("refuses width %s", (width) => {
    expect(codeOf(() => unet(width))).toContain("shape/width");
  });
});

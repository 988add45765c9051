import { describe, expect, it } from "vitest";
import { buildGraph } from "@/model/build";
import { BATCH_NORM_EPSILON } from "@/model/graph";
import { foldNorms } from "./foldNorms";
import { bytes, float, integer, message, text } from "./protobuf";
import { inferenceWeights } from "./weights";

describe("protobuf", () => {
  it("encodes the examples of its documentation", () => {
    // https://protobuf.dev/programming-guides/encoding/
    expect([...integer(1, 150)]).toEqual([0x08, 0x96, 0x01]);
    expect([...text(2, "testing")]).toEqual([0x12, 0x07, ...Buffer.from("testing")]);
    expect([...message(3, [integer(1, 150)])]).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01]);
  });

  it("encodes numbers beyond 32 bits, floats, and fields beyond 15", () => {
    expect([...integer(1, 2 ** 35)]).toEqual([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
    expect([...float(2, 1)]).toEqual([0x15, 0, 0, 0x80, 0x3f]);
    expect([...bytes(20, Uint8Array.of(7))]).toEqual([0xa2, 0x01, 1, 7]);
  });
});

describe("foldNorms", () => {
  it("moves a BatchNorm's scale and shift into the convolution before it", () => {
    const graph = buildGraph({ name: "unet", width: 2, norm: "last" });
    const weights = inferenceWeights(graph);
    const folded = foldNorms(graph.nodes, weights);
    const norm = graph.nodes.find((node) => node.op === "batchNorm");
    const conv = graph.nodes.find((node) => node.op === "conv" && node.id === norm?.input);
    if (norm?.op !== "batchNorm" || conv?.op !== "conv") throw new Error("no convolution with BatchNorm");
    expect(folded.nodes.some(({ op }) => op === "batchNorm")).toBe(false);
    expect(folded.nodes.find((node) => node.op === "relu" && node.input === conv.id)).toBeDefined();
    const of = (name: string, from = weights): number => from.get(name)?.data[1] ?? Number.NaN;
    const factor = of(`${norm.name}.weight`) / Math.sqrt(of(`${norm.name}.running_var`) + BATCH_NORM_EPSILON);
    const shift = (of(`${conv.name}.bias`) - of(`${norm.name}.running_mean`)) * factor;
    expect(of(`${conv.name}.bias`, folded.weights)).toBeCloseTo(shift + of(`${norm.name}.bias`), 6);
    const perChannel = (weights.get(`${conv.name}.weight`)?.data.length ?? 0) / 2;
    const last = (from: typeof weights): number =>
      from.get(`${conv.name}.weight`)?.data[2 * perChannel - 1] ?? 0;
    expect(last(folded.weights)).toBeCloseTo(last(weights) * factor, 6);
  });
});

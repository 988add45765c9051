import { expect, it } from "vitest";
import type { StateDict } from "@/contracts/tensors";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { packGroup, tableOf, unpackGroup } from "./parameters";
import { makePlan } from "./plan";

const graph = buildGraph({ name: "unet", width: 2, norm: "last" });
const weights = initialWeights(graph, 1);

it("gives back every trainable parameter as it was", () => {
  const table = tableOf(graph, weights);
  const back: StateDict = new Map();
  for (const group of table.groups) unpackGroup(group, packGroup(group, weights), back);
  expect(back.size).toBe(table.parameters.length);
  for (const [name, tensor] of back) expect(tensor, name).toEqual(weights.get(name));
});

it("lays a convolution out as [k, k, in, out] and a transposed one as [in, 2, 2, out]", () => {
  const table = tableOf(graph, weights);
  const at = (name: string): { data: Float32Array; torch: Float32Array } => {
    const parameter = table.parameters.find((candidate) => candidate.name === name);
    if (!parameter) throw new Error(name);
    return { data: packGroup([parameter], weights), torch: weights.get(name)?.data as Float32Array };
  };
  // conv2.0: [4, 2, 3, 3]; out 3, in 1, row 2, column 0.
  const conv = at("conv2.0.weight");
  expect(conv.data[((2 * 3 + 0) * 2 + 1) * 4 + 3]).toBe(conv.torch[((3 * 2 + 1) * 3 + 2) * 3]);
  // upconv9: [4, 2, 2, 2]; in 3, out 1, row 1, column 0.
  const upconv = at("upconv9.weight");
  expect(upconv.data[((3 * 2 + 1) * 2 + 0) * 2 + 1]).toBe(upconv.torch[((3 * 2 + 1) * 2 + 1) * 2]);
});

it("folds every ReLU of the networks into the layer before it, and frees what the backward pass does not read", () => {
  const plan = makePlan(graph);
  expect(plan.steps.some(({ op }) => op === "relu")).toBe(false);
  const concat = plan.steps.find(({ op }) => op === "concat");
  const upconv = plan.steps.find(({ op }) => op === "upconv");
  expect(plan.saved.has(concat?.output ?? -1)).toBe(true);
  expect(plan.saved.has(upconv?.output ?? -1)).toBe(false);
});

import { describe, expect, it } from "vitest";
import { buildGraph } from "./build";
import { initialWeights } from "./init";
import { parameterList } from "./parameters";

const GRAPH = buildGraph({ name: "unet", width: 8, norm: "last" });

describe("initialWeights", () => {
  it("fills the state dict in its order with its shapes", () => {
    const weights = initialWeights(GRAPH, 1);
    expect([...weights.keys()]).toEqual(parameterList(GRAPH).map(({ name }) => name));
    expect(weights.get("conv1.3.num_batches_tracked")).toEqual({ shape: [], data: new Float32Array(1) });
    expect(weights.get("conv1.3.running_var")?.data).toEqual(new Float32Array(8).fill(1));
  });

  it("gives the same numbers for the same seed and others for another", () => {
    const of = (seed: number) => initialWeights(GRAPH, seed).get("conv2.0.weight")?.data;
    expect(of(5)).toEqual(of(5));
    expect(of(5)).not.toEqual(of(6));
  });

  it("gives two layers of one shape different numbers", () => {
    const weights = initialWeights(GRAPH, 5);
    expect(weights.get("conv2.2.weight")?.data).not.toEqual(weights.get("conv8.2.weight")?.data);
  });

  // Uniform on ±b: mean 0, variance b²/3. Five standard errors of n draws; the variance's is about 0.9·b²/3/√n.
  it.each([
    ["conv5.2.weight", 128 * 9],
    ["conv6.0.weight", 128 * 9],
    ["upconv6.weight", 64 * 4],
  ])("draws %s as PyTorch does", (name, fanIn) => {
    const data = initialWeights(GRAPH, 42).get(name)?.data as Float32Array;
    const bound = 1 / Math.sqrt(fanIn);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const variance = data.reduce((sum, value) => sum + value * value, 0) / data.length;
    const deviation = bound / Math.sqrt(3);
    expect(Math.abs(mean)).toBeLessThan((5 * deviation) / Math.sqrt(data.length));
    expect(Math.abs(variance / deviation ** 2 - 1)).toBeLessThan((5 * 0.9) / Math.sqrt(data.length));
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThanOrEqual(Math.fround(bound));
    expect(largest).toBeGreaterThan(0.99 * bound);
  });
});

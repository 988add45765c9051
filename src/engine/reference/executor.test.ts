import { describe, expect, it } from "vitest";
import type { StateDict } from "@/contracts/tensors";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import type { Batch, Executor } from "../executor";
import { relativeError } from "../fixtures";
import { referenceEngine } from "./engine";

/** Weights, moments and gradients pass through float32 when they are read out and written back. */
const FLOAT32_RTOL = 1e-6;

const GRAPH = buildGraph({ name: "unet", width: 2, norm: "last" });
const HEIGHT = 16;
const WIDTH = 32;
const create = (weights: StateDict = initialWeights(GRAPH, 1), height = HEIGHT): Promise<Executor> =>
  referenceEngine.create({
    graph: GRAPH,
    weights,
    height,
    width: WIDTH,
    loss: "l1",
    adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  });

function batchOf(images: number, phase = 0): Batch {
  const clean = Float32Array.from(
    { length: images * HEIGHT * WIDTH },
    (_, i) => 0.5 + 0.4 * Math.sin(i / 7 + phase),
  );
  return { images, clean, noisy: clean.map((value, i) => value + 0.2 * Math.sin(i * i + phase)) };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no failure",
    (error: unknown) => (error as { failure?: { code: string } }).failure?.code ?? String(error),
  );

describe("reference executor", () => {
  it("learns", async () => {
    const executor = await create();
    const first = await executor.trainStep(batchOf(3), 1e-2);
    let last = first;
    for (let step = 0; step < 15; step++) last = await executor.trainStep(batchOf(3), 1e-2);
    expect(last).toBeLessThan(0.5 * first);
  });

  it("takes batches of any length at one size, and infers images independently", async () => {
    const executor = await create();
    await executor.trainStep(batchOf(1), 1e-3);
    await executor.trainStep(batchOf(5), 1e-3);
    const { noisy } = batchOf(3);
    const together = await executor.infer(noisy, 3);
    const alone = await executor.infer(noisy.slice(HEIGHT * WIDTH, 2 * HEIGHT * WIDTH), 1);
    expect(alone).toEqual(together.slice(HEIGHT * WIDTH, 2 * HEIGHT * WIDTH));
  });

  it("steps with gradients in two parts as in one", async () => {
    const [one, two] = [await create(), await create()];
    const loss = await one.trainStep(batchOf(2), 1e-3);
    expect(await two.computeGradients(batchOf(2))).toBe(loss);
    await two.applyGradients(1e-3);
    expect(await two.readWeights()).toEqual(await one.readWeights());
  });

  it("moves running statistics with computeGradients, weights only with applyGradients", async () => {
    const executor = await create();
    const before = await executor.readWeights();
    await executor.computeGradients(batchOf(2));
    const after = await executor.readWeights();
    expect(after.get("conv1.0.weight")).toEqual(before.get("conv1.0.weight"));
    expect(after.get("conv1.3.running_mean")).not.toEqual(before.get("conv1.3.running_mean"));
    expect([...(after.get("conv1.3.num_batches_tracked")?.data ?? [])]).toEqual([1]);
  });

  it("applies the gradients that were written", async () => {
    const [one, two] = [await create(), await create()];
    await one.computeGradients(batchOf(2));
    await two.writeGradients(await one.readGradients());
    await one.applyGradients(1e-3);
    await two.applyGradients(1e-3);
    const expected = (await one.readWeights()).get("conv3.0.weight")?.data ?? [];
    expect(relativeError((await two.readWeights()).get("conv3.0.weight")?.data ?? [], expected)).toBeLessThan(
      FLOAT32_RTOL,
    );
  });

  it("continues from weights and moments in another executor", async () => {
    const one = await create();
    for (let step = 0; step < 3; step++) await one.trainStep(batchOf(2, step), 1e-3);
    const two = await create(await one.readWeights());
    await two.writeOptimizer(await one.readOptimizer());
    expect((await two.readOptimizer()).step).toBe(3);
    await one.trainStep(batchOf(2, 3), 1e-3);
    await two.trainStep(batchOf(2, 3), 1e-3);
    const weights = await two.readWeights();
    for (const [name, { data }] of await one.readWeights()) {
      // Its gradient is rounding alone (BatchNorm subtracts this bias again), which passing through float32 changes.
      if (/conv\d\.2\.bias/.test(name)) continue;
      expect(relativeError(weights.get(name)?.data ?? [], data), name).toBeLessThan(1e-5);
    }
  });

  it("writes weights over its own", async () => {
    const executor = await create();
    await executor.trainStep(batchOf(2), 1e-3);
    const weights = initialWeights(GRAPH, 8);
    await executor.writeWeights(weights);
    expect(await executor.readWeights()).toEqual(weights);
  });

  it("gives copies: what is read does not change with the next step", async () => {
    const executor = await create();
    const weights = await executor.readWeights();
    const copy = structuredClone(weights);
    await executor.trainStep(batchOf(2), 1e-3);
    expect(weights).toEqual(copy);
  });

  it("returns a NaN loss instead of throwing", async () => {
    const executor = await create();
    const batch = batchOf(1);
    batch.clean[0] = Number.NaN;
    expect(await executor.trainStep(batch, 1e-3)).toBeNaN();
  });

  it("refuses sizes, batches and weights that do not fit", async () => {
    const executor = await create();
    expect(await codeOf(create(initialWeights(GRAPH, 1), 24))).toBe("shape/size");
    expect(await codeOf(create(new Map()))).toBe("weights/missing");
    expect(await codeOf(executor.infer(new Float32Array(7), 1))).toBe("engine/batch");
    expect(await codeOf(executor.infer(new Float32Array(0), 0))).toBe("engine/batch");
    expect(await codeOf(executor.trainStep({ ...batchOf(1), clean: new Float32Array(3) }, 1))).toBe(
      "engine/batch",
    );
    expect(await codeOf(executor.applyGradients(1))).toBe("engine/no-gradients");
    expect(await codeOf(executor.writeGradients(new Map()))).toBe("weights/shape");
    expect(await codeOf(executor.writeWeights(new Map()))).toBe("weights/missing");
  });

  it("holds no more after many steps than after one, and nothing after dispose", async () => {
    const executor = await create();
    await executor.trainStep(batchOf(2), 1e-3);
    const { bytes, peakBytes } = executor.memory();
    for (let step = 0; step < 4; step++) await executor.trainStep(batchOf(2), 1e-3);
    expect(executor.memory()).toEqual({ bytes, peakBytes });
    expect(peakBytes).toBeGreaterThan(bytes);
    await executor.dispose();
    await executor.dispose();
    expect(() => executor.memory()).toThrow("engine/disposed");
    for (const call of [
      executor.infer(batchOf(1).noisy, 1),
      executor.trainStep(batchOf(1), 1),
      executor.computeGradients(batchOf(1)),
      executor.applyGradients(1),
      executor.readGradients(),
      executor.writeGradients(new Map()),
      executor.readWeights(),
      executor.writeWeights(new Map()),
      executor.readOptimizer(),
      executor.writeOptimizer({ step: 0, firstMoments: new Map(), secondMoments: new Map() }),
    ])
      expect(await codeOf(call)).toBe("engine/disposed");
  });
});

import { describe, expect, it } from "vitest";
import { batchOf, optionsOf } from "../fixtureRun";
import { loadFixture } from "../fixtures";
import { acquireDevice } from "./device";
import { WebgpuExecutor } from "./executor";
import { setUpNodeGpu } from "./nodeGpu";

const missing = await setUpNodeGpu();
if (missing) console.warn(`flat gradients in Node: skipped. ${missing}`);

async function two(precision: "f32" | "mixed"): Promise<[WebgpuExecutor, WebgpuExecutor]> {
  const options = optionsOf(await loadFixture("unet-l2"), precision);
  const lab = await acquireDevice();
  return [await WebgpuExecutor.create(lab, options), await WebgpuExecutor.create(lab, options)];
}

describe.skipIf(missing !== null)("flat gradients and parameters", () => {
  it.each(["f32", "mixed"] as const)(
    "in %s are what the tensors are, from one executor to another",
    async (precision) => {
      const [a, b] = await two(precision);
      try {
        await a.computeGradients(batchOf(await loadFixture("unet-l2"), 0));
        await b.flat.writeGradients(await a.flat.readGradients());
        expect(await b.readGradients()).toEqual(await a.readGradients());
        for (const executor of [a, b]) await executor.applyGradients(1e-3);
        expect(await b.flat.readParameters()).toEqual(await a.flat.readParameters());
        await a.computeGradients(batchOf(await loadFixture("unet-l2"), 1));
        await a.applyGradients(1e-3);
        const before = await b.readWeights();
        await b.flat.writeParameters(await a.flat.readParameters());
        const [name, tensor] = [...(await a.readWeights())][0] ?? ["", null];
        expect((await b.readWeights()).get(name)).toEqual(tensor);
        expect(before.get(name)).not.toEqual(tensor);
      } finally {
        await a.dispose();
        await b.dispose();
      }
    },
  );

  it.each(["f32", "mixed"] as const)(
    "in %s come in pieces as the device has them, to the bit",
    async (precision) => {
      const [a, b] = await two(precision);
      try {
        for (const step of [0, 1]) {
          const batch = batchOf(await loadFixture("unet-l2"), step);
          const { floats } = a.flat;
          const third = Math.ceil(floats / 3);
          const pieces = [2 * third, third, 0].map((offset) => ({
            offset,
            length: Math.min(third, floats - offset),
          }));
          const flat = new Float32Array(floats).fill(7);
          const stream = await a.flat.streamGradients?.(batch, flat, pieces);
          await Promise.all(stream?.pieces ?? []);
          expect(await stream?.loss).toBe(await b.computeGradients(batch));
          expect(flat).toEqual(await b.flat.readGradients());
          for (const executor of [a, b]) await executor.applyGradients(1e-3);
        }
        expect(await b.readWeights()).toEqual(await a.readWeights());
      } finally {
        await a.dispose();
        await b.dispose();
      }
    },
  );

  it("that overflowed in one replica make both skip the step, with the same scale after it", async () => {
    const [a, b] = await two("mixed");
    try {
      const parameters = await a.flat.readParameters();
      const mean = await (async () => {
        await a.computeGradients(batchOf(await loadFixture("unet-l2"), 0));
        return a.flat.readGradients();
      })();
      mean[3] = Number.POSITIVE_INFINITY;
      for (const executor of [a, b]) {
        await executor.flat.writeGradients(mean);
        await executor.applyGradients(1e-3);
        expect(await executor.flat.readParameters()).toEqual(parameters);
        expect((await executor.readOptimizer()).step).toBe(0);
      }
      expect(a.readLossScale()).toEqual(b.readLossScale());
      expect(a.readLossScale()?.scale).toBe(2 ** 15);
    } finally {
      await a.dispose();
      await b.dispose();
    }
  });
});
